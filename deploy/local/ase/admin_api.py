"""Calls of the node's Admin GraphQL API, signed with the tenant's secret."""

import json
from typing import Any, Final

import aiohttp
from servicekit.clock import Clock

from deploy.local.ase.signatures import sign

TIMEOUT_S: Final = 10.0
_DEPOSIT: Final = """
mutation Deposit($input: DepositOutgoingPaymentLiquidityInput!) {
  depositOutgoingPaymentLiquidity(input: $input) { success }
}"""
_WITHDRAW_INCOMING: Final = """
mutation Withdraw($input: CreateIncomingPaymentWithdrawalInput!) {
  createIncomingPaymentWithdrawal(input: $input) { success }
}"""
_WITHDRAW_OUTGOING: Final = """
mutation Withdraw($input: CreateOutgoingPaymentWithdrawalInput!) {
  createOutgoingPaymentWithdrawal(input: $input) { success }
}"""
_CANCEL: Final = """
mutation Cancel($input: CancelOutgoingPaymentInput!) {
  cancelOutgoingPayment(input: $input) { payment { id } }
}"""


class AdminApiError(RuntimeError):
    """The node refused a call or did not answer; the call may be repeated."""


class AdminApi:
    """The mutations that a bank needs. All are idempotent by their key or by their nature."""

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        url: str,
        tenant_id: str,
        secret: str,
        clock: Clock,
    ) -> None:
        """Take where the API is and who calls."""
        self._session = session
        self._url = url
        self._tenant_id = tenant_id
        self._secret = secret
        self._clock = clock

    async def deposit_outgoing_payment(self, payment_id: str, *, key: str) -> None:
        """Fund an outgoing payment with its whole debit amount."""
        await self._call(_DEPOSIT, {"outgoingPaymentId": payment_id, "idempotencyKey": key})

    async def withdraw_incoming_payment(self, payment_id: str, *, key: str) -> None:
        """Take out what an incoming payment received."""
        await self._call(
            _WITHDRAW_INCOMING,
            {"incomingPaymentId": payment_id, "idempotencyKey": key, "timeoutSeconds": 0},
        )

    async def withdraw_outgoing_payment(self, payment_id: str, *, key: str) -> None:
        """Take out what an outgoing payment left over."""
        await self._call(
            _WITHDRAW_OUTGOING,
            {"outgoingPaymentId": payment_id, "idempotencyKey": key, "timeoutSeconds": 0},
        )

    async def cancel_outgoing_payment(self, payment_id: str, *, reason: str) -> None:
        """Give up an outgoing payment that is not funded."""
        await self._call(_CANCEL, {"id": payment_id, "reason": reason})

    async def _call(self, query: str, variables: dict[str, Any]) -> None:
        body = {"query": query, "variables": {"input": variables}}
        signature = sign(body, secret=self._secret, now_ms=self._clock.now_ms())
        headers = {
            "content-type": "application/json",
            "tenant-id": self._tenant_id,
            "signature": signature,
        }
        try:
            async with self._session.post(
                self._url,
                data=json.dumps(body),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            ) as response:
                answer = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise AdminApiError(f"the Admin API did not answer: {error!r}") from error
        if not isinstance(answer, dict) or answer.get("errors") or not answer.get("data"):
            raise AdminApiError(f"the Admin API refused: {answer}")
