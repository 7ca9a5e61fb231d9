"""What of an outgoing payment is neither sent nor still its own."""

from dataclasses import dataclass
from uuid import UUID

from servicekit.database import Database

from services.backend.ledger.interface import LedgerReader
from services.backend.unknown_packets import repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """In the payment's asset. A payment ends when nothing of it is pending."""

    pending: int
    """Reserved by packets that fly, or that wait for a reply or for the reconciler."""
    unknown: int
    """Entered as unknown: it has left the payment's account, and nobody knows whose it is."""


class HeldMoney:
    """Asks the ledger and the list of entries, in that order: what moves between is seen twice."""

    def __init__(self, *, database: Database, ledger: LedgerReader) -> None:
        self._database = database
        self._ledger = ledger

    async def of_payment(self, payment_id: UUID) -> Held:
        """What packets of an outgoing payment hold."""
        account = (await self._ledger.lookup_accounts([payment_id.int])).get(payment_id.int)
        async with self._database.read() as session:
            unknown = await repository.open_amount(session, payment_id)
        return Held(pending=0 if account is None else account.debits_pending, unknown=unknown)
