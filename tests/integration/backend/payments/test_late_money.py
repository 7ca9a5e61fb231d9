"""Money that moves on a payment's account when the payment has ended: told, and never stranded."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from rafiki.admin.v1 import liquidity_service_pb2
from rafiki.admin.v1 import payment_service_pb2 as admin
from servicekit.errors import Conflict, FailedPrecondition, InvalidArgument, Unavailable

from services.backend.ledger.rules.accounting import Side, transfer
from services.backend.ledger.rules.chart import TransferCode
from services.backend.outgoing_payments import repository
from services.backend.outgoing_payments.books import OutgoingBooks
from services.backend.outgoing_payments.model import State
from tests.integration.backend.payments.conftest import Banks, NewBanks, NewNode
from tests.integration.backend.payments.node import STALE_S, amount, eventually, id_of, key
from tests.integration.backend.payments.outside import DOWN
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")
COMPLETED = admin.OUTGOING_PAYMENT_STATE_COMPLETED
CANCELLED = admin.OUTGOING_PAYMENT_STATE_CANCELLED


async def new_payment(banks: Banks) -> Any:
    incoming = await banks.far.incoming(banks.bob, amount(500))
    return await banks.near.outgoing(banks.alice, await banks.near.quote(banks.alice, incoming))


async def move(banks: Banks, payment: Any, value: int, *, code: TransferCode) -> None:
    """Move money from the payment's account to the peer's, or back where it is negative."""
    asset = banks.near_asset
    sides = [
        Side(account_id=UUID(each).int, ledger=asset.ledger, asset_account_id=UUID(asset.id).int)
        for each in (id_of(payment), banks.near_peer.id)
    ]
    source, destination = sides if value > 0 else reversed(sides)
    plan = transfer(
        transfer_id=uuid4().int,
        source=source,
        destination=destination,
        source_amount=abs(value),
        destination_amount=abs(value),
    )
    chain = tuple(each._replace(code=int(code)) for each in plan.chain)
    assert (await banks.near.features.ledger.submit(chain)).ok


async def resolved(banks: Banks, payment: Any) -> None:
    """As whoever finds out what became of a packet says it."""
    async with banks.near.features.database.write() as session:
        await banks.near.features.outgoing.due.packet_resolved(session, UUID(id_of(payment)))


async def told(banks: Banks, payment: Any, count: int) -> dict[str, Any]:
    """The data of a payment's last event once there are that many."""

    async def events() -> list[dict[str, Any]]:
        return banks.outside.data_of(id_of(payment))

    return (await eventually(events, lambda found: len(found) == count))[-1]


async def withdraw(
    banks: Banks, payment: Any, *, timeout_s: int = 0, event_id: str | None = None
) -> Any:
    request = liquidity_service_pb2.WithdrawOutgoingPaymentRequest(
        outgoing_payment_id=id_of(payment),
        event_id=event_id,
        timeout_seconds=timeout_s,
        idempotency_key=key(),
    )
    return await banks.near.liquidity.WithdrawOutgoingPayment(request)


async def test_money_of_an_unknown_packet_counts_as_sent_until_it_comes_back(banks: Banks) -> None:
    payment = await new_payment(banks)
    banks.clock.jump(STALE_S)
    banks.far.edge.says = DOWN
    await banks.near.fund(payment)
    await eventually(lambda: banks.near.outgoing_now(payment), lambda now: bool(now.error))
    banks.far.edge.says = None
    await move(banks, payment, 3, code=TransferCode.PACKET)
    banks.clock.jump(10)
    ended = await banks.near.ended(payment)
    assert (ended.state, ended.sent_amount.value) == (COMPLETED, 503)
    event = await told(banks, payment, 2)
    assert (event["sentAmount"]["value"], event["balance"]) == ("503", "3")
    await withdraw(banks, payment)
    assert await banks.near.balance(id_of(payment)) == 0
    await move(banks, payment, -3, code=TransferCode.PACKET)
    await resolved(banks, payment)
    event = await told(banks, payment, 3)
    assert (event["state"], event["sentAmount"]["value"]) == ("COMPLETED", "500")
    assert event["balance"] == "3" == str(await banks.near.balance(id_of(payment)))
    await withdraw(banks, payment)
    assert await banks.near.balance(id_of(payment)) == 0


