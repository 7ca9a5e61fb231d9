"""End incoming payments: no more is accepted in the ledger, then the final totals are written.

Many end at once, in one look at the ledger, one read and one write. A crash in between leaves open
rows whose ledger side is closed: the worker's next round, or the next call, comes here again and
finds the same totals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.assets.model import Asset
from services.backend.events.writer import EventWriter
from services.backend.incoming_payments import repository
from services.backend.incoming_payments.books import Counted, IncomingBooks
from services.backend.incoming_payments.kept import KeptPayments
from services.backend.incoming_payments.model import IncomingPayment, PaymentView, State
from services.backend.incoming_payments.queries import IncomingPaymentQueries
from services.backend.incoming_payments.told import ends_told

PAYMENT_CHANNEL: Final = "rafiki_incoming_payment"
"""Tells every process that a payment accepts no more, or changed; the payload is its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentsToEnd:
    """Which payments, and as what."""

    payment_ids: Sequence[UUID]
    state: State
    """What they end as, unless what they received, their cancellation or their expiry says else."""
    only_exhausted: bool
    """Leave those alone that still accept money."""
    counts: Mapping[UUID, Counted] | None = None
    """What the ledger said of them when it took their allowances' last units; None: ask it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A payment before and after its end."""

    before: IncomingPayment
    after: IncomingPayment
    asset: Asset


class EndIncomingPayments(Command[PaymentsToEnd, Sequence[Ended], Sequence[Ended]]):
    """Those that have ended already are left as they are."""

    def __init__(
        self,
        *,
        queries: IncomingPaymentQueries,
        kept: KeptPayments,
        books: IncomingBooks,
        events: EventWriter,
        clock: Clock,
    ) -> None:
        self._queries = queries
        self._kept = kept
        self._books = books
        self._events = events
        self._clock = clock

    async def read(self, given: PaymentsToEnd) -> Sequence[Ended]:
        """Close the open ones in the ledger, and say how each ends."""
        counts = given.counts or await self._books.counts(given.payment_ids)
        if given.only_exhausted:
            counts = {id_: counted for id_, counted in counts.items() if counted.exhausted}
        if not counts:
            return ()
        # What is kept may be out of date: then nothing is written, and the rows are read.
        views = self._kept.take(counts)
        if unseen := counts.keys() - {view.payment.id for view in views}:
            views += await self._queries.uncounted(list(unseen))
        return [
            await self._close(view, given, counts)
            for view in views
            if _is_to_end(view.payment, given, counts[view.payment.id])
        ]

    async def write(
        self, session: WriteSession, given: PaymentsToEnd, facts: Sequence[Ended]
    ) -> Sequence[Ended]:
        """Final totals, events, and word to every process, unless a payment changed meanwhile."""
        del given
        if not facts:
            return facts
        repository.end(session, [end.before for end in facts], [end.after for end in facts])
        for end in facts:
            await session.notify(PAYMENT_CHANNEL, str(end.after.id))
        await self._events.write(session, *ends_told((end.after, end.asset) for end in facts))
        return facts

    async def _close(
        self, view: PaymentView, given: PaymentsToEnd, counts: Mapping[UUID, Counted]
    ) -> Ended:
        payment, counted = view.payment, counts[view.payment.id]
        received = counted.received
        if counted.left:
            received = await self._books.close(payment.id, view.asset.ledger)
        # One whose time is over has expired, also if it is closed for another reason now.
        overdue = payment.expires_at <= self._clock.now()
        state = State.EXPIRED if overdue else given.state
        after = payment.ended(state=state, received=received)
        return Ended(before=payment, after=after, asset=view.asset)


def _is_to_end(payment: IncomingPayment, given: PaymentsToEnd, counted: Counted) -> bool:
    if payment.state is not State.PENDING:
        return False
    # Used up without all that was expected: somebody takes the allowance away at this moment, or
    # did and died, to complete, cancel or expire the payment, and only a caller knows which. What
    # nobody comes back to expires.
    return not given.only_exhausted or payment.has_all(counted.received)
