"""Create an incoming payment: its ledger accounts, then its row with its event."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Protocol
from uuid import UUID

from ilpkit.money import Amount
from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession
from servicekit.ids import IdSource

from services.backend.assets.model import Asset
from services.backend.events.writer import EventWriter
from services.backend.incoming_payments import repository
from services.backend.incoming_payments.books import IncomingBooks
from services.backend.incoming_payments.errors import invalid_expiry, not_positive, wrong_asset
from services.backend.incoming_payments.model import (
    IncomingPayment,
    InitiatedBy,
    PaymentView,
    State,
)
from services.backend.incoming_payments.told import told
from services.backend.wallet_addresses.model import WalletAddress


class ActiveWalletAddresses(Protocol):
    """Wallet addresses that can be paid."""

    async def find_active(
        self, which: UUID | str, *, tenant_id: UUID | None
    ) -> tuple[WalletAddress, Asset]:
        """The active one with an id or URL, and its asset; raises NotFound, FailedPrecondition."""
        ...


class OpenedListener(Protocol):
    """Who must know payments before their first packet comes."""

    def opened(self, view: PaymentView) -> None:
        """A payment was created."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIncomingPayment:
    """What to create."""

    wallet_address: UUID | str
    """Who is paid: an id or a URL."""
    tenant_id: UUID | None
    """Whose the wallet address must be; None: anyone's."""
    client: str | None
    initiated_by: InitiatedBy
    incoming_amount: Amount | None
    """None accepts any amount."""
    expires_at: datetime | None
    """None: as late as the node allows."""
    metadata: dict[str, Any] | None


class CreateIncomingPayment(Command[NewIncomingPayment, PaymentView, PaymentView]):
    """Raises NotFound and FailedPrecondition for the wallet address, and InvalidArgument.

    A repeat leaves ledger accounts that belong to no payment, which harm nobody.
    """

    reading_leaves_nothing: ClassVar = True

    def __init__(
        self,
        *,
        wallet_addresses: ActiveWalletAddresses,
        books: IncomingBooks,
        events: EventWriter,
        listener: OpenedListener,
        clock: Clock,
        ids: IdSource,
        expiry_max: timedelta,
    ) -> None:
        self._wallet_addresses = wallet_addresses
        self._books = books
        self._events = events
        self._listener = listener
        self._clock = clock
        self._ids = ids
        self._expiry_max = expiry_max

    async def read(self, given: NewIncomingPayment) -> PaymentView:
        """Check it, and open its ledger accounts.

        The accounts come first: accounts without a payment harm nobody, a payment without accounts
        could not be paid.
        """
        wallet_address, asset = await self._wallet_addresses.find_active(
            given.wallet_address, tenant_id=given.tenant_id
        )
        now = self._clock.now()
        latest = now + self._expiry_max
        expected, expires_at = given.incoming_amount, given.expires_at
        if expected is not None and expected.asset != asset.unit:
            raise wrong_asset(asset.code, asset.scale)
        if expected is not None and expected.value == 0:
            raise not_positive()
        if expires_at is not None and not now < expires_at <= latest:
            raise invalid_expiry(latest.isoformat(timespec="seconds"))
        payment = IncomingPayment(
            id=self._ids.uuid(),
            tenant_id=wallet_address.tenant_id,
            wallet_address_id=wallet_address.id,
            client=given.client,
            initiated_by=given.initiated_by,
            state=State.PENDING,
            incoming_amount=None if expected is None else expected.value,
            received_amount=None,
            metadata=given.metadata,
            expires_at=expires_at or latest,
            created_at=now,
            approved_at=None,
            cancelled_at=None,
            cancellation_reason=None,
        )
        await self._books.open(payment.id, asset, payment.incoming_amount)
        return PaymentView(payment=payment, wallet_address=wallet_address, asset=asset, received=0)

    async def write(
        self, session: WriteSession, given: NewIncomingPayment, facts: PaymentView
    ) -> PaymentView:
        """The payment's row and its event."""
        del given
        repository.add(session, facts.payment)
        await self._events.write(session, told("created", facts.payment, facts.asset, received=0))
        session.after_commit(partial(self._listener.opened, facts))
        return facts
