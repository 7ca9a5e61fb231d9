"""What the packet path must know of an incoming payment, in memory.

The first packet of a payment reads it from Postgres; the rest find it here. It is dropped when any
process says that the payment ended. Even a stale entry lets nothing through: the ledger's allowance
decides.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ilpkit.money import Asset
from servicekit.database import Database

from services.backend.assets import repository as assets
from services.backend.incoming_payments import repository
from services.backend.incoming_payments.model import State
from services.backend.ledger.rules.accounting import Side
from services.backend.wallet_addresses import repository as wallet_addresses

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


class PayablesCache:
    """Payments by id, the least recently used ones dropped first."""

    def __init__(self, *, database: Database) -> None:
        self._database = database
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

    async def on_notify(self, channel: str, payload: str) -> None:
        """A payment ended."""
        del channel
        self._known.pop(payload, None)

    async def on_reload(self) -> None:
        """Notifications may have been missed."""
        self._known.clear()

    async def _load(self, payment_id: str) -> Payable | None:
        try:
            parsed = UUID(payment_id)
        except ValueError:
            return None
        async with self._database.read() as session:
            payment = await repository.get(session, parsed)
            if payment is None:
                return None
            wallets = await wallet_addresses.by_ids(session, [payment.wallet_address_id])
            asset_id = wallets[payment.wallet_address_id].asset_id
            asset = (await assets.by_ids(session, [asset_id]))[asset_id]
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
        self._known[payment_id] = payable
        return payable
