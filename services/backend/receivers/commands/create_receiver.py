"""Create an incoming payment at any wallet address: one of this node, or another bank's."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ilpkit.money import Amount
from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.incoming_payments.commands.create_incoming_payment import (
    CreateIncomingPayment,
    NewIncomingPayment,
)
from services.backend.incoming_payments.model import InitiatedBy, PaymentView
from services.backend.receivers.local import LocalReceivers
from services.backend.receivers.model import Receiver
from services.backend.receivers.service import ReceiverService
from services.backend.tenants.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReceiver:
    """What to create; optional fields as in NewIncomingPayment."""

    scope: Scope
    """Who asks for it."""
    wallet_address_url: str
    incoming_amount: Amount | None
    expires_at: datetime | None
    metadata: dict[str, Any] | None


Own = tuple[NewIncomingPayment, PaymentView]
"""A payment of this node, not yet written."""


class CreateReceiver(Command[NewReceiver, Own | Receiver, Receiver]):
    """Raises as CreateIncomingPayment does here, as ReceiverService does elsewhere."""

    def __init__(
        self, *, local: LocalReceivers, receivers: ReceiverService, create: CreateIncomingPayment
    ) -> None:
        self._local = local
        self._receivers = receivers
        self._create = create

    async def read(self, given: NewReceiver) -> Own | Receiver:
        """Another bank's payment exists after this, one of this node once it is written."""
        tenant_id = await self._local.tenant_of(given.wallet_address_url)
        if tenant_id is None:
            return await self._receivers.create_remote(
                given.wallet_address_url,
                incoming_amount=given.incoming_amount,
                expires_at=given.expires_at,
                metadata=given.metadata,
            )
        is_own = given.scope.filter in {None, tenant_id}
        new = NewIncomingPayment(
            wallet_address=given.wallet_address_url,
            tenant_id=tenant_id,
            # To another tenant of this node we are what we are to any bank: its client.
            client=None if is_own else self._local.node_wallet_address,
            initiated_by=InitiatedBy.ADMIN if is_own else InitiatedBy.OPEN_PAYMENTS,
            incoming_amount=given.incoming_amount,
            expires_at=given.expires_at,
            metadata=given.metadata,
        )
        return new, await self._create.read(new)

    async def write(
        self, session: WriteSession, given: NewReceiver, facts: Own | Receiver
    ) -> Receiver:
        """A payment of this node, as CreateIncomingPayment writes it."""
        del given
        if isinstance(facts, Receiver):
            return facts
        return self._local.receiver(await self._create.write(session, *facts))
