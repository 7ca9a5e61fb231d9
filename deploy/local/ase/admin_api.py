"""Calls of the node's Admin GraphQL API, signed with the tenant's secret."""

import json
from typing import Any, Final

import aiohttp
from servicekit.clock import Clock
from servicekit.hmac_signature import make_signature

SIGNATURE_VERSION: Final = 1
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

_STATE: Final = """
query State($id: String!) { outgoingPayment(id: $id) { state } }"""


class AdminApiError(RuntimeError):
    """The node did not answer, or not with what was asked for; the call may be repeated."""


class AdminApiRefusedError(AdminApiError):
    """The node understood and refused."""


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

    async def outgoing_payment_state(self, payment_id: str) -> str:
        """FUNDING, SENDING, COMPLETED, FAILED or CANCELLED."""
        data = await self._send(_STATE, {"id": payment_id})
        payment = data.get("outgoingPayment")
        if not isinstance(payment, dict):
            raise AdminApiError(f"the node does not know its payment {payment_id}")
        return str(payment["state"])

    async def _call(self, query: str, variables: dict[str, Any]) -> None:
        await self._send(query, {"input": variables})

    async def _send(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        body = {"query": query, "variables": variables}
        signature = make_signature(
            body, secret=self._secret, version=SIGNATURE_VERSION, now_ms=self._clock.now_ms()
        )
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
        if isinstance(answer, dict) and answer.get("errors"):
            raise AdminApiRefusedError(f"the Admin API refused: {answer['errors']}")
        if not isinstance(answer, dict) or not isinstance(answer.get("data"), dict):
            raise AdminApiError(f"the Admin API answered {answer!r}")
        data: dict[str, Any] = answer["data"]
        return data
