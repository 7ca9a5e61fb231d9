"""Processes that die or stall amid a payment: it ends right, and nothing is paid twice."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from ilpkit.ilp.packet import Fulfill, Prepare, Reply
from rafiki.admin.v1 import payment_service_pb2 as admin
from servicekit.errors import Unavailable
from sqlalchemy import update

from services.backend.ledger.rules.accounting import Side, transfer, voiding
from services.backend.ledger.rules.outcome import apply_plan
from services.backend.ledger.rules.packets import PacketMoney
from services.backend.outgoing_payments import repository
from services.backend.outgoing_payments.due import DUE_CHANNEL
from services.backend.outgoing_payments.tables import outgoing_payments
from services.backend.outgoing_payments.worker import LEASE, LEASE_RENEWAL_S
from tests.integration.backend.payments.conftest import Banks, NewBanks, NewNode
from tests.integration.backend.payments.node import STALE_S, Node, amount, eventually, id_of
from tests.integration.backend.payments.outside import DOWN
from tests.support.waiting import until
from tests.support.warp_clock import WarpClock

pytestmark = pytest.mark.asyncio(loop_scope="module")
COMPLETED = admin.OUTGOING_PAYMENT_STATE_COMPLETED
FAILED = admin.OUTGOING_PAYMENT_STATE_FAILED
SENDING = admin.OUTGOING_PAYMENT_STATE_SENDING
PACKET_MAX = 100
MANY_PACKETS = 20_000
LEASE_S = LEASE.total_seconds()


class Held:
    """A process whose packets stop at a gate: before they leave, or with their replies."""

    def __init__(self, node: Node, *, after: int, before_sending: bool) -> None:
        self._node = node
        self._connector = node.app.worker._connector
        self._after = after
        self._before = before_sending
        self.gate = asyncio.Event()
        self.fulfilled = 0
        self.waiting = 0
        self.flying = 0
        node.app.worker._connector = self

    async def send(self, prepare: Prepare, payment: Any, asset: Any, *, fulfillable: bool) -> Reply:
        self.flying += 1
        try:
            return await self._send(prepare, payment, asset, fulfillable=fulfillable)
        finally:
            self.flying -= 1

    async def _send(
        self, prepare: Prepare, payment: Any, asset: Any, *, fulfillable: bool
    ) -> Reply:
        if self._before and self.fulfilled >= self._after:
            await self._wait()
        reply = await self._connector.send(prepare, payment, asset, fulfillable=fulfillable)
        if isinstance(reply, Fulfill) and prepare.amount:
            self.fulfilled += 1
            if not self._before and self.fulfilled > self._after:
                await self._wait()
        return reply

    async def _wait(self) -> None:
        self.waiting += 1
        await self.gate.wait()
        self.waiting -= 1

    async def stopped(self) -> None:
        """Wait until all packets are held."""
        await until(lambda: 0 < self.waiting == self.flying)

    async def die(self) -> None:
        """The process is gone: nothing is waited for and nothing is written down."""
        worker = self._node.app.worker

        async def nothing(*args: Any) -> None:
            del args

        worker._writes.record.write = nothing  # type: ignore[method-assign,assignment] # a dead process writes nothing
        tasks = list(worker._running.values())
        for task in tasks:
            task.cancel()
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.wait(tasks)
        self.gate.set()


def runs(task: asyncio.Task[Any], worker: object) -> bool:
    """Whether a task is this worker's main loop."""
    frame = getattr(task.get_coro(), "cr_frame", None)
    is_loop = task.get_name() == "outgoing payments"
    return is_loop and frame is not None and frame.f_locals["self"] is worker


async def funded(banks: Banks, value: int = 500) -> tuple[Any, Any]:
    incoming = await banks.far.incoming(banks.bob, amount(value))
    quote = await banks.near.quote(banks.alice, incoming)
    payment = await banks.near.outgoing(banks.alice, quote)
    await banks.near.fund(payment)
    return incoming, payment


async def test_funding_that_broke_off_after_the_deposit_goes_on(
    banks: Banks, monkeypatch: pytest.MonkeyPatch
) -> None:
    await banks.moved()
    write, failures = repository.leave_funding, [Unavailable("UNAVAILABLE", "it is away")]

    def broken(*args: Any) -> None:
        if failures:
            raise failures.pop()
        write(*args)

    monkeypatch.setattr(repository, "leave_funding", broken)
    incoming = await banks.far.incoming(banks.bob, amount(500))
    payment = await banks.near.outgoing(banks.alice, await banks.near.quote(banks.alice, incoming))
    with pytest.raises(Unavailable):
        await banks.near.fund(payment)
    assert await banks.near.balance(id_of(payment)) == 506
    await banks.near.fund(payment)
    assert (await banks.near.ended(payment)).state == COMPLETED
    assert await banks.near.balance(id_of(payment)) == 6
    assert await banks.moved() == (500, 500)


