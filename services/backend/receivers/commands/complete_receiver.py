"""Complete an incoming payment for good: one of this node, or another bank's."""

from dataclasses import dataclass

from servicekit.commands import Command
from servicekit.database import WriteSession
from servicekit.errors import NotFound

from services.backend.incoming_payments.commands.complete_incoming_payment import (
    CompleteIncomingPayment,
    PaymentToComplete,
)
from services.backend.receivers.errors import invalid_receiver, missing_receiver
from services.backend.receivers.local import LocalReceivers
from services.backend.receivers.model import Receiver
from services.backend.receivers.service import ReceiverService
from services.backend.tenants.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverToComplete:
    """Which one, and who asks for it."""

    scope: Scope
    url: str


class CompleteReceiver(Command[ReceiverToComplete, Receiver, Receiver]):
    """Completing again changes nothing.

    Raises InvalidArgument (there is none, or it is another tenant's: no bank lets another one close
    its customers' payments), Conflict (it is this node's and has expired), and as ReceiverService.
    """

    def __init__(
        self,
        *,
        local: LocalReceivers,
        receivers: ReceiverService,
        complete: CompleteIncomingPayment,
    ) -> None:
        self._local = local
        self._receivers = receivers
        self._complete = complete

    async def read(self, given: ReceiverToComplete) -> Receiver:
        """Complete it, wherever it is."""
        ids = self._local.ids_of(given.url)
        if ids is None:
            return await self._receivers.complete_remote(given.url)
        tenant_id, payment_id = ids
        if given.scope.filter not in {None, tenant_id}:
            raise invalid_receiver(given.url, "is another tenant's to complete")
        payment = PaymentToComplete(payment_id=payment_id, tenant_id=tenant_id)
        try:
            return self._local.receiver(await self._complete.read(payment))
        except NotFound:
            raise missing_receiver(given.url) from None

    async def write(
        self, session: WriteSession, given: ReceiverToComplete, facts: Receiver
    ) -> Receiver:
        """Nothing is left to write."""
        del session, given
        return facts
