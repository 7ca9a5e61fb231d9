"""The loop around the sender's machine: packets out, replies and time in."""

import asyncio

import pytest
from ilpkit.ilp.packet import Prepare, Reject, Reply
from ilpkit.money import Ratio
from ilpkit.stream.credentials import CredentialsFactory
from ilpkit.stream.crypto import StreamKeys
from ilpkit.stream.outcome import EndReason, PaymentOutcome
from ilpkit.stream.plan import FixedDelivery
from ilpkit.stream.receiver import Receiver
from ilpkit.stream.sender import PaymentSender

from services.backend.outgoing_payments.sending import pay
from tests.support.clock import ManualClock
from tests.support.packet_world import in_virtual_time
from tests.support.stream_wire import counted_bytes
from tests.support.waiting import until

DELIVERY = 20_000


class Path:
    """A receiver behind a gate; packets of money wait there while it is closed."""

    def __init__(self) -> None:
        entropy = counted_bytes()
        factory = CredentialsFactory(bytes(32), "test.payee")
        made = factory.make(entropy, payment_tag="invoice")
        self._receiver = Receiver(credentials=factory, random_bytes=entropy)
        self.clock = ManualClock()
        self.gate = asyncio.Event()
        self.gate.set()
        self.crash: Exception | None = None
        self.crashes: list[BaseException] = []
        self.delivered = 0
        self.waiting = 0
        self.machine = PaymentSender(
            keys=StreamKeys(made.shared_secret),
            destination=made.ilp_address,
            target=FixedDelivery(DELIVERY, DELIVERY + 300, Ratio(99, 100)),
            random_bytes=entropy,
            max_packet_amount=100,
        )

    async def send(self, prepare: Prepare, *, fulfillable: bool) -> Reply:
        opened = self._receiver.open(prepare)
        if isinstance(opened, Reject):
            return opened
        assert opened.fulfillable is fulfillable
        if not fulfillable:
            return opened.refuse()
        self.waiting += 1
        await self.gate.wait()
        self.waiting -= 1
        if self.crash is not None:
            raise self.crash
        self.delivered += prepare.amount
        return opened.fulfill()

    async def pay(self) -> PaymentOutcome:
        return await pay(
            self.machine, send=self.send, clock=self.clock, on_crash=self.crashes.append
        )


@pytest.fixture
async def path() -> Path:
    return Path()


async def test_a_payment_runs_to_its_end(path: Path) -> None:
    outcome = await path.pay()
    assert outcome.completed
    assert path.delivered == DELIVERY == outcome.totals.delivered


async def test_many_packets_are_in_flight_at_once(path: Path) -> None:
    path.gate.clear()
    paying = asyncio.create_task(path.pay())
    await until(lambda: path.waiting > 1)
    path.gate.set()
    assert (await paying).completed


async def test_time_ends_a_payment_that_nobody_answers(path: Path) -> None:
    path.gate.clear()
    outcome = await in_virtual_time(path.clock, path.pay(), step_s=0.5)
    assert outcome.reason is EndReason.UNRESOLVED_PACKETS
    assert outcome.totals.source_unresolved > 0
    assert path.delivered == 0


async def test_cancelling_waits_for_what_flies_and_tells_of_it(path: Path) -> None:
    path.gate.clear()
    paying = asyncio.create_task(path.pay())
    await until(lambda: path.waiting > 0)
    paying.cancel()
    await asyncio.sleep(0)
    assert not paying.done()
    path.gate.set()
    outcome = await paying
    assert outcome.reason is EndReason.CANCELLED
    assert 0 < outcome.totals.delivered == path.delivered < DELIVERY
    assert paying.cancelling() == 0


async def test_cancelling_twice_ends_at_once(path: Path) -> None:
    path.gate.clear()
    paying = asyncio.create_task(path.pay())
    await until(lambda: path.waiting > 0)
    paying.cancel()
    await asyncio.sleep(0)
    paying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await paying


async def test_a_crash_of_ours_leaves_a_packet_unresolved(path: Path) -> None:
    path.crash = RuntimeError("a bug")
    outcome = await in_virtual_time(path.clock, path.pay(), step_s=0.5)
    assert path.crashes
    assert not outcome.completed
    assert outcome.totals.source_unresolved > 0


async def test_nothing_is_left_behind(path: Path) -> None:
    await path.pay()
    for _ in range(3):
        await asyncio.sleep(0)
    assert path.clock.sleeping == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
