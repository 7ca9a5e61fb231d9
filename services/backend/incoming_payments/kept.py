"""Open payments that this process made or read lately.

What changes in one is told to every process, which then forgets it. So what is kept may be out of
date by the milliseconds of a notification: whoever uses it asks the ledger whether the payment
still accepts money, or writes under the condition that the row is as it was kept.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from services.backend.incoming_payments.model import PaymentView, State

KEPT_MAX: Final = 20_000


class KeptPayments:
    """By id, the least recently used ones dropped first."""

    def __init__(self) -> None:
        self._views: OrderedDict[UUID, PaymentView] = OrderedDict()
        self._forgotten: OrderedDict[UUID, int] = OrderedDict()
        self._moment = 0
        self._nothing_before = 0

    def find(self, payment_id: UUID) -> PaymentView | None:
        """A payment as it was."""
        view = self._views.get(payment_id)
        if view is not None:
            self._views.move_to_end(payment_id)
        return view

    def take(self, payment_ids: Iterable[UUID]) -> list[PaymentView]:
        """Payments as they were, given once only."""
        return [view for id_ in payment_ids if (view := self._views.pop(id_, None)) is not None]

    @property
    def moment(self) -> int:
        """To be read before a payment is: what changes meanwhile must not be kept as it was."""
        return self._moment

    def keep(self, view: PaymentView, *, since: int) -> None:
        """Keep a payment that was read from this `moment` on, if it is open."""
        payment = view.payment
        is_open = payment.state is State.PENDING and payment.cancelled_at is None
        if not is_open or since < max(self._nothing_before, self._forgotten.get(payment.id, 0)):
            return
        self._views[payment.id] = view
        if len(self._views) > KEPT_MAX:
            self._views.popitem(last=False)

    def forget(self, payment_id: UUID) -> None:
        """It has changed."""
        self._moment += 1
        self._views.pop(payment_id, None)
        self._forgotten[payment_id] = self._moment
        self._forgotten.move_to_end(payment_id)
        if len(self._forgotten) > KEPT_MAX:
            self._nothing_before = self._forgotten.popitem(last=False)[1]

    def forget_all(self) -> None:
        """Any may have changed."""
        self._moment += 1
        self._nothing_before = self._moment
        self._views.clear()
        self._forgotten.clear()
