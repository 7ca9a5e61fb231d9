"""Waiting until money has come to rest, by asking, with an end."""

from collections.abc import Callable, Sequence
from typing import Final

import grpc.aio
from rafiki.admin.v1 import payment_service_pb2 as payments
from rafiki.admin.v1 import payment_service_pb2_grpc as payments_grpc
from servicekit.clock import SystemClock

from deploy.local.environment import NodeConfig, grpc_target
from tests.e2e.books import Books, id_of, read_books

CLOCK: Final = SystemClock()
SETTLED_S_MAX: Final = 60.0
POLL_INTERVAL_S: Final = 0.05
_COMPLETED: Final = payments.OUTGOING_PAYMENT_STATE_COMPLETED
_ENDS: Final = frozenset(
    {
        _COMPLETED,
        payments.OUTGOING_PAYMENT_STATE_FAILED,
        payments.OUTGOING_PAYMENT_STATE_CANCELLED,
    }
)


def at_rest(books: Sequence[Books]) -> bool:
    """Whether each ledger holds, to the unit, its liquidity and no open payment's money."""
    return all(side.unexplained(code) == 0 for side in books for code in side.assets)


async def until_settled(config: NodeConfig, url: str) -> None:
    """Return when an outgoing payment is completed; fail when it ends otherwise or is late."""
    deadline = CLOCK.monotonic() + SETTLED_S_MAX
    async with grpc.aio.insecure_channel(grpc_target(config.ports.operator)) as channel:
        stub = payments_grpc.PaymentServiceStub(channel)
        request = payments.GetOutgoingPaymentRequest(id=id_of(url))
        while True:
            payment = await stub.GetOutgoingPayment(request, timeout=30)
            if payment.state in _ENDS:
                assert payment.state == _COMPLETED, payment
                return
            assert CLOCK.monotonic() < deadline, payment
            await CLOCK.sleep(POLL_INTERVAL_S)


async def until_books(
    configs: Sequence[NodeConfig], reached: Callable[[list[Books]], bool]
) -> list[Books]:
    """All books once they are as expected, or as they are when the wait is over."""
    deadline = CLOCK.monotonic() + SETTLED_S_MAX
    while True:
        books = [await read_books(config) for config in configs]
        if reached(books) or CLOCK.monotonic() >= deadline:
            return books
        await CLOCK.sleep(POLL_INTERVAL_S)
