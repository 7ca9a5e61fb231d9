"""What both banks book of one payment from the first node to the second, waited for to the end.

A test that pays leaves nothing to be booked during the next one, which counts on its own balances.
"""

from dataclasses import dataclass
from typing import Any, Self

import grpc
import grpc.aio
from rafiki.admin.v1 import payment_service_pb2 as payments
from rafiki.admin.v1 import payment_service_pb2_grpc as payments_grpc
from servicekit.clock import SystemClock

from deploy.local.demo import balances, wait_booked
from deploy.local.environment import grpc_target
from deploy.local.stack import Stack


@dataclass(frozen=True)
class Accounts:
    """A payer's and a payee's account before a payment."""

    stack: Stack
    payer: str
    payee: str
    before: tuple[int, int]

    @classmethod
    async def open(cls, stack: Stack, payer: str, payee: str) -> Self:
        """Both as they are now, by the URLs of their wallet addresses."""
        sending, receiving = stack.configs[:2]
        before = (await balances(sending))[payer], (await balances(receiving))[payee]
        return cls(stack, payer, payee, before)

    async def booked(self, payment_id: str) -> Any:
        """The payment, once it has completed and both banks have booked what it says."""
        sending, receiving = self.stack.configs[:2]
        target = grpc_target(sending.ports.operator)
        async with grpc.aio.insecure_channel(target) as channel:
            stub: Any = payments_grpc.PaymentServiceStub(channel)
            payment = await stub.GetOutgoingPayment(
                payments.GetOutgoingPaymentRequest(id=payment_id), timeout=30
            )
            receiver = await stub.GetReceiver(
                payments.GetReceiverRequest(url=payment.receiver), timeout=30
            )
        assert payment.state == payments.OUTGOING_PAYMENT_STATE_COMPLETED
        assert receiver.completed
        assert receiver.received_amount.value > 0
        clock = SystemClock()
        left = self.before[0] - payment.sent_amount.value
        assert await wait_booked(sending, self.payer, left, clock) == left
        there = self.before[1] + receiver.received_amount.value
        assert await wait_booked(receiving, self.payee, there, clock) == there
        return payment
