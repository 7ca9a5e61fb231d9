"""Spending under a grant: reserved at once, given back as far as it was not spent."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest
from rafiki.admin.v1 import payment_service_pb2 as admin
from rafiki.openpayments.v1 import outgoing_payment_service_pb2 as pb
from servicekit.errors import PermissionDenied
from servicekit.verdict import Verdict

from tests.integration.backend.payments.conftest import Banks
from tests.integration.backend.payments.node import amount

pytestmark = pytest.mark.asyncio(loop_scope="module")
Metadata = list[tuple[str, str]]


def granted(limits: dict[str, Any] | None = None, grant: str | None = None) -> Metadata:
    """The guard's verdict on a call under a grant."""
    verdict = Verdict(
        grant_id=grant or str(uuid4()),
        client="https://client.test",
        limits=None if limits is None else json.dumps(limits),
    )
    return [("x-rafiki-rest", "1"), verdict.header()]


def debit(value: int, **more: Any) -> dict[str, Any]:
    return {"debitAmount": {"value": str(value), "assetCode": "USD", "assetScale": 2}, **more}


async def create(banks: Banks, value: int, metadata: Metadata) -> Any:
    """A payment of Alice to a wallet of her own node: the debit is what arrives."""
    wallet = await banks.near.wallet(banks.near_asset)
    incoming = await banks.near.incoming(wallet, amount(value))
    quote = await banks.near.quote(banks.alice, incoming)
    return await banks.near.outgoing(banks.alice, quote, metadata=metadata)


async def spent(banks: Banks, metadata: Metadata) -> tuple[str, str]:
    request = pb.GetGrantSpentAmountsRequest(tenant_id=banks.near.tenant)
    reply = await banks.near.outgoing_payments.GetGrantSpentAmounts(request, metadata=metadata)
    values = reply.spent_debit_amount, reply.spent_receive_amount
    debit_value, receive_value = (value.struct_value["value"] for value in values)
    return str(debit_value), str(receive_value)


async def test_a_grant_is_spent_to_its_limit_and_no_further(banks: Banks) -> None:
    metadata = granted(debit(500))
    first = await create(banks, 300, metadata)
    assert first.grant_spent_debit_amount == amount(0)
    second = await create(banks, 200, metadata)
    assert second.grant_spent_debit_amount == amount(300)
    assert second.grant_spent_receive_amount == amount(300)
    with pytest.raises(PermissionDenied) as refused:
        await create(banks, 1, metadata)
    assert refused.value.reason == "GRANT_LIMIT_EXCEEDED"
    assert await spent(banks, metadata) == ("500", "500")


async def test_of_two_payments_for_the_last_units_one_wins(banks: Banks) -> None:
    metadata = granted(debit(500))
    outcomes = await asyncio.gather(
        *(create(banks, 500, metadata) for _ in range(4)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, PermissionDenied)]
    assert len(refused) == 3
    assert await spent(banks, metadata) == ("500", "500")


async def test_grants_do_not_share_their_limits(banks: Banks) -> None:
    await create(banks, 500, granted(debit(500)))
    await create(banks, 500, granted(debit(500)))


async def test_another_receiver_than_the_granted_one_is_refused(banks: Banks) -> None:
    with pytest.raises(PermissionDenied):
        await create(banks, 5, granted({"receiver": "https://bank.test/incoming-payments/1"}))


async def test_another_currency_than_the_granted_one_is_refused(banks: Banks) -> None:
    limit = {"debitAmount": {"value": "500", "assetCode": "EUR", "assetScale": 2}}
    with pytest.raises(PermissionDenied):
        await create(banks, 5, granted(limit))


async def test_a_receive_limit_counts_what_arrives(banks: Banks) -> None:
    limit = {"receiveAmount": {"value": "100", "assetCode": "USD", "assetScale": 2}}
    metadata = granted(limit)
    await create(banks, 100, metadata)
    with pytest.raises(PermissionDenied):
        await create(banks, 1, metadata)


async def test_each_interval_starts_anew(banks: Banks) -> None:
    metadata = granted(debit(500, interval="R/2024-01-01T00:00:00Z/PT1H"))
    await create(banks, 500, metadata)
    with pytest.raises(PermissionDenied):
        await create(banks, 1, metadata)
    banks.clock.jump(3_600)
    assert await spent(banks, metadata) == ("0", "0")
    await create(banks, 500, metadata)


async def test_outside_of_every_interval_nothing_is_granted(banks: Banks) -> None:
    with pytest.raises(PermissionDenied):
        await create(banks, 1, granted(debit(5, interval="R1/2020-01-01T00:00:00Z/P1D")))


async def test_one_grant_pays_receivers_of_several_currencies(banks: Banks) -> None:
    metadata = granted(debit(500))
    await create(banks, 100, metadata)
    eur = await banks.near.asset("EUR", liquidity=10_000)
    banks.outside.rates = {"USD": {"EUR": "0.5"}}
    incoming = await banks.near.incoming(await banks.near.wallet(eur), amount(50, "EUR"))
    quote = await banks.near.quote(banks.alice, incoming)
    await banks.near.outgoing(banks.alice, quote, metadata=metadata)
    assert await spent(banks, metadata) == ("200", "100")
    with pytest.raises(PermissionDenied):
        await create(banks, 301, metadata)
    await create(banks, 300, metadata)


async def test_a_cancelled_payment_gives_all_back(banks: Banks) -> None:
    metadata = granted(debit(500))
    payment = await create(banks, 500, metadata)
    await banks.near.cancel(payment)
    await banks.near.cancel(payment)
    assert await spent(banks, metadata) == ("0", "0")


async def test_a_completed_payment_keeps_its_debit(banks: Banks) -> None:
    metadata = granted(debit(1_000))
    incoming = await banks.far.incoming(banks.bob, amount(500))
    quote = await banks.near.quote(banks.alice, incoming)
    payment = await banks.near.outgoing(banks.alice, quote, metadata=metadata)
    await banks.near.fund(payment)
    await banks.near.ended(payment)
    assert await spent(banks, metadata) == ("506", "500")


async def test_a_failed_payment_gives_back_only_what_it_did_not_spend(banks: Banks) -> None:
    metadata = granted(debit(1_000))
    incoming = await banks.far.incoming(banks.bob, amount(500))
    quote = await banks.near.quote(banks.alice, incoming)
    payment = await banks.near.outgoing(banks.alice, quote, metadata=metadata)
    # Another payment takes most of what the receiver expects, so that only a part arrives.
    rest = await banks.near.quote(banks.alice, incoming, receive_amount=amount(400))
    other = await banks.near.outgoing(banks.alice, rest)
    await banks.near.fund(other)
    await banks.near.ended(other)
    await banks.near.fund(payment)
    ended = await banks.hurried(payment)
    assert ended.state == admin.OUTGOING_PAYMENT_STATE_FAILED
    received = (await banks.far.incoming_now(incoming)).received_amount.value
    sent = ended.sent_amount.value
    assert received == 400 + sent
    assert await spent(banks, metadata) == (str(sent), str(sent))
