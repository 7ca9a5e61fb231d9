"""Completing, cancelling, expiring and crediting one payment at once, on two processes."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rafiki.admin.v1 import liquidity_service_pb2
from rafiki.admin.v1 import payment_service_pb2 as admin
from servicekit.errors import Conflict
from sqlalchemy import select

from services.backend.events.tables import webhook_events
from services.backend.incoming_payments.model import State
from services.backend.ledger.rules.accounting import Side, allowance_account_id, deposit, transfer
from services.backend.ledger.rules.chart import AccountCode, new_account
from services.backend.ledger.rules.outcome import apply_plan
from tests.integration.backend.payments.conftest import NewNode
from tests.integration.backend.payments.node import Node, amount, eventually, id_of, key
from tests.integration.backend.payments.outside import Outside

pytestmark = pytest.mark.asyncio(loop_scope="module")
EXPECTED = 100
PAYER = UUID(int=78)
TURNS_MAX = 40
ENDINGS = {"incoming_payment.completed", "incoming_payment.expired"}


class World:
    """Two processes of one node, with a payer who has enough."""

    def __init__(self, nodes: list[Node], asset: Any, wallet: Any, outside: Outside) -> None:
        self.nodes = nodes
        self.asset = asset
        self.wallet = wallet
        self.outside = outside

    async def open(self) -> Any:
        expires_at = Timestamp()
        expires_at.FromDatetime(self.nodes[0].clock.now() + timedelta(hours=1))
        return await self.nodes[0].incoming(self.wallet, amount(EXPECTED), expires_at=expires_at)

    async def do(self, payment: Any, step: tuple[str, int, int]) -> bool:
        """Whether it was done; False when it was refused as it should be."""
        what, process, turns = step
        for _ in range(turns):
            await asyncio.sleep(0)
        node, payment_id = self.nodes[process], UUID(id_of(payment))
        try:
            if what == "complete":
                await node.complete(payment)
            elif what == "cancel":
                request = admin.CancelIncomingPaymentRequest(
                    id=id_of(payment), idempotency_key=key()
                )
                await node.payments.CancelIncomingPayment(request)
            elif what == "expire":
                await node.features.incoming.endings.end([payment_id], State.EXPIRED)
            else:
                return await self.credit(node, payment_id, int(what))
        except Conflict:
            return False
        return True

    async def credit(self, node: Node, payment_id: UUID, value: int) -> bool:
        asset_id, ledger = UUID(self.asset.id).int, self.asset.ledger
        plan = transfer(
            transfer_id=node.features.ids.uuid().int,
            source=Side(account_id=PAYER.int, ledger=ledger, asset_account_id=asset_id),
            destination=Side(account_id=payment_id.int, ledger=ledger, asset_account_id=asset_id),
            source_amount=value,
            destination_amount=value,
            allowance_account_id=allowance_account_id(payment_id.int),
        )
        credited = plan.explain(await node.features.ledger.submit(plan.chain)).ok
        if credited:
            node.features.incoming.worker.credited(payment_id)
        return credited


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(new_node_of_module: NewNode, outside: Outside) -> World:
    first = await new_node_of_module("races")
    second = await new_node_of_module("races", beside=first)
    usd = await first.asset()
    account = new_account(
        AccountCode.WALLET_ADDRESS,
        account_id=PAYER.int,
        ledger=usd.ledger,
        asset_id=UUID(usd.id).int,
    )
    ledger = first.features.ledger
    await ledger.create_accounts([account])
    funding = deposit(
        transfer_id=PAYER.int + 1, account_id=PAYER.int, ledger=usd.ledger, amount=1_000_000
    )
    await apply_plan(ledger, funding)
    return World([first, second], usd, await first.wallet(usd), outside)


STEPS = st.tuples(
    st.sampled_from(["complete", "cancel", "expire", "40", "60", "100"]),
    st.integers(0, 1),
    st.integers(0, TURNS_MAX),
)


@pytest.mark.property
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEPS, min_size=2, max_size=7))
async def test_whatever_happens_at_once_there_is_one_truth(
    world: World, steps: list[tuple[str, int, int]]
) -> None:
    payment = await world.open()
    done = await asyncio.gather(*(world.do(payment, step) for step in steps))
    succeeded = [step[0] for step, ok in zip(steps, done, strict=True) if ok]
    received = sum(int(what) for what in succeeded if what.isdigit())
    node = world.nodes[0]
    if received == EXPECTED:
        await node.completed(payment)
    elif "complete" not in succeeded and "expire" not in succeeded:
        # Cancelled or left open: it ends when its time is over.
        view = await node.features.incoming.queries.get(UUID(id_of(payment)), tenant_id=None)
        assert (view.payment.cancelled_at is not None) == ("cancel" in succeeded)
        await node.features.incoming.endings.end([view.payment.id], State.EXPIRED)
    now = await node.incoming_now(payment)
    assert now.received_amount.value == received == await node.balance(id_of(payment))
    completed = now.state == admin.INCOMING_PAYMENT_STATE_COMPLETED
    assert completed or now.state == admin.INCOMING_PAYMENT_STATE_EXPIRED
    if received == EXPECTED:
        assert completed
        assert not now.HasField("cancelled_at")
    else:
        assert completed == ("complete" in succeeded)
    if completed:
        assert not now.HasField("cancelled_at")
    # Nothing comes in any more.
    assert not await world.credit(node, UUID(id_of(payment)), 1)
    ending = "completed" if completed else "expired"
    told = [f"incoming_payment.{ending}"] if completed or received else []
    events = await eventually(lambda: written(node, payment), lambda kinds: len(kinds) > len(told))
    assert [kind for kind in events if kind in ENDINGS] == told


async def written(node: Node, payment: Any) -> list[str]:
    """The kinds of a payment's events, in their order."""
    query = (
        select(webhook_events.c.type)
        .where(webhook_events.c.resource_id == UUID(id_of(payment)))
        .order_by(webhook_events.c.position)
    )
    async with node.features.database.read() as session:
        return list(await session.scalars(query))


