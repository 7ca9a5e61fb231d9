"""What the bank does about an event of its node.

Events come at least once and in any order. Each effect is keyed by the event's id, in our books and
in the Admin API, so that a repeat changes nothing. Anything but success makes the node repeat.
"""

from typing import Any, Final

from servicekit.clock import Clock

from deploy.local.ase.accounts import Accounts, Debit, InsufficientFundsError
from deploy.local.ase.admin_api import AdminApi, AdminApiRefusedError

_REFUND_TYPES: Final = frozenset({"outgoing_payment.completed", "outgoing_payment.failed"})
_CREDIT_TYPES: Final = frozenset({"incoming_payment.completed", "incoming_payment.expired"})


class WebhookHandler:
    """Books events and moves the money in the node."""

    def __init__(self, *, accounts: Accounts, admin_api: AdminApi, clock: Clock) -> None:
        """Take the books and the way to the node."""
        self._accounts = accounts
        self._admin_api = admin_api
        self._clock = clock

    async def handle(self, event: dict[str, Any]) -> None:
        """Act on an event; one that asks nothing of a bank is passed over.

        Raises AdminApiError, UnknownAccountError, or KeyError for an event without its data.
        """
        kind, data = str(event["type"]), event["data"]
        if kind == "outgoing_payment.created":
            await self._fund(str(event["id"]), data)
        elif kind in _REFUND_TYPES:
            await self._refund(str(event["id"]), data)
        elif kind in _CREDIT_TYPES:
            await self._credit(str(event["id"]), data)

    async def reconcile(self) -> None:
        """Finish what an outage cut off between taking a customer's money and the node's word.

        A created event that failed too often is not delivered again, so nothing else would come
        back to these payments. Raises AdminApiError; what is left then waits for the next time.
        """
        for debit in self._accounts.open_debits():
            await self._hand_over(debit)

    async def _fund(self, event_id: str, data: dict[str, Any]) -> None:
        """Take the money first: what is sent must have been paid for."""
        payment_id = str(data["id"])
        try:
            self._book(event_id, data, -int(data["debitAmount"]["value"]), "payment sent")
        except InsufficientFundsError:
            await self._admin_api.cancel_outgoing_payment(payment_id, reason="insufficient funds")
            return
        for debit in self._accounts.open_debits():
            if debit.payment_id == payment_id:
                await self._hand_over(debit)

    async def _hand_over(self, debit: Debit) -> None:
        """Fund the payment; give the money back when it was cancelled meanwhile."""
        try:
            await self._admin_api.deposit_outgoing_payment(debit.payment_id, key=debit.entry_id)
        except AdminApiRefusedError:
            if await self._admin_api.outgoing_payment_state(debit.payment_id) != "CANCELLED":
                raise
            self._accounts.give_back(
                debit, what="payment cancelled, money given back", at_ms=self._clock.now_ms()
            )
        else:
            self._accounts.close_debit(debit)

    async def _refund(self, event_id: str, data: dict[str, Any]) -> None:
        left = int(data["balance"])
        if left > 0:
            await self._admin_api.withdraw_outgoing_payment(str(data["id"]), key=event_id)
            self._book(event_id, data, left, "payment refunded")

    async def _credit(self, event_id: str, data: dict[str, Any]) -> None:
        """Take the money out of the node first: the customer gets what the bank has."""
        received = int(data["receivedAmount"]["value"])
        if received > 0:
            await self._admin_api.withdraw_incoming_payment(str(data["id"]), key=event_id)
            self._book(event_id, data, received, "payment received")

    def _book(self, event_id: str, data: dict[str, Any], amount: int, what: str) -> None:
        self._accounts.book(
            entry_id=event_id,
            wallet_address_id=str(data["walletAddressId"]),
            amount=amount,
            what=what,
            payment_id=str(data["id"]),
            at_ms=self._clock.now_ms(),
        )