async def test_a_packet_that_is_paid_after_the_end_is_told(banks: Banks) -> None:
    payment = await new_payment(banks)
    await banks.near.fund(payment)
    await banks.near.ended(payment)
    assert (await told(banks, payment, 2))["balance"] == "6"
    await move(banks, payment, 2, code=TransferCode.TRANSFER)
    await resolved(banks, payment)
    event = await told(banks, payment, 3)
    # No new money: what the first event told is less now.
    assert (event["sentAmount"]["value"], event["balance"]) == ("502", "0")
    # Looking again tells nothing that was told.
    await resolved(banks, payment)
    now = await eventually(lambda: row(banks, payment), lambda found: found.due_at is None)
    assert now.sent_amount == 502
    assert len(banks.outside.types_of(id_of(payment))) == 3
    assert (await withdraw(banks, payment)).amount == 4
    with pytest.raises(FailedPrecondition) as refused:
        await withdraw(banks, payment)
    assert refused.value.reason == "NOTHING_TO_WITHDRAW"
    # What was lost and is found again was told before; only what goes beyond it is new. Both can
    # be withdrawn.
    await move(banks, payment, -5, code=TransferCode.TRANSFER)
    await resolved(banks, payment)
    assert (await told(banks, payment, 4))["balance"] == "3"
    assert (await withdraw(banks, payment)).amount == 5
    assert await banks.near.balance(id_of(payment)) == 0


async def ended_with_late_money(banks: Banks) -> Any:
    """A payment that left 6, of which its first event told, and got 4 back, told by the next."""
    payment = await new_payment(banks)
    await banks.near.fund(payment)
    await banks.near.ended(payment)
    assert (await told(banks, payment, 2))["balance"] == "6"
    await move(banks, payment, -4, code=TransferCode.TRANSFER)
    return payment


async def test_each_event_tells_what_is_new_and_each_withdrawal_takes_what_its_event_told(
    banks: Banks,
) -> None:
    payment = await ended_with_late_money(banks)
    await resolved(banks, payment)
    assert (await told(banks, payment, 3))["balance"] == "4"
    _, first, second = banks.outside.ids_of(id_of(payment))
    taken = [await withdraw(banks, payment) for _ in range(2)]
    assert [(each.id, each.amount) for each in taken] == [(first, 6), (second, 4)]
    assert await banks.near.balance(id_of(payment)) == 0


async def test_an_event_that_is_named_gives_what_it_told_in_any_order(banks: Banks) -> None:
    payment = await ended_with_late_money(banks)
    await resolved(banks, payment)
    await told(banks, payment, 3)
    created, first, second = banks.outside.ids_of(id_of(payment))
    taken = await withdraw(banks, payment, event_id=second)
    assert (taken.id, taken.amount) == (second, 4)
    for event_id in (second, created, key()):
        with pytest.raises(FailedPrecondition) as refused:
            await withdraw(banks, payment, event_id=event_id)
        assert refused.value.reason == "NOTHING_TO_WITHDRAW"
    taken = await withdraw(banks, payment, event_id=first)
    assert (taken.id, taken.amount) == (first, 6)
    assert await banks.near.balance(id_of(payment)) == 0


async def test_money_that_no_event_told_yet_is_not_withdrawn(banks: Banks) -> None:
    payment = await ended_with_late_money(banks)
    assert (await withdraw(banks, payment)).amount == 6
    with pytest.raises(FailedPrecondition):
        await withdraw(banks, payment)
    await resolved(banks, payment)
    assert (await told(banks, payment, 3))["balance"] == "4"
    assert (await withdraw(banks, payment)).amount == 4


async def test_a_pending_withdrawal_does_not_hold_the_money_of_later_events(banks: Banks) -> None:
    payment = await ended_with_late_money(banks)
    await resolved(banks, payment)
    await told(banks, payment, 3)
    first = await withdraw(banks, payment, timeout_s=3600)
    second = await withdraw(banks, payment)
    assert (first.amount, second.amount) == (6, 4)
    void = liquidity_service_pb2.VoidWithdrawalRequest(
        withdrawal_id=first.id, idempotency_key=key()
    )
    await banks.near.liquidity.VoidWithdrawal(void)
    again = await withdraw(banks, payment)
    assert (again.id, again.amount) == (first.id, 6)


async def test_withdrawals_at_once_take_each_events_money_once(banks: Banks) -> None:
    payment = await ended_with_late_money(banks)
    await resolved(banks, payment)
    await told(banks, payment, 3)
    results = await asyncio.gather(
        *(withdraw(banks, payment) for _ in range(6)), return_exceptions=True
    )
    moved = [each for each in results if not isinstance(each, BaseException)]
    while await banks.near.balance(id_of(payment)):
        moved.append(await withdraw(banks, payment))
    assert sorted(each.amount for each in moved) == [4, 6]
    assert len({each.id for each in moved}) == 2


async def row(banks: Banks, payment: Any) -> Any:
    return (
        await banks.near.features.outgoing.queries.get(UUID(id_of(payment)), tenant_id=None)
    ).payment