async def test_a_process_that_died_before_it_wrote_the_end_down(banks: Banks) -> None:
    await banks.moved()

    async def die(*args: Any) -> None:
        del args
        raise asyncio.CancelledError

    banks.near.app.worker._writes.record.read = die  # type: ignore[method-assign,assignment] # the process dies here
    incoming, payment = await funded(banks)
    await banks.far.completed(incoming)
    await until(lambda: not banks.near.app.worker._running)
    assert (await banks.near.outgoing_now(payment)).state == SENDING
    await banks.near.restart()
    banks.clock.jump(LEASE_S)
    ended = await banks.near.ended(payment)
    assert (ended.state, ended.state_attempts) == (COMPLETED, 0)
    assert ended.sent_amount == amount(500)
    assert (await banks.far.incoming_now(incoming)).received_amount == amount(500)
    assert await banks.moved() == (500, 500)


async def test_a_process_that_died_while_packets_flew(new_banks: NewBanks) -> None:
    banks = await new_banks(far_max_packet_amount=PACKET_MAX)
    held = Held(banks.near, after=5, before_sending=False)
    incoming, payment = await funded(banks, MANY_PACKETS)
    await held.stopped()
    await held.die()
    await banks.near.restart()
    banks.clock.jump(LEASE_S)
    ended = await banks.near.ended(payment)
    assert (ended.state, ended.state_attempts) == (COMPLETED, 0)
    received = await banks.far.completed(incoming)
    assert received.received_amount == amount(MANY_PACKETS)
    assert await banks.moved() == (MANY_PACKETS, MANY_PACKETS)
    assert ended.sent_amount == amount(MANY_PACKETS)


async def test_a_process_that_ends_in_order_hands_its_payments_over(
    new_banks: NewBanks, new_node: NewNode
) -> None:
    banks = await new_banks(far_max_packet_amount=PACKET_MAX)
    held = Held(banks.near, after=5, before_sending=True)
    incoming, payment = await funded(banks, MANY_PACKETS)
    await held.stopped()
    other = await new_node("near", beside=banks.near)
    (worker,) = (task for task in asyncio.all_tasks() if runs(task, banks.near.app.worker))
    worker.cancel()
    for _ in range(5):  # turns of the loop: the worker cancels its payments, they stop sending
        await asyncio.sleep(0)
    held.gate.set()
    # No lease has to run out: no clock is moved here.
    ended = await other.ended(payment)
    assert (ended.state, ended.state_attempts) == (COMPLETED, 0)
    assert (await banks.far.completed(incoming)).received_amount == amount(MANY_PACKETS)
    assert ended.sent_amount == amount(MANY_PACKETS)
    await other.audit()


async def test_who_stalled_for_longer_than_its_lease_pays_nothing_twice(
    new_banks: NewBanks, new_node: NewNode
) -> None:
    banks = await new_banks(far_max_packet_amount=PACKET_MAX)
    held = Held(banks.near, after=5, before_sending=True)
    incoming, payment = await funded(banks, MANY_PACKETS)
    await held.stopped()
    later = WarpClock(ahead_s=banks.clock.ahead_s + LEASE_S)
    other = await new_node("near", beside=banks.near, own_clock=later)
    ended = await other.ended(payment)
    assert (ended.state, ended.state_attempts) == (COMPLETED, 0)
    held.gate.set()
    await until(lambda: not banks.near.app.worker._running)
    after = await other.outgoing_now(payment)
    assert (after.state, after.state_attempts) == (COMPLETED, 0)
    assert (await banks.far.completed(incoming)).received_amount == amount(MANY_PACKETS)

    async def told() -> list[str]:
        return banks.outside.types_of(id_of(payment))

    await eventually(told, lambda types: len(types) == 2)
    assert await banks.moved() == (MANY_PACKETS, MANY_PACKETS)
    assert await told() == ["outgoing_payment.created", "outgoing_payment.completed"]


async def test_a_lost_lease_is_noticed_by_the_renewal(new_banks: NewBanks) -> None:
    banks = await new_banks(far_max_packet_amount=PACKET_MAX)
    held = Held(banks.near, after=5, before_sending=True)
    _, payment = await funded(banks, MANY_PACKETS)
    await held.stopped()
    async with banks.near.features.database.write() as session:
        # As another process does that takes the payment over.
        taken = update(outgoing_payments).where(outgoing_payments.c.id == UUID(id_of(payment)))
        await session.execute(taken.values(claims=2))
    banks.clock.jump(1)
    task = banks.near.app.worker._running[UUID(id_of(payment))]
    await until(lambda: task.cancelling() > 0 or task.done())
    held.gate.set()
    await until(lambda: not banks.near.app.worker._running)
    now = await banks.near.outgoing_now(payment)
    assert (now.state, now.error) == (SENDING, "")


async def test_one_statement_a_second_keeps_all_payments_of_a_process(
    new_banks: NewBanks,
) -> None:
    banks = await new_banks(far_max_packet_amount=PACKET_MAX)
    held = Held(banks.near, after=0, before_sending=True)
    for _ in range(3):
        await funded(banks)
    await until(lambda: len(banks.near.app.worker._running) == 3 == held.waiting)
    with banks.near.features.database.count_statements() as seen:

        def renewed(times: int) -> bool:
            return times == sum("lease_until" in text and "claims)" in text for text in seen)

        for second in range(1, 6):
            banks.clock.jump(LEASE_RENEWAL_S)
            await until(partial(renewed, second))
    held.gate.set()
    await until(lambda: not banks.near.app.worker._running)