async def test_completing_a_payment_whose_time_is_over_is_refused(world: World) -> None:
    payment = await world.open()
    await world.credit(world.nodes[0], UUID(id_of(payment)), 40)
    world.nodes[0].clock.jump(3_601)
    with pytest.raises(Conflict) as refused:
        await world.nodes[1].complete(payment)
    assert (refused.value.reason, refused.value.metadata["state"]) == ("WRONG_STATE", "EXPIRED")
    assert await written(world.nodes[0], payment) == [
        "incoming_payment.created",
        "incoming_payment.expired",
    ]


async def test_a_cancelled_payment_cannot_be_completed(world: World) -> None:
    payment = await world.open()
    assert await world.do(payment, ("cancel", 0, 0))
    with pytest.raises(Conflict) as refused:
        await world.nodes[1].complete(payment)
    assert refused.value.metadata["state"] == "CANCELLED"


async def test_a_full_payment_reads_completed_and_its_money_can_be_taken_at_once(
    world: World,
) -> None:
    node = world.nodes[0]
    payment = await world.open()
    # Nobody writes the end down: the process that took the money died.
    credited = node.features.incoming.worker.credited
    node.features.incoming.worker.credited = _unheard  # type: ignore[method-assign] # see above
    try:
        assert await world.credit(node, UUID(id_of(payment)), EXPECTED)
    finally:
        node.features.incoming.worker.credited = credited  # type: ignore[method-assign] # as it was
    now = await world.nodes[1].incoming_now(payment)
    assert now.state == admin.INCOMING_PAYMENT_STATE_COMPLETED
    await node.liquidity.WithdrawIncomingPayment(
        liquidity_service_pb2.WithdrawIncomingPaymentRequest(
            incoming_payment_id=id_of(payment), idempotency_key=key()
        )
    )
    assert await node.balance(id_of(payment)) == 0
    assert await written(node, payment) == [
        "incoming_payment.created",
        "incoming_payment.completed",
    ]


def _unheard(payment_id: UUID, balances: object = None) -> None:
    del payment_id, balances
