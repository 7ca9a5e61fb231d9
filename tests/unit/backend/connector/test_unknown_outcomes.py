"""A packet without a reply: where its money stays, who asks again, and what is paid at last."""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ilpkit.errors import UnknownOutcomeError
from ilpkit.ilp.error_codes import T01_PEER_UNREACHABLE
from ilpkit.ilp.packet import Fulfill, Prepare, Reject, Reply
from ilpkit.money import Ratio
from structlog.testing import capture_logs

from services.backend.connector.outcome import NotSentError
from services.backend.connector.settlement import UnsettledError
from services.backend.directory.model import PeerEntry
from services.backend.ledger.errors import LedgerUnavailableError, TransferStatus
from services.backend.ledger.rules.chart import AccountCode, TransferCode
from services.backend.ledger.rules.packets import PacketMoney, leg_ids, money_of
from tests.support.packet_world import FULFILLMENT, PacketWorld, in_virtual_time

PAYEE = "test.to.payee"
START = 1_000
FIRST_ID = "6e1ef12e-6b80-4a41-8f7f-3c3a5b0c9d6e"
SECOND_ID = "0e1ef12e-6b80-4a41-8f7f-3c3a5b0c9d6e"
PAID = Fulfill(FULFILLMENT, b"")
REFUSED = Reject("F99", PAYEE, "no", b"")
LOST = UnknownOutcomeError("reset")
NOT_SENT = NotSentError("refused", ilp_code=T01_PEER_UNREACHABLE)

Outcome = Reply | BaseException


class Street:
    """From `test.from` in dollars to `test.to` in euros, at a rate of one half."""

    def __init__(self, world: PacketWorld, payer: PeerEntry, payee: PeerEntry) -> None:
        self.world, self.payer, self.payee = world, payer, payee

    def answers(self, *outcomes: Outcome) -> None:
        """What the peer does with each copy; the last goes on for ever."""
        left = list(outcomes)

        async def answer(prepare: Prepare) -> Reply:
            del prepare
            outcome = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        self.world.link.answer = answer

    async def send(
        self, amount: int = 100, *, request_id: str | None = None, **fields: Any
    ) -> Reply | None:
        """The reply to a packet, or None when there is none; all waiting is cut short."""
        prepare = self.world.prepare(PAYEE, amount, **fields)
        receiving = self.world.receive(self.payer, prepare, request_id=request_id)
        try:
            return await in_virtual_time(self.world.manual_clock, receiving)
        except UnknownOutcomeError:
            return None

    @property
    def copies(self) -> int:
        return len(self.world.link.sent)

    async def balances(self) -> tuple[int, int, int]:
        """What the payer has, what the payee got, and what is reserved of the payer."""
        account_id = self.payer.peer.id.int
        account = (await self.world.ledger.lookup_accounts([account_id]))[account_id]
        return (
            await self.world.balance_of(self.payer.peer.id),
            await self.world.balance_of(self.payee.peer.id),
            account.debits_pending,
        )

    async def enter(self) -> int:
        """As the reconciler enters what is reserved; returns the account that it lies on."""
        money = await self.reserved()
        asset_id = self.payer.asset.id.int
        await self.world.ledger.create_accounts([money.unknown_account(asset_id=asset_id)])
        plan = money.entering()
        assert plan.explain(await self.world.ledger.submit(plan.chain)).ok
        return money.unknown_account_id

    async def reserved(self) -> PacketMoney:
        """The money of the one packet that is pending."""
        ledger = self.world.ledger
        page = await ledger.reservations(TransferCode.PACKET, after=0, until=2**62, limit=10)
        (record,) = page.transfers
        legs = await ledger.lookup_transfers(leg_ids(record.id))
        return money_of([legs[each] for each in leg_ids(record.id)])


@pytest.fixture
async def street() -> Street:
    world = PacketWorld()
    usd = await world.add_asset("USD", 2)
    eur = await world.add_asset("EUR", 2, liquidity=START)
    world.rates.prices["USD", "EUR"] = Ratio(1, 2)
    payer = await world.add_peer(usd, "test.from", balance=START)
    return Street(world, payer, await world.add_peer(eur, "test.to"))


RESERVED = (START - 100, 0, 100)
MOVED = (START - 100, 50, 0)
RELEASED = (START, 0, 0)


@pytest.mark.parametrize(
    ("outcome", "balances", "code"),
    [(PAID, MOVED, ""), (REFUSED, RELEASED, "F99"), (NOT_SENT, RELEASED, "T01")],
)
async def test_money_follows_what_is_known(
    street: Street, outcome: Outcome, balances: tuple[int, int, int], code: str
) -> None:
    street.answers(outcome)
    reply = await street.send()
    assert (reply.code if isinstance(reply, Reject) else "") == code
    assert await street.balances() == balances


