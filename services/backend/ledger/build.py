"""Opens the ledger that the settings ask for, behind its batcher."""

from servicekit.clock import Clock
from servicekit.tracing import Tracing

from services.backend.ledger.batching.batcher import BatchedLedger
from services.backend.ledger.interface import Ledger
from services.backend.ledger.postgres.engine import PostgresLedger
from services.backend.ledger.tigerbeetle.engine import TigerBeetleLedger
from services.backend.settings import BackendSettings


async def open_ledger(
    settings: BackendSettings, *, clock: Clock, tracing: Tracing | None = None
) -> Ledger:
    """Connect; raises when the engine can't be reached."""
    if settings.use_tigerbeetle:
        engine = await TigerBeetleLedger.open(
            ",".join(settings.tigerbeetle_addresses), cluster_id=settings.tigerbeetle_cluster_id
        )
        return BatchedLedger(engine, clock=clock, tracing=tracing)
    postgres = PostgresLedger(settings.database_url.get_secret_value())
    await postgres.open()
    return BatchedLedger(postgres, clock=clock, tracing=tracing)