async def test_a_deposit_that_arrives_after_the_cancellation_moves_nothing(banks: Banks) -> None:
    payment = await new_payment(banks)
    assert (await banks.near.cancel(payment)).state == CANCELLED
    # As a process does that stood still in the middle of funding.
    asset = (
        await banks.near.features.outgoing.queries.get(UUID(id_of(payment)), tenant_id=None)
    ).asset
    books = OutgoingBooks(banks.near.features.ledger)
    await books.deposit(UUID(id_of(payment)), asset, 506)
    assert await banks.near.balance(id_of(payment)) == 0


@pytest.mark.parametrize("deposited", [True, False])
async def test_a_cancellation_that_broke_off_is_finished_by_a_worker(
    banks: Banks, monkeypatch: pytest.MonkeyPatch, deposited: bool
) -> None:
    payment = await new_payment(banks)
    if deposited:

        def broken(*args: Any) -> None:
            raise Unavailable("UNAVAILABLE", "the process died after the deposit")

        with monkeypatch.context() as patch:
            patch.setattr(repository, "leave_funding", broken)
            with pytest.raises(Unavailable):
                await banks.near.fund(payment)
        assert await banks.near.balance(id_of(payment)) == 506

    async def dead(*args: Any) -> None:
        raise Unavailable("UNAVAILABLE", "the process died after the cancellation")

    with monkeypatch.context() as patch:
        patch.setattr(OutgoingBooks, "refuse_deposit", dead)
        with pytest.raises(Unavailable):
            await banks.near.cancel(payment)
    banks.clock.jump(40)
    now = await eventually(lambda: row(banks, payment), lambda found: found.due_at is None)
    assert now.state is State.CANCELLED
    assert await banks.near.balance(id_of(payment)) == 0
    with pytest.raises(Conflict):
        await banks.near.fund(payment)
    assert await banks.near.balance(id_of(payment)) == 0


async def test_a_quote_for_a_receiver_that_has_all_by_now_is_refused(banks: Banks) -> None:
    incoming = await banks.far.incoming(banks.bob, amount(500))
    quotes = [await banks.near.quote(banks.alice, incoming) for _ in range(2)]
    first = await banks.near.outgoing(banks.alice, quotes[0])
    await banks.near.fund(first)
    await banks.near.ended(first)
    with pytest.raises(InvalidArgument) as refused:
        await banks.near.outgoing(banks.alice, quotes[1])
    assert refused.value.reason == "INVALID_RECEIVER"


async def test_every_process_hears_that_a_receiver_was_paid(
    new_banks: NewBanks, new_node: NewNode
) -> None:
    banks = await new_banks()
    other = await new_node("near", beside=banks.near)
    incoming = await banks.far.incoming(banks.bob, amount(500))
    quotes = [await banks.near.quote(banks.alice, incoming) for _ in range(2)]
    first = await banks.near.outgoing(banks.alice, quotes[0])
    await banks.near.fund(first)
    await banks.near.ended(first)

    heard = other.features.receivers.queries._remembered._changed
    await until(lambda: quotes[1].receiver in heard)
    with pytest.raises(InvalidArgument) as refused:
        await other.outgoing(banks.alice, quotes[1])
    assert refused.value.reason == "INVALID_RECEIVER"


async def test_a_payment_accepted_before_its_receiver_got_all_completes_with_its_money_left(
    banks: Banks,
) -> None:
    incoming = await banks.far.incoming(banks.bob, amount(500))
    payments = [
        await banks.near.outgoing(banks.alice, await banks.near.quote(banks.alice, incoming))
        for _ in range(2)
    ]
    await banks.near.fund(payments[0])
    await banks.near.ended(payments[0])
    await banks.near.fund(payments[1])
    ended = await banks.near.ended(payments[1])
    assert (ended.state, ended.sent_amount.value) == (COMPLETED, 0)
    assert (await told(banks, payments[1], 2))["balance"] == "506"


async def test_a_payment_funded_in_time_outlives_its_quote(banks: Banks) -> None:
    payment = await new_payment(banks)
    banks.clock.jump(STALE_S)
    banks.far.edge.says = DOWN
    await banks.near.fund(payment)
    await eventually(lambda: banks.near.outgoing_now(payment), lambda now: bool(now.error))
    banks.far.edge.says = None
    banks.clock.jump(400)
    assert (await banks.near.ended(payment)).state == COMPLETED


async def test_what_cancels_and_funds_at_once_leaves_no_money_behind(banks: Banks) -> None:
    for _ in range(6):
        payment = await new_payment(banks)
        await asyncio.gather(
            banks.near.fund(payment),
            banks.near.cancel(payment),
            banks.near.fund(payment),
            return_exceptions=True,
        )
        ended = await banks.near.ended(payment)
        assert await banks.near.balance(id_of(payment)) == (0 if ended.state == CANCELLED else 6)
    await banks.near.audit()
