"""Payments that a worker must look at again."""

from typing import Final
from uuid import UUID

from servicekit.clock import Clock
from servicekit.database import WriteSession

from services.backend.outgoing_payments import repository

DUE_CHANNEL: Final = "rafiki_outgoing_payment_due"
"""Its payload is TAKEN when a payment has its worker already, for whom nobody else need look."""
TAKEN: Final = "taken"
PAID_CHANNEL: Final = "rafiki_receiver_paid"
"""Its payload is the URL of a receiver that a payment has ended at: what was read of it before may
hold no more, at no process."""


class DuePayments:
    """Makes payments due, in the transaction of what happened to them."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    async def packet_resolved(self, session: WriteSession, payment_id: UUID) -> None:
        """A packet of a payment is pending no more, or its money came back.

        A payment that is being sent goes on or ends at once; one that has ended tells what is left
        of it now.
        """
        await repository.make_due(session, [payment_id], self._clock.now())
        await session.notify(DUE_CHANNEL, "")
