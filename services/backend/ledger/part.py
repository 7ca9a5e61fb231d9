"""What the ledger adds to a process."""

from servicekit.metrics import Reading
from servicekit.parts import HealthCheck, Part

from services.backend.ledger.interface import Ledger
from services.backend.ledger.servicer import LedgerServicer


def part(ledger: Ledger) -> Part:
    """Its RPCs, its health, and how much waits for it."""

    async def answers() -> None:
        # An account that need not exist.
        await ledger.lookup_accounts([1])

    queued = Reading(
        "rafiki_ledger_transfers_queued",
        "transfers that wait for a batch of the ledger",
        lambda: ledger.queued_transfers,
    )
    return Part(
        servicers=[LedgerServicer(ledger=ledger)],
        checks={"ledger": HealthCheck(check=answers)},
        measures=[queued],
    )
