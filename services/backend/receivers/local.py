"""Receivers that are incoming payments of this node: read and made without a network in between."""

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from ilpkit.money import Amount
from servicekit.database import WriteSession
from servicekit.errors import NotFound

from services.backend.connector.payables import Payable
from services.backend.incoming_payments.model import InitiatedBy
from services.backend.incoming_payments.service import IncomingPaymentService, PaymentView
from services.backend.ledger.rules.accounting import allowance_account_id
from services.backend.receivers.errors import invalid_receiver, missing_receiver
from services.backend.receivers.model import LocalAccount, NewReceiver, Receiver
from services.backend.tenants.scope import Scope


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


class LocalReceivers:
    """Incoming payments of all tenants of this node, as payers see them."""

    def __init__(
        self, *, payments: IncomingPaymentService, payables: Payables, urls: PaymentUrls
    ) -> None:
        self._payments = payments
        self._payables = payables
        self._urls = urls

    async def find(self, url: str) -> Receiver | None:
        """The payment at one of our own URLs; None when the URL is not ours.

        Raises:
            InvalidArgument: the URL is ours, but there is no such payment (INVALID_RECEIVER).
        """
        ids = self._urls.local_incoming_payment(url)
        if ids is None:
            return None
        tenant_id, payment_id = ids
        try:
            view = await self._payments.get(payment_id, tenant_id=tenant_id)
        except NotFound:
            raise missing_receiver(url) from None
        return self._receiver(view)

    async def prepare(
        self,
        scope: Scope,
        wallet_address_url: str,
        *,
        incoming_amount: Amount | None,
        expires_at: datetime | None,
        metadata: dict[str, Any] | None,
    ) -> NewReceiver | None:
        """A payment that exists once it is written; None when the wallet address is not ours."""
        try:
            wallet_address, asset = await self._payments.find_wallet(
                tenant_id=None, url=wallet_address_url
            )
        except NotFound as error:
            if error.reason != "UNKNOWN_WALLET_ADDRESS":
                raise
            return None
        own = scope.filter in {None, wallet_address.tenant_id}
        payment = await self._payments.prepare(
            wallet_address=wallet_address,
            asset=asset,
            # To another tenant of this node we are what we are to any bank: its client.
            client=None if own else self._urls.node_wallet_address,
            initiated_by=InitiatedBy.ADMIN if own else InitiatedBy.OPEN_PAYMENTS,
            incoming_amount=incoming_amount,
            expires_at=expires_at,
            metadata=metadata,
        )

        async def insert(session: WriteSession) -> None:
            await self._payments.insert(session, payment, asset)

        view = PaymentView(payment=payment, wallet_address=wallet_address, asset=asset, received=0)
        return NewReceiver(receiver=self._receiver(view), insert=insert)

    async def complete(self, scope: Scope, url: str) -> Receiver | None:
        """Close the payment at one of our own URLs; None when the URL is not ours.

        Raises:
            InvalidArgument: there is no such payment, or it is another tenant's: no bank lets
                another one close its customers' payments (INVALID_RECEIVER).
            Conflict: it has expired (WRONG_STATE).
        """
        ids = self._urls.local_incoming_payment(url)
        if ids is None:
            return None
        tenant_id, payment_id = ids
        if scope.filter not in {None, tenant_id}:
            raise invalid_receiver(url, "is another tenant's to complete")
        try:
            view = await self._payments.complete(payment_id, tenant_id=tenant_id)
        except NotFound:
            raise missing_receiver(url) from None
        return self._receiver(view)

    async def local_account(self, payment_id: UUID) -> LocalAccount:
        """Where a transfer to a payment goes; raises InvalidArgument when there is none."""
        payable = await self._payables.find(str(payment_id))
        if payable is None:
            raise missing_receiver(str(payment_id))
        return LocalAccount(
            side=payable.side, allowance_account_id=allowance_account_id(payment_id.int)
        )

    def _receiver(self, view: PaymentView) -> Receiver:
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
