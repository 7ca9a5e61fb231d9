"""How incoming payments end when processes die or race at the wrong moment."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from rafiki.admin.v1 import payment_service_pb2 as admin

from services.backend.incoming_payments.books import IncomingBooks
from services.backend.ledger.rules.accounting import Side, allowance_account_id, deposit, transfer
from services.backend.ledger.rules.chart import AccountCode, new_account
from services.backend.ledger.rules.outcome import apply_plan
from tests.integration.backend.payments.conftest import NewNode
from tests.integration.backend.payments.node import Node, amount, eventually, id_of
from tests.integration.backend.payments.outside import Outside

pytestmark = pytest.mark.asyncio(loop_scope="module")
COMPLETED = admin.INCOMING_PAYMENT_STATE_COMPLETED
EXPIRED = admin.INCOMING_PAYMENT_STATE_EXPIRED
PAYER = UUID(int=77)


async def receive(node: Node, asset: Any, payment: Any, value: int) -> None:
    """Credit a payment without telling anybody, as a process does that dies right after it."""
    ledger, asset_id = node.features.ledger, UUID(asset.id).int
    account = new_account(
        AccountCode.WALLET_ADDRESS, account_id=PAYER.int, ledger=asset.ledger, asset_id=asset_id
    )
    await ledger.create_accounts([account])
    ids = node.features.ids
    funding = deposit(
        transfer_id=ids.uuid().int, account_id=PAYER.int, ledger=asset.ledger, amount=value
    )
    await apply_plan(ledger, funding)
    payee = UUID(id_of(payment)).int
    plan = transfer(
        transfer_id=ids.uuid().int,
        source=Side(account_id=PAYER.int, ledger=asset.ledger, asset_account_id=asset_id),
        destination=Side(account_id=payee, ledger=asset.ledger, asset_account_id=asset_id),
        source_amount=value,
        destination_amount=value,
        allowance_account_id=allowance_account_id(payee),
    )
    await apply_plan(ledger, plan)


async def expecting(node: Node, asset: Any, *, seconds: int = 30) -> Any:
    """A payment of 100 that lives that long."""
    expires_at = Timestamp()
    expires_at.FromDatetime(node.clock.now() + timedelta(seconds=seconds))
    wallet = await node.wallet(asset)
    return await node.incoming(wallet, amount(100), expires_at=expires_at)


async def state_after(node: Node, payment: Any) -> Any:
    """The payment once it has ended, with the worker's pauses cut short."""

    async def now() -> Any:
        node.clock.jump(1)
        return await node.incoming_now(payment)

    return await eventually(now, lambda found: found.state in {COMPLETED, EXPIRED})


async def told(outside: Outside, payment: Any) -> list[str]:
    async def types() -> list[str]:
        return outside.types_of(id_of(payment))

    return (await eventually(types, lambda found: len(found) > 1))[1:]


async def test_a_payment_that_was_full_when_its_process_died_is_found_at_the_next_start(
    new_node: NewNode, outside: Outside
) -> None:
    node = await new_node("sweep")
    usd = await node.asset()
    payment = await expecting(node, usd, seconds=600)
    await receive(node, usd, payment, 100)
    await node.restart()
    assert (await node.completed(payment)).received_amount == amount(100)
    node.clock.jump(61)  # the lease of what the process was delivering when it ended
    assert await told(outside, payment) == ["incoming_payment.completed"]


async def test_a_full_payment_past_its_expiry_has_completed(
    new_node: NewNode, outside: Outside
) -> None:
    node = await new_node("full")
    usd = await node.asset()
    payment = await expecting(node, usd)
    await receive(node, usd, payment, 100)
    node.clock.jump(60)
    assert (await state_after(node, payment)).state == COMPLETED
    assert await told(outside, payment) == ["incoming_payment.completed"]


async def test_a_process_that_died_while_it_let_a_payment_expire(
    new_node: NewNode, outside: Outside
) -> None:
    """The ledger was closed and nothing written: that is no completion."""
    node = await new_node("expire")
    usd = await node.asset()
    payment = await expecting(node, usd)
    await receive(node, usd, payment, 40)
    await IncomingBooks(node.features.ledger).close(UUID(id_of(payment)), usd.ledger)
    await node.stop()
    node.clock.jump(60)
    await node.start()
    assert (await state_after(node, payment)).state == EXPIRED
    assert await told(outside, payment) == ["incoming_payment.expired"]


async def test_an_expired_payment_that_got_nothing_is_not_worth_an_event(
    new_node: NewNode, outside: Outside
) -> None:
    node = await new_node("nothing")
    usd = await node.asset()
    payment = await expecting(node, usd)
    node.clock.jump(60)
    assert (await state_after(node, payment)).state == EXPIRED
    other = await expecting(node, usd)
    await told_created(outside, other)
    assert outside.types_of(id_of(payment)) == ["incoming_payment.created"]


async def told_created(outside: Outside, payment: Any) -> None:
    async def types() -> list[str]:
        return outside.types_of(id_of(payment))

    await eventually(types, bool)