async def test_without_a_reply_nobody_gets_one_and_the_money_stays_reserved(
    street: Street,
) -> None:
    street.answers(LOST)
    assert await street.send() is None
    assert await street.balances() == RESERVED
    await street.world.manual_clock.advance(24 * 60 * 60)
    assert await street.balances() == RESERVED


async def test_a_bug_while_forwarding_is_no_reject(street: Street) -> None:
    street.answers(RuntimeError("a bug"))
    assert await street.send() is None
    assert await street.balances() == RESERVED


async def test_a_peer_that_does_not_answer_repeats_is_never_asked_again(street: Street) -> None:
    street.answers(LOST, PAID)
    assert await street.send() is None
    assert street.copies == 1
    # A repeat of the previous hop does not go on to it either.
    street.answers(LOST)
    assert await street.send(request_id=FIRST_ID) is None
    street.answers(PAID)
    assert await street.send(request_id=FIRST_ID) is None
    assert street.copies == 2


async def test_a_peer_that_answers_repeats_is_asked_until_it_says_that_it_paid(
    street: Street,
) -> None:
    street.world.link.repeats = True
    street.answers(LOST, NOT_SENT, LOST, REFUSED, PAID)
    assert await street.send() == PAID
    assert street.copies == 5
    assert len(set(street.world.link.request_ids)) == 1
    assert len(set(street.world.link.prepares)) == 1
    assert await street.balances() == MOVED


@pytest.mark.parametrize("repeats", [True, False, None])
async def test_a_packet_that_nobody_can_fulfill_holds_no_money_when_it_is_lost(
    street: Street, repeats: bool | None
) -> None:
    world, asset = street.world, street.payer.asset
    payment_id = world.ids.uuid()
    await world.add_account(AccountCode.OUTGOING_PAYMENT, payment_id, asset, START)
    payment: Any = SimpleNamespace(id=payment_id, tenant_id=street.payer.peer.tenant_id)
    world.link.repeats = repeats
    street.answers(LOST)
    reply = await world.connector.send(world.prepare(PAYEE), payment, asset, fulfillable=False)
    assert isinstance(reply, Reject)
    assert reply.code == T01_PEER_UNREACHABLE
    assert street.copies == 1
    await world.settlement.drain()
    assert await world.reserved(payment_id) == 0
    assert await world.balance_of(payment_id) == START


