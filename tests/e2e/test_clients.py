"""Each client is built, tests itself, and pays from one bank to the other over its node's gRPC."""

import asyncio
import re
from typing import Any

import grpc
import grpc.aio
import pytest
from rafiki.admin.v1 import payment_service_pb2 as payments
from rafiki.admin.v1 import payment_service_pb2_grpc as payments_grpc
from servicekit.clock import SystemClock

from deploy.local.demo import Wallets, balances, wait_booked
from deploy.local.environment import grpc_target
from deploy.local.stack import Stack
from tests.e2e.clients import LANGUAGES, Language

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
SEND_UNITS = 500
LAST_LINE = re.compile(r"(?P<id>[0-9a-f-]{36}) \S*COMPLETED: sent (?P<sent>\d+) USD \(scale 2\)")


async def payment_of(stack: Stack, payment_id: str) -> tuple[Any, Any]:
    """A payment of the first node's, and its receiver as that node sees it."""
    async with grpc.aio.insecure_channel(grpc_target(stack.configs[0].ports.operator)) as channel:
        stub: Any = payments_grpc.PaymentServiceStub(channel)
        payment = await stub.GetOutgoingPayment(
            payments.GetOutgoingPaymentRequest(id=payment_id), timeout=30
        )
        receiver = await stub.GetReceiver(
            payments.GetReceiverRequest(url=payment.receiver), timeout=30
        )
    return payment, receiver


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
async def test_the_client_pays(language: Language, stack: Stack, wallets: Wallets) -> None:
    await asyncio.to_thread(language.prepare)
    sending, receiving = stack.configs[:2]
    sender, receiver = wallets.by_node[0][1].url, wallets.by_node[1][0].url
    before = (await balances(sending))[sender], (await balances(receiving))[receiver]
    operator = grpc_target(sending.ports.operator)
    lines = await asyncio.to_thread(language.pay, operator, sender, receiver, str(SEND_UNITS))
    assert "outgoing_payment.created" in lines
    assert "outgoing_payment.completed" in lines
    said = LAST_LINE.fullmatch(lines[-1])
    assert said is not None, lines
    payment, paid = await payment_of(stack, said["id"])
    assert payment.state == payments.OUTGOING_PAYMENT_STATE_COMPLETED
    assert payment.sent_amount.value == int(said["sent"])
    assert paid.completed
    assert paid.received_amount.value > 0
    # What both banks then book is what was said.
    clock = SystemClock()
    left = before[0] - int(said["sent"])
    assert await wait_booked(sending, sender, left, clock) == left
    there = before[1] + paid.received_amount.value
    assert await wait_booked(receiving, receiver, there, clock) == there
