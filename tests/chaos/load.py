"""Payments both ways, made as a careful client makes them: every call is repeated under its key."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import grpc
import grpc.aio
from rafiki.admin.v1 import payment_service_pb2 as payments
from rafiki.admin.v1 import payment_service_pb2_grpc as payments_grpc
from rafiki.common.v1 import money_pb2

from deploy.local.demo import Wallets
from deploy.local.environment import NodeConfig, grpc_target
from deploy.local.stack import Stack

CALL_S_MAX: Final = 5.0
PAUSE_S: Final = 0.1
ENDED: Final = frozenset(
    {
        payments.OUTGOING_PAYMENT_STATE_COMPLETED,
        payments.OUTGOING_PAYMENT_STATE_FAILED,
        payments.OUTGOING_PAYMENT_STATE_CANCELLED,
    }
)
# What a caller may repeat: the call did not happen, or may have, under a key that makes it once.
_AGAIN: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
    }
)


@dataclass(slots=True)
class Made:
    """One payment of the load."""

    sender: int
    """Index of the node that pays."""
    incoming_id: str
    outgoing_id: str
    seconds: float = 0.0
    state: int = 0


@dataclass(slots=True)
class Load:
    """What the clients did."""

    stack: Stack
    wallets: Wallets
    made: list[Made] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Answers that a caller can't repeat: each is a finding."""
    repeats: int = 0
    _turns: Any = field(default_factory=itertools.count)
    _channels: list[grpc.aio.Channel] = field(default_factory=list)

    def open(self) -> None:
        """Connect to both operators' listeners."""
        self._channels = [_channel(config) for config in self.stack.configs]

    async def close(self) -> None:
        """Hang up."""
        for channel in self._channels:
            await channel.close()

    async def run(self, stopping: asyncio.Event) -> None:
        """Pay one payment after the other until told to stop."""
        while not stopping.is_set():
            await self.pay()

    async def pay(self) -> Made | None:
        """One payment until it has ended; None when it was refused."""
        sender = next(self._turns) % 2
        started = time.monotonic()
        try:
            made = await self._begin(sender)
            await self._ended(made)
        except grpc.aio.AioRpcError as error:
            self.refused.append(f"{error.code().name}: {error.details()}")
            return None
        made.seconds = time.monotonic() - started
        return made

    async def _begin(self, sender: int) -> Made:
        payer, payee = (self._stub(node) for node in (sender, 1 - sender))
        wallet, other = self.wallets.by_node[sender][0], self.wallets.by_node[1 - sender][0]
        bank = self.stack.configs[1 - sender].bank
        amount = money_pb2.Amount(
            value=1_100, asset_code=bank.asset_code, asset_scale=bank.asset_scale
        )
        incoming = await self._call(
            payee.CreateIncomingPayment,
            payments.CreateIncomingPaymentRequest(
                wallet_address_id=other.id, incoming_amount=amount, idempotency_key=str(uuid4())
            ),
        )
        quote = await self._call(
            payer.CreateQuote,
            payments.CreateQuoteRequest(
                wallet_address_id=wallet.id, receiver=incoming.url, idempotency_key=str(uuid4())
            ),
        )
        outgoing = await self._call(
            payer.CreateOutgoingPayment,
            payments.CreateOutgoingPaymentRequest(
                wallet_address_id=wallet.id, quote_id=quote.id, idempotency_key=str(uuid4())
            ),
        )
        made = Made(sender, incoming.id, outgoing.id)
        self.made.append(made)
        return made

    async def _ended(self, made: Made) -> None:
        """Ask until the payment has ended."""
        stub = self._stub(made.sender)
        request = payments.GetOutgoingPaymentRequest(id=made.outgoing_id)
        while True:
            payment = await self._call(stub.GetOutgoingPayment, request)
            made.state = payment.state
            if payment.state in ENDED:
                return
            await asyncio.sleep(PAUSE_S)

    async def _call(self, method: Callable[..., Awaitable[Any]], request: Any) -> Any:
        while True:
            try:
                return await method(request, timeout=CALL_S_MAX)
            except grpc.aio.AioRpcError as error:
                if error.code() not in _AGAIN:
                    raise
                self.repeats += 1
                await asyncio.sleep(PAUSE_S)

    def _stub(self, node: int) -> Any:
        return payments_grpc.PaymentServiceStub(self._channels[node])


def _channel(config: NodeConfig) -> grpc.aio.Channel:
    options = [("grpc.min_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]
    return grpc.aio.insecure_channel(grpc_target(config.ports.operator), options=options)