async def test_a_peer_whose_habits_are_not_known_yet_is_asked_for_them_first(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [None, None, True]

    async def answers_repeats(peer: PeerEntry, *, timeout_ms: int) -> bool | None:
        assert peer.peer.id == street.payee.peer.id
        assert timeout_ms > 0
        return known.pop(0) if len(known) > 1 else known[0]

    monkeypatch.setattr(street.world.link, "answers_repeats", answers_repeats)
    street.answers(LOST, PAID)
    assert await street.send() == PAID
    assert street.copies == 2
    assert await street.balances() == MOVED


async def test_a_reject_of_a_later_copy_does_not_say_what_became_of_the_first(
    street: Street,
) -> None:
    street.world.link.repeats = True
    street.answers(LOST, REFUSED)
    assert await street.send() is None
    assert await street.balances() == RESERVED


async def test_what_is_fulfilled_after_everyone_gave_up_is_posted(street: Street) -> None:
    world = street.world
    world.link.repeats = True

    async def late(prepare: Prepare) -> Reply:
        if world.clock.now_ms() < prepare.expires_at_ms + 5_000:
            raise LOST
        return PAID

    world.link.answer = late
    assert await street.send() is None
    assert await street.balances() == MOVED


async def test_asking_ends(street: Street) -> None:
    street.world.link.repeats = True
    street.answers(LOST)
    before = street.world.clock.now_ms()
    assert await street.send() is None
    assert street.world.clock.now_ms() - before < 60_000
    assert street.copies < 60


class TestRepeats:
    """The previous hop asks again, under its request id."""

    @pytest.fixture(autouse=True)
    def repeats(self, street: Street) -> None:
        street.world.link.repeats = True

    async def test_a_repeat_gets_the_same_answer_and_moves_nothing(self, street: Street) -> None:
        expires_at_ms = street.world.clock.now_ms() + 30_000
        for _ in range(3):
            reply = await street.send(request_id=FIRST_ID, expires_at_ms=expires_at_ms)
            assert reply == Fulfill(FULFILLMENT, b"from the peer")
        assert await street.balances() == MOVED
        assert len(set(street.world.link.request_ids)) == 1

    async def test_a_repeat_is_sent_on_with_the_amount_that_was_reserved(
        self, street: Street
    ) -> None:
        await street.send(request_id=FIRST_ID)
        street.world.rates.prices["USD", "EUR"] = Ratio(3, 4)
        assert isinstance(await street.send(request_id=FIRST_ID), Fulfill)
        assert [prepare.amount for prepare in street.world.link.prepares] == [50, 50]
        assert await street.balances() == MOVED

    async def test_a_repeat_of_an_expired_packet_is_answered_from_the_ledger(
        self, street: Street
    ) -> None:
        expires_at_ms = street.world.clock.now_ms() + 30_000
        await street.send(request_id=FIRST_ID, expires_at_ms=expires_at_ms)
        await street.world.manual_clock.advance(29.5)
        again = await street.send(request_id=FIRST_ID, expires_at_ms=expires_at_ms)
        assert isinstance(again, Fulfill)
        new = await street.send(request_id=SECOND_ID, expires_at_ms=expires_at_ms)
        assert isinstance(new, Reject)
        assert new.code == "R02"
        assert await street.balances() == MOVED

    async def test_a_repeat_of_what_was_lost_finds_out(self, street: Street) -> None:
        street.world.link.repeats = False
        street.answers(LOST, PAID)
        assert await street.send(request_id=FIRST_ID) is None
        street.world.link.repeats = True
        assert await street.send(request_id=FIRST_ID) == PAID
        assert await street.balances() == MOVED

    async def test_a_repeat_of_what_was_rejected_is_not_sent_on(self, street: Street) -> None:
        street.answers(REFUSED, PAID)
        assert await street.send(request_id=FIRST_ID) == REFUSED
        assert isinstance(await street.send(request_id=FIRST_ID), Reject)
        assert street.copies == 1
        assert await street.balances() == RELEASED

    @pytest.mark.parametrize(
        "other", [{"amount": 101}, {"data": b"other"}, {"condition": bytes(32)}]
    )
    async def test_another_packet_under_the_same_request_id_is_another_packet(
        self, street: Street, other: dict[str, Any]
    ) -> None:
        await street.send(request_id=FIRST_ID)
        await street.send(request_id=FIRST_ID, **other)
        assert len(set(street.world.link.request_ids)) == 2

    async def test_another_payers_packet_under_the_same_request_id_is_another_packet(
        self, street: Street
    ) -> None:
        world = street.world
        stranger = await world.add_peer(street.payer.asset, "test.stranger", balance=START)
        await street.send(request_id=FIRST_ID)
        await world.receive(stranger, world.prepare(PAYEE, 100), request_id=FIRST_ID)
        assert len(set(world.link.request_ids)) == 2
        assert await world.balance_of(stranger.peer.id) == START - 100


class TestEntered:
    """The reconciler was faster than the reply."""

    async def send_while(self, street: Street, outcome: Reply) -> tuple[Reply, int]:
        account_ids: list[int] = []

        async def answer(prepare: Prepare) -> Reply:
            del prepare
            account_ids.append(await street.enter())
            assert await street.balances() == (START - 100, 0, 0)
            return outcome

        street.world.link.answer = answer
        reply = await street.send()
        assert reply is not None
        accounts = await street.world.ledger.lookup_accounts(account_ids)
        (account,) = accounts.values()
        assert account.user_data_128 == street.payer.asset.id.int
        return reply, account.credits_posted - account.debits_posted

    async def test_a_fulfill_pays_the_peer_out_of_the_entry(self, street: Street) -> None:
        assert await self.send_while(street, PAID) == (PAID, 0)
        assert await street.balances() == MOVED

    async def test_a_reject_gives_the_entry_back(self, street: Street) -> None:
        assert await self.send_while(street, REFUSED) == (REFUSED, 0)
        assert await street.balances() == RELEASED


class TestSettling:
    """The ledger when a packet was fulfilled."""

    def after_the_reply(self, street: Street, behave: Callable[[Any], Awaitable[Any]]) -> list[int]:
        submit, calls = street.world.ledger.submit, [0]

        async def submit_or_not(chain: Any, **opening: Any) -> Any:
            if street.copies:
                calls[0] += 1
                return await behave(lambda: submit(chain, **opening))
            return await submit(chain, **opening)

        street.world.ledger.submit = submit_or_not  # type: ignore[method-assign] # the ledger of the test
        return calls

    async def test_a_refusal_is_not_passed_on_as_paid_and_raises_an_alarm(
        self, street: Street
    ) -> None:
        async def refuse(submit: Any) -> Any:
            return (await submit())._replace(status=TransferStatus.UNKNOWN_TRANSFER)

        self.after_the_reply(street, refuse)
        with capture_logs() as logs:
            reply = await street.send()
        assert isinstance(reply, Reject)
        assert reply.code == "T00"
        assert street.world.settlement.refused == 1
        with pytest.raises(UnsettledError, match="fulfilled_packet_not_settled"):
            await street.world.settlement.check()
        (alarm,) = [log for log in logs if log["log_level"] == "critical"]
        assert alarm["event"] == "fulfilled_packet_not_settled"

    async def test_what_the_ledger_does_not_take_now_is_retried_before_the_answer(
        self, street: Street
    ) -> None:
        outages = [LedgerUnavailableError("away")] * 5

        async def away(submit: Any) -> Any:
            if outages:
                raise outages.pop()
            return await submit()

        calls = self.after_the_reply(street, away)
        assert await street.send() == Fulfill(FULFILLMENT, b"from the peer")
        assert calls == [6]
        assert await street.balances() == MOVED

    async def test_an_outage_longer_than_the_packet_is_outlived_in_the_background(
        self, street: Street
    ) -> None:
        world, end_ms = street.world, street.world.clock.now_ms() + 300_000

        async def away(submit: Any) -> Any:
            if world.clock.now_ms() < end_ms:
                raise LedgerUnavailableError("away")
            return await submit()

        self.after_the_reply(street, away)
        assert isinstance(await street.send(), Fulfill)
        assert await street.balances() == MOVED
        assert world.settlement.refused == 0
        await world.settlement.check()


async def test_a_repeat_that_was_paid_while_another_copy_was_rejected_is_paid(
    street: Street,
) -> None:
    world = street.world
    world.link.repeats = True
    replies: list[Outcome] = [LOST, PAID]

    async def answer(prepare: Prepare) -> Reply:
        del prepare
        outcome = replies.pop(0)
        if isinstance(outcome, BaseException):
            # Meanwhile another process got a Reject to its copy.
            world.settlement.release(await street.reserved())
            raise outcome
        return outcome

    world.link.answer = answer
    assert await street.send() == PAID
    assert await street.balances() == MOVED


class TestReceiving:
    """A payment of this node: the last hop."""

    async def test_a_credit_of_unknown_outcome_gets_no_reply_and_its_repeat_does(
        self, street: Street
    ) -> None:
        world = street.world
        payable = await world.add_payment(street.payer.asset, 1_000)
        request = world.request(world.exchange(payable), 100)
        submit = world.ledger.submit

        async def loses_the_reply(chain: Any, **opening: Any) -> Any:
            await submit(chain, **opening)
            world.ledger.submit = submit  # type: ignore[method-assign] # from now on it answers
            raise LedgerUnavailableError("lost")

        world.ledger.submit = loses_the_reply  # type: ignore[method-assign] # once
        with pytest.raises(UnknownOutcomeError):
            await world.receive(street.payer, request.prepare)
        assert await world.received(payable) == 100
        assert isinstance(await world.receive(street.payer, request.prepare), Fulfill)
        assert await world.received(payable) == 100

    async def test_a_repeat_after_the_expiry_is_answered_as_the_first_was(
        self, street: Street
    ) -> None:
        world = street.world
        payable = await world.add_payment(street.payer.asset, 1_000)
        exchange = world.exchange(payable)
        credited, late = world.request(exchange, 100), world.request(exchange, 100)
        assert isinstance(await world.receive(street.payer, credited.prepare), Fulfill)
        await world.manual_clock.advance(31)
        assert isinstance(await world.receive(street.payer, credited.prepare), Fulfill)
        assert await world.code_of(street.payer, late.prepare) == "R00"
        assert await world.received(payable) == 100

    async def test_a_repeat_is_answered_though_its_rate_is_gone_or_worse(
        self, street: Street
    ) -> None:
        world = street.world
        payable = await world.add_payment(street.payee.asset, 1_000)
        request = world.request(world.exchange(payable), 100, minimum=50)
        assert isinstance(await world.receive(street.payer, request.prepare), Fulfill)
        for prices in ({("USD", "EUR"): Ratio(1, 4)}, {}):
            world.rates.prices = prices
            assert isinstance(await world.receive(street.payer, request.prepare), Fulfill)
        assert await world.received(payable) == 50
