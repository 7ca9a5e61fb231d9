"""What the ledger adds to a process."""

from servicekit.parts import HealthCheck, Part

from services.backend.ledger.interface import Ledger
from services.backend.ledger.servicer import LedgerServicer


def part(ledger: Ledger) -> Part:
    """Its RPCs, and its health."""

    async def answers() -> None:
        # An account that need not exist.
        await ledger.lookup_accounts([1])

    return Part(
        servicers=[LedgerServicer(ledger=ledger)], checks={"ledger": HealthCheck(check=answers)}
    )
