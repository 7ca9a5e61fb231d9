"""Packets of a payment that its process had in flight when it died.

Their replies went to that process, so nobody can settle them any more. The process that has the
payment now gives them a moment, in which one that was only frozen settles them itself, and then
enters them as unknown with their peers. So the payment ends within seconds, instead of when the
reconciler comes upon them. A reply that is read later all the same still settles its entry.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from servicekit.clock import Clock

from services.backend.ledger.model import TransferRecord
from services.backend.outgoing_payments.books import OutgoingBooks

GRACE_S: Final = 3.0
"""How long a process that lost its lease has to settle its packets, once it could be missed."""


class Entries(Protocol):
    """Where packets are entered that nobody answered."""

    async def enter(self, reservations: Sequence[TransferRecord]) -> int:
        """Enter those that nothing became of; a repeat is a no-op."""
        ...


class AbandonedPackets:
    """Finds them and enters them."""

    def __init__(self, *, books: OutgoingBooks, entries: Entries, clock: Clock) -> None:
        self._books = books
        self._entries = entries
        self._clock = clock

    async def enter(self, payment_id: UUID, *, sent_before: datetime) -> None:
        """Enter what is still reserved of packets from before the lease of a process ended.

        A worker that is cancelled meanwhile enters them at once: its successor would not know.
        """
        if not await self._books.reserved(payment_id, before=sent_before):
            return
        with suppress(asyncio.CancelledError):
            await self._clock.sleep(GRACE_S)
        if left := await self._books.reserved(payment_id, before=sent_before):
            await self._entries.enter(left)