async def test_a_payment_that_ends_half_way_says_what_was_sent(new_banks: NewBanks) -> None:
    banks = await new_banks(far_max_packet_amount=PACKET_MAX)
    held = Held(banks.near, after=5, before_sending=True)
    incoming, payment = await funded(banks, MANY_PACKETS)
    await held.stopped()
    await banks.far.complete(incoming)
    held.gate.set()
    await eventually(lambda: banks.near.outgoing_now(payment), lambda now: bool(now.error))
    banks.clock.jump(10)
    ended = await banks.near.ended(payment)
    assert (ended.state, ended.error) == (FAILED, "ReceiverClosed")
    received = (await banks.far.incoming_now(incoming)).received_amount.value
    assert 5 * PACKET_MAX <= received < MANY_PACKETS
    assert ended.sent_amount.value == received
    assert await banks.moved() == (received, received)

    async def told() -> list[str]:
        return banks.outside.types_of(id_of(payment))

    await eventually(told, lambda types: len(types) == 2)
    event = banks.outside.event("outgoing_payment.failed", id_of(payment))
    assert event["sentAmount"]["value"] == str(received)
    assert int(event["balance"]) == ended.debit_amount.value - received


async def test_money_that_a_dead_process_left_reserved_is_waited_for(new_banks: NewBanks) -> None:
    banks = await new_banks(MAX_OUTGOING_PAYMENT_RETRY_ATTEMPTS=2)
    incoming = await banks.far.incoming(banks.bob, amount(500))
    payment = await banks.near.outgoing(banks.alice, await banks.near.quote(banks.alice, incoming))
    banks.clock.jump(STALE_S)
    banks.far.edge.says = DOWN
    await banks.near.fund(payment)
    await eventually(lambda: banks.near.outgoing_now(payment), lambda now: bool(now.error))
    banks.far.edge.says = None
    # As a packet in flight leaves it behind when its process dies.
    plan = transfer(
        transfer_id=uuid4().int,
        source=_side(banks, id_of(payment)),
        destination=_side(banks, banks.near_peer.id),
        source_amount=300,
        destination_amount=300,
        timeout_s=300,
    )
    ledger = banks.near.features.ledger
    await apply_plan(ledger, plan)
    banks.clock.jump(10)
    tried = await eventually(
        lambda: banks.near.outgoing_now(payment),
        lambda now: now.error == "PacketsPending",
    )
    assert (tried.state, tried.state_attempts) == (SENDING, 1)
    await apply_plan(ledger, voiding(plan.pending_ids))
    async with banks.near.features.database.write() as session:
        await banks.near.features.outgoing.due.packet_resolved(session, UUID(id_of(payment)))
    ended = await banks.near.ended(payment)
    assert (ended.state, ended.sent_amount.value) == (COMPLETED, 500)
    assert await banks.moved() == (500, 500)


async def test_packets_of_a_dead_process_hold_a_payment_up_for_seconds(
    new_banks: NewBanks,
) -> None:
    banks = await new_banks()
    incoming = await banks.far.incoming(banks.bob, amount(500))
    payment = await banks.near.outgoing(banks.alice, await banks.near.quote(banks.alice, incoming))
    banks.clock.jump(STALE_S)
    banks.far.edge.says = DOWN
    await banks.near.fund(payment)
    await eventually(lambda: banks.near.outgoing_now(payment), lambda now: bool(now.error))
    banks.far.edge.says = None
    left = 6  # what the quote has for rates that fall
    money = PacketMoney(
        id=uuid4().int,
        source=_side(banks, id_of(payment)),
        peer=_side(banks, banks.near_peer.id),
        source_amount=left,
        peer_amount=left,
        cause_id=UUID(id_of(payment)).int,
    )
    await apply_plan(banks.near.features.ledger, money.reserving())
    # The process that sent it never gave the payment back.
    async with banks.near.features.database.write() as session:
        ended_at = banks.clock.now() + timedelta(seconds=1)
        taken = update(outgoing_payments).where(outgoing_payments.c.id == UUID(id_of(payment)))
        await session.execute(taken.values(lease_until=ended_at, due_at=ended_at))
        await session.notify(DUE_CHANNEL, "")
    # No clock is moved: the reconciler would look in a minute.
    ended = await banks.near.ended(payment)
    assert (ended.state, ended.sent_amount.value) == (COMPLETED, 500 + left)
    unknown = money.unknown_account_id
    assert await banks.near.balance(str(UUID(int=unknown))) == left
    assert await banks.moved() == (500, 500)


def _side(banks: Banks, account_id: str) -> Side:
    asset = banks.near_asset
    return Side(
        account_id=UUID(account_id).int, ledger=asset.ledger, asset_account_id=UUID(asset.id).int
    )
