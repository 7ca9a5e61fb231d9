"""Hands what this process knows of a payment to what it does with it next.

A payment that was created here is funded here as often as not, and one that is funded here is sent
by this process's own worker, if that has room: the payment is written as taken by it. So neither
reads what is in memory.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from services.backend.outgoing_payments.claims import Claimed
from services.backend.outgoing_payments.model import PaymentView

WAITING_MAX: Final = 10_000


class Sender(Protocol):
    """The worker of this process."""

    def lease_end(self, tenant_id: UUID) -> datetime | None:
        """Until when a tenant's payment that it got now would be its own; None without room."""
        ...

    def take(self, taken: Claimed) -> None:
        """Send a payment that was written as taken by it."""
        ...


class Handover:
    """One a process."""

    def __init__(self) -> None:
        self._sender: Sender | None = None
        self._created: OrderedDict[UUID, PaymentView] = OrderedDict()

    def created(self, view: PaymentView) -> None:
        """A payment waits for its funds now."""
        self._created[view.payment.id] = view
        if len(self._created) > WAITING_MAX:
            self._created.popitem(last=False)

    def take_created(self, payment_id: UUID) -> PaymentView | None:
        """A payment as it was created, given once only: it may be out of date."""
        return self._created.pop(payment_id, None)

    @contextmanager
    def sending(self, sender: Sender) -> Iterator[None]:
        """While the block runs, this worker gets what is funded here."""
        self._sender = sender
        try:
            yield
        finally:
            self._sender = None

    def lease_end(self, tenant_id: UUID) -> datetime | None:
        """Until when a tenant's payment that is funded now belongs to this process's worker.

        None when it has no room. Should the process die, another one takes the payment then.
        """
        return None if self._sender is None else self._sender.lease_end(tenant_id)

    def send(self, taken: Claimed) -> None:
        """A payment was written as taken until `lease_end`."""
        if self._sender is not None:
            self._sender.take(taken)
