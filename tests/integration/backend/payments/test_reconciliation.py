"""What does not agree between ledger, payments and events is shown, with the transfer it began."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest
from rafiki.admin.v1 import payment_service_pb2 as admin
from rafiki.admin.v1 import reconciliation_service_pb2 as pb
from rafiki.admin.v1.reconciliation_service_pb2_grpc import ReconciliationServiceStub

from services.backend.ledger.model import Transfer
from services.backend.ledger.rules.chart import TransferCode
from services.backend.reconciliation import worker
from tests.integration.backend.payments.conftest import PEER_BALANCE, Banks, NewBanks, NewNode
from tests.integration.backend.payments.node import Node, amount, eventually, id_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]
PAID: Final = 500


async def execute(node: Node, statement: str, *arguments: Any) -> None:
    """Change what the node keeps, behind its back."""
    connection = await asyncpg.connect(node.settings.database_url.get_secret_value())
    try:
        assert await connection.execute(statement, *arguments) == "UPDATE 1"
    finally:
        await connection.close()


async def state(node: Node, reached: Callable[[Any], bool]) -> Any:
    """The comparison once it has got somewhere."""
    channel: Any = node.channel
    stub: Any = ReconciliationServiceStub(channel)

    async def now() -> Any:
        node.clock.jump(worker.AGAIN_S)
        return await stub.GetReconciliation(pb.GetReconciliationRequest())

    return await eventually(now, reached)


async def pay(banks: Banks) -> tuple[Any, Any]:
    incoming = await banks.far.incoming(banks.bob, amount(PAID))
    payment = await banks.near.outgoing(banks.alice, await banks.near.quote(banks.alice, incoming))
    await banks.near.fund(payment)
    ended = await banks.near.ended(payment)
    assert ended.state == admin.OUTGOING_PAYMENT_STATE_COMPLETED
    await banks.far.completed(incoming)
    return payment, incoming


def deposited(count: int) -> Callable[[Any], bool]:
    return lambda now: [each.deposited for each in now.ledgers] == [str(count)]


async def comparing(new_node: NewNode, node: Node) -> Node:
    """Another process of a node, which compares what the first one moved."""
    return await new_node(node.settings.instance_name, beside=node, RECONCILIATION=True)


CHANGES: Final = (
    pytest.param(
        "near",
        "UPDATE outgoing_payments SET sent_amount = sent_amount - 10 WHERE id = $1",
        "UPDATE outgoing_payments SET sent_amount = sent_amount + 10 WHERE id = $1",
        (pb.DIFFERENCE_KIND_SENT, PAID, PAID - 10),
        id="sent",
    ),
    pytest.param(
        "far",
        "UPDATE incoming_payments SET received_amount = received_amount + 10 WHERE id = $1",
        "UPDATE incoming_payments SET received_amount = received_amount - 10 WHERE id = $1",
        (pb.DIFFERENCE_KIND_RECEIVED, PAID, PAID + 10),
        id="received",
    ),
    pytest.param(
        "near",
        "UPDATE webhook_events SET type = 'lost' WHERE resource_id = $1 AND type LIKE '%completed'",
        "UPDATE webhook_events SET type = 'outgoing_payment.completed' "
        "WHERE resource_id = $1 AND type = 'lost'",
        (pb.DIFFERENCE_KIND_EVENT, 1, 0),
        id="event",
    ),
)


@pytest.mark.parametrize(("side", "change", "mend", "shown"), CHANGES)
async def test_a_payment_that_does_not_agree_is_shown_until_it_does(
    new_banks: NewBanks,
    new_node: NewNode,
    side: str,
    change: str,
    mend: str,
    shown: tuple[Any, int, int],
) -> None:
    banks = await new_banks()
    payment, incoming = await pay(banks)
    node, subject = (banks.near, payment) if side == "near" else (banks.far, incoming)
    await execute(node, change, UUID(id_of(subject)))
    beside = await comparing(new_node, node)
    found = await state(beside, lambda now: now.open_differences)
    (difference,) = found.differences
    kind, expected, said = shown
    assert difference.subject_id == id_of(subject)
    assert (difference.kind, difference.expected, difference.found) == (
        kind,
        str(expected),
        str(said),
    )
    assert difference.HasField("transfer_id") == (kind != pb.DIFFERENCE_KIND_EVENT)
    await execute(node, mend, UUID(id_of(subject)))
    await state(beside, lambda now: not now.open_differences)


async def test_an_account_whose_totals_are_not_its_transfers_is_shown(
    new_banks: NewBanks, new_node: NewNode
) -> None:
    banks = await new_banks()
    peer = UUID(banks.near_peer.id)
    beside = await comparing(new_node, banks.near)
    await state(beside, deposited(PEER_BALANCE))
    await pay(banks)
    change = "UPDATE ledger.accounts SET credits_posted = credits_posted {} 7 WHERE id = $1"
    await execute(banks.near, change.format("+"), peer)
    # The process that paid is not the one that compares: that one starts again.
    await beside.restart()
    (difference,) = (await state(beside, lambda now: now.open_differences)).differences
    assert (difference.kind, difference.subject_id) == (pb.DIFFERENCE_KIND_ACCOUNT, str(peer))
    assert int(difference.found) - int(difference.expected) == 7
    await execute(banks.near, change.format("-"), peer)
    await state(beside, lambda now: not now.open_differences)


async def test_a_transfer_that_no_payment_knows_of_is_found_as_it_is_made(
    new_node: NewNode,
) -> None:
    node = await new_node(RECONCILIATION=True)
    asset = await node.asset(liquidity=PEER_BALANCE)
    payer, payee = await node.wallet(asset), await node.wallet(asset)
    incoming = await node.incoming(payee, amount(PAID))
    payment = await node.outgoing(payer, await node.quote(payer, incoming))
    await node.fund(payment)
    await node.ended(payment)
    await node.completed(incoming)
    agreed = await state(node, deposited(PEER_BALANCE + PAID))
    assert not agreed.open_differences
    assert agreed.ledgers[0].asset_id == asset.id
    assert not agreed.overdue_webhooks
    receiver = UUID(id_of(incoming))
    snapshot = node.features.lookups.directory.snapshot
    ledger = snapshot.assets[UUID(asset.id)].ledger
    stray = Transfer(
        uuid4().int, UUID(asset.id).int, receiver.int, 5, ledger, int(TransferCode.TRANSFER)
    )
    assert (await node.features.ledger.submit([stray])).ok
    (difference,) = (await state(node, lambda now: now.open_differences)).differences
    assert difference.kind == pb.DIFFERENCE_KIND_RECEIVED
    assert difference.subject_id == str(receiver)
    assert (difference.expected, difference.found) == (str(PAID + 5), str(PAID))
    assert difference.transfer_id == str(UUID(int=stray.id))


async def test_where_nothing_moves_nothing_is_compared(new_node: NewNode) -> None:
    node = await new_node(RECONCILIATION=True)
    asset = await node.asset(liquidity=PEER_BALANCE)
    await state(node, deposited(PEER_BALANCE))
    features = node.features

    def asked(seen: list[str]) -> list[str]:
        return [each for each in seen if "book_differences" in each]

    async def quiet() -> bool:
        """Whether a minute passed without a look."""
        with features.database.count_statements() as seen:
            for _ in range(12):
                node.clock.jump(worker.AGAIN_S)
                await features.ledger.lookup_accounts([UUID(asset.id).int])
        return not asked(seen)

    await eventually(quiet, bool)
    assert await quiet()


async def test_webhooks_past_their_last_attempt_are_counted(new_banks: NewBanks) -> None:
    banks = await new_banks()
    payment, _ = await pay(banks)
    assert not (await state(banks.near, lambda _: True)).overdue_webhooks
    await execute(
        banks.near,
        "UPDATE webhook_deliveries SET state = 0, created_at = created_at - interval '1 day', "
        "due_at = due_at + interval '100 days' "
        "WHERE payload->'data'->>'id' = $1 AND payload->>'type' = 'outgoing_payment.created'",
        id_of(payment),
    )
    assert (await state(banks.near, lambda _: True)).overdue_webhooks == 1
