"""Take back the deposit of a cancelled payment whose canceller did not get to it."""

from dataclasses import replace

from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.outgoing_payments import claims
from services.backend.outgoing_payments.books import OutgoingBooks
from services.backend.outgoing_payments.claims import Claimed


class ReturnDeposit(Command[Claimed, None, None]):
    """Raises Overtaken when another process has the payment."""

    def __init__(self, *, books: OutgoingBooks) -> None:
        self._books = books

    async def read(self, given: Claimed) -> None:
        """The ledger's part, which may have been done before."""
        payment = given.payment
        await self._books.refuse_deposit(payment.id, given.asset, payment.quote.debit_amount)

    async def write(self, session: WriteSession, given: Claimed, facts: None) -> None:
        """That nothing is left to do."""
        del facts
        claims.give_back(session, replace(given.payment, due_at=None))
