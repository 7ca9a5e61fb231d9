"""Receivers that are incoming payments of this node: read and made without a network in between."""

from typing import Protocol
from uuid import UUID

from ilpkit.money import Amount
from servicekit.errors import NotFound

from services.backend.incoming_payments.commands.create_incoming_payment import (
    ActiveWalletAddresses,
)
from services.backend.incoming_payments.model import PaymentView
from services.backend.incoming_payments.payables import Payable
from services.backend.incoming_payments.queries import IncomingPaymentQueries
from services.backend.ledger.rules.accounting import allowance_account_id
from services.backend.receivers.errors import missing_receiver
from services.backend.receivers.model import LocalAccount, Receiver


class PaymentUrls(Protocol):
    """The URLs of our own incoming payments."""

    node_wallet_address: str
    """Who this node is as a client of banks."""

    def incoming_payment(self, tenant_id: UUID, payment_id: UUID) -> str:
        """URL of a payment."""
        ...

    def local_incoming_payment(self, url: str) -> tuple[UUID, UUID] | None:
        """Tenant and payment of one of our own URLs, else None."""
        ...


class Payables(Protocol):
    """Where money for an incoming payment goes."""

    async def find(self, payment_id: str) -> Payable | None:
        """The payment with this id; None when there is none."""
        ...


class Tenants(Protocol):
    """Which tenants there are."""

    async def serves(self, tenant_id: UUID) -> bool:
        """Whether the tenant is there; a deleted one takes no money."""
        ...


class LocalReceivers:
    """Incoming payments of all tenants of this node, as payers see them."""

    def __init__(
        self,
        *,
        payments: IncomingPaymentQueries,
        wallet_addresses: ActiveWalletAddresses,
        payables: Payables,
        tenants: Tenants,
        urls: PaymentUrls,
    ) -> None:
        self._payments = payments
        self._wallet_addresses = wallet_addresses
        self._payables = payables
        self._tenants = tenants
        self._urls = urls

    @property
    def node_wallet_address(self) -> str:
        """Who this node is as a client of banks."""
        return self._urls.node_wallet_address

    async def find(self, url: str) -> Receiver | None:
        """The payment at one of our own URLs; None when the URL is not ours.

        Raises:
            InvalidArgument: the URL is ours, but there is no such payment, or no such tenant any
                more (INVALID_RECEIVER).
        """
        ids = self.ids_of(url)
        if ids is None:
            return None
        tenant_id, payment_id = ids
        if not await self._tenants.serves(tenant_id):
            raise missing_receiver(url)
        try:
            view = await self._payments.shown(payment_id, tenant_id=tenant_id)
        except NotFound:
            raise missing_receiver(url) from None
        return self.receiver(view)

    def ids_of(self, url: str) -> tuple[UUID, UUID] | None:
        """Tenant and payment of one of our own URLs, else None."""
        return self._urls.local_incoming_payment(url)

    async def tenant_of(self, wallet_address_url: str) -> UUID | None:
        """Whose an active wallet address of this node is; None when it is not of this node.

        Raises:
            FailedPrecondition: it is deactivated.
        """
        try:
            found, _ = await self._wallet_addresses.find_active(wallet_address_url, tenant_id=None)
        except NotFound:
            return None
        return found.tenant_id

    async def local_account(self, payment_id: UUID) -> LocalAccount:
        """Where a transfer to a payment goes; raises InvalidArgument when there is none."""
        payable = await self._payables.find(str(payment_id))
        if payable is None:
            raise missing_receiver(str(payment_id))
        return LocalAccount(
            side=payable.side, allowance_account_id=allowance_account_id(payment_id.int)
        )

    def receiver(self, view: PaymentView) -> Receiver:
        """A payment as its payer sees it."""
        payment, unit = view.payment, view.asset.unit
        expected = payment.incoming_amount
        return Receiver(
            url=self._urls.incoming_payment(payment.tenant_id, payment.id),
            wallet_address=view.wallet_address.address,
            asset=unit,
            incoming_amount=None if expected is None else Amount(expected, unit),
            received_amount=Amount(view.received, unit),
            # A cancelled payment takes no more money either, and payers see no other field for it.
            completed=view.completed or payment.cancelled_at is not None,
            expires_at=payment.expires_at,
            created_at=payment.created_at,
            metadata=payment.metadata,
            local_id=payment.id,
            tenant_id=payment.tenant_id,
            methods=(),
        )
