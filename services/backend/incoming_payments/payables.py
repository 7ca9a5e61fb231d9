"""What the packet path must know of an incoming payment, in memory.

The process that creates a payment puts it here; in another one the first packet reads it from
Postgres. It is dropped when any process says that the payment ended. Even a stale entry lets
nothing through: the ledger's allowance decides.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from ilpkit.money import Asset

from services.backend.incoming_payments.kept import KeptPayments
from services.backend.incoming_payments.model import PaymentView, State
from services.backend.ledger.rules.accounting import Side

REMEMBERED_MAX: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Payable:
    """An incoming payment that packets may be for."""

    id: UUID
    tenant_id: UUID
    unit: Asset
    side: Side
    incoming_amount: int | None
    expires_at_ms: int
    is_open: bool

    def accepts(self, now_ms: int) -> bool:
        """Whether money is still taken, as far as state and time decide it."""
        return self.is_open and now_ms < self.expires_at_ms


class Payments(Protocol):
    """Incoming payments by id."""

    async def uncounted(self, payment_ids: Sequence[UUID]) -> list[PaymentView]:
        """Those that exist."""
        ...


class PayablesCache:
    """Payments by id, the least recently used ones dropped first."""

    def __init__(self, *, payments: Payments, kept: KeptPayments) -> None:
        self._payments = payments
        self._kept = kept
        self._known: OrderedDict[str, Payable] = OrderedDict()
        self._loading: dict[str, asyncio.Task[Payable | None]] = {}

    async def find(self, payment_id: str) -> Payable | None:
        """The payment with this id; None when there is none."""
        known = self._known.get(payment_id)
        if known is not None:
            self._known.move_to_end(payment_id)
            return known
        task = self._loading.get(payment_id)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._load(payment_id))
            self._loading[payment_id] = task
            task.add_done_callback(lambda _: self._loading.pop(payment_id, None))
        return await asyncio.shield(task)

    def opened(self, view: PaymentView) -> None:
        """This process created a payment, and its packets come soon."""
        self._kept.keep(view, since=self._kept.moment)
        self._remember(view)

    async def on_notify(self, channel: str, payload: str) -> None:
        """A payment ended, or changed."""
        del channel
        self._known.pop(payload, None)
        self._kept.forget(UUID(payload))

    async def on_reload(self) -> None:
        """Notifications may have been missed."""
        self._known.clear()
        self._kept.forget_all()

    async def _load(self, payment_id: str) -> Payable | None:
        try:
            parsed = UUID(payment_id)
        except ValueError:
            return None
        view = self._kept.find(parsed)
        if view is None:
            view = next(iter(await self._payments.uncounted([parsed])), None)
        return None if view is None else self._remember(view)

    def _remember(self, view: PaymentView) -> Payable:
        payment, asset = view.payment, view.asset
        payable = Payable(
            id=payment.id,
            tenant_id=payment.tenant_id,
            unit=asset.unit,
            side=Side(
                account_id=payment.id.int, ledger=asset.ledger, asset_account_id=asset.id.int
            ),
            incoming_amount=payment.incoming_amount,
            expires_at_ms=int(payment.expires_at.timestamp() * 1000),
            is_open=payment.state is State.PENDING and payment.cancelled_at is None,
        )
        if len(self._known) >= REMEMBERED_MAX:
            self._known.popitem(last=False)
        self._known[str(payment.id)] = payable
        return payable
