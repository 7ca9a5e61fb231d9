"""Packets from one peer to another: what is refused, what is sent on, and where the money goes."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from ilpkit.errors import UnknownOutcomeError
from ilpkit.ilp.error_codes import T01_PEER_UNREACHABLE, decode_amount_too_large
from ilpkit.ilp.ildcp import PeerConfiguration, make_ildcp_request, read_ildcp_response
from ilpkit.ilp.packet import Fulfill, Prepare, Reject, Reply, decode_reply, encode_prepare
from ilpkit.money import Ratio

from services.backend.connector.outcome import NotSentError
from services.backend.connector.steps import rate_limit
from services.backend.connector.steps.rate_limit import RateLimit
from services.backend.directory.model import PeerEntry
from services.backend.ledger.errors import LedgerUnavailableError
from tests.support.packet_world import (
    CONDITION,
    FULFILLMENT,
    LIFE_MS,
    NODE_ADDRESS,
    OPERATOR,
    PacketWorld,
    in_virtual_time,
)
from tests.support.waiting import until

FROM, TO = "test.from", "test.to"
PAYEE = "test.to.payee"
START = 1_000


class Two:
    """A payer's and a payee's peer in one currency."""

    def __init__(self, world: PacketWorld, payer: PeerEntry, payee: PeerEntry) -> None:
        self.world, self.payer, self.payee = world, payer, payee

    async def code_of(self, prepare: Prepare) -> str:
        return await self.world.code_of(self.payer, prepare)

    async def balances(self) -> tuple[int, int]:
        world = self.world
        assert await world.reserved(self.payer.peer.id) == 0
        assert await world.reserved(self.payee.peer.id) == 0
        return (
            await world.balance_of(self.payer.peer.id),
            await world.balance_of(self.payee.peer.id),
        )


@pytest.fixture
async def two() -> Two:
    world = PacketWorld()
    usd = await world.add_asset("USD", 2)
    payer = await world.add_peer(usd, FROM, balance=START)
    return Two(world, payer, await world.add_peer(usd, TO))


async def test_bytes_that_are_no_packet_are_rejected_as_invalid(two: Two) -> None:
    reply = decode_reply(await two.world.connector.receive(two.payer, b"\x0c\x03abc"))
    assert isinstance(reply, Reject)
    assert (reply.code, reply.triggered_by) == ("F01", NODE_ADDRESS)


async def test_an_unknown_address_is_unreachable(two: Two) -> None:
    assert await two.code_of(two.world.prepare("test.elsewhere")) == "F02"
    assert await two.balances() == (START, 0)


async def test_a_route_to_everything_does_not_cover_what_never_leaves_a_link(two: Two) -> None:
    world = two.world
    await world.add_peer(two.payer.asset, "test.upstream", routes=[""])
    assert isinstance(await world.receive(two.payer, world.prepare("g.anyone")), Fulfill)
    for destination in ("peer.anything", "self.anything"):
        assert await two.code_of(world.prepare(destination)) == "F02"


async def test_a_packet_never_goes_back_to_where_it_came_from(two: Two) -> None:
    assert await two.code_of(two.world.prepare(f"{FROM}.child")) == "F02"


async def test_a_fulfilled_packet_moves_its_money(two: Two) -> None:
    reply = await two.world.receive(two.payer, two.world.prepare(PAYEE, 100))
    assert reply == Fulfill(FULFILLMENT, b"from the peer")
    assert await two.balances() == (START - 100, 100)


async def test_only_amount_and_expiry_change_on_the_way(two: Two) -> None:
    await two.world.receive(two.payer, two.world.prepare(PAYEE, 100, data=b"opaque"))
    (sent,) = two.world.link.prepares
    assert (sent.destination, sent.condition, sent.data) == (PAYEE, CONDITION, b"opaque")
    assert sent.amount == 100
    assert sent.expires_at_ms == two.world.clock.now_ms() + LIFE_MS - 1_000


async def test_no_packet_is_held_longer_than_half_a_minute(two: Two) -> None:
    late = two.world.clock.now_ms() + 600_000
    await two.world.receive(two.payer, two.world.prepare(PAYEE, expires_at_ms=late))
    assert two.world.link.prepares[0].expires_at_ms == two.world.clock.now_ms() + 30_000


@pytest.mark.parametrize(("life_ms", "code"), [(-1, "R02"), (0, "R02"), (1_999, "R02")])
async def test_a_packet_with_too_little_time_left_is_refused(
    two: Two, life_ms: int, code: str
) -> None:
    expiry = two.world.clock.now_ms() + life_ms
    assert await two.code_of(two.world.prepare(PAYEE, expires_at_ms=expiry)) == code
    assert two.world.link.sent == []


async def test_two_seconds_are_enough(two: Two) -> None:
    expiry = two.world.clock.now_ms() + 2_000
    reply = await two.world.receive(two.payer, two.world.prepare(PAYEE, expires_at_ms=expiry))
    assert isinstance(reply, Fulfill)


async def test_a_reject_is_passed_on_and_releases_the_money(two: Two) -> None:
    refused = Reject("F99", "test.to.payee", "no", b"why")
    two.world.link.always(refused)
    assert await two.world.receive(two.payer, two.world.prepare(PAYEE)) == refused
    assert await two.balances() == (START, 0)


async def test_a_wrong_fulfillment_is_refused_and_releases_the_money(two: Two) -> None:
    two.world.link.always(Fulfill(bytes(32), b""))
    assert await two.code_of(two.world.prepare(PAYEE)) == "F05"
    assert await two.balances() == (START, 0)


async def test_a_peer_that_is_down_is_a_temporary_error(two: Two) -> None:
    two.world.link.always(NotSentError("no way", ilp_code=T01_PEER_UNREACHABLE))
    assert await two.code_of(two.world.prepare(PAYEE)) == "T01"
    assert await two.balances() == (START, 0)


async def test_a_silent_peer_is_answered_for_before_the_packet_expires(two: Two) -> None:
    world = two.world

    async def silence(prepare: Prepare) -> Reply:
        del prepare
        timeout_ms = world.link.sent[-1][2]
        await world.clock.sleep(timeout_ms / 1000)
        raise UnknownOutcomeError("no reply")

    world.link.answer = silence
    prepare = world.prepare(PAYEE, expires_at_ms=world.clock.now_ms() + 5_000)
    with pytest.raises(UnknownOutcomeError):
        await in_virtual_time(world.manual_clock, world.receive(two.payer, prepare))
    assert prepare.expires_at_ms - 1_000 < world.clock.now_ms() < prepare.expires_at_ms
    assert await world.reserved(two.payee.peer.id) == 100


async def test_what_the_ledger_took_is_taken_from_the_peers_time(two: Two) -> None:
    world = two.world
    submit = world.ledger.submit

    async def slow(chain: object) -> object:
        world.manual_clock.set(world.clock.now() + timedelta(milliseconds=700))
        return await submit(chain)  # type: ignore[arg-type] # passed on as it came

    world.ledger.submit = slow  # type: ignore[method-assign,assignment] # a slow ledger
    expiry = world.clock.now_ms() + 5_000
    await world.receive(two.payer, world.prepare(PAYEE, expires_at_ms=expiry))
    ((_, _, timeout_ms),) = world.link.sent
    assert timeout_ms == 5_000 - 100 - 700


async def test_too_little_money_is_a_temporary_error(two: Two) -> None:
    assert await two.code_of(two.world.prepare(PAYEE, START + 1)) == "T04"
    assert two.world.link.sent == []
    assert await two.balances() == (START, 0)


async def test_reserved_money_cannot_be_spent_twice(two: Two) -> None:
    gate = asyncio.Event()

    async def wait(prepare: Prepare) -> Reply:
        del prepare
        await gate.wait()
        return Fulfill(FULFILLMENT, b"")

    two.world.link.answer = wait
    first = asyncio.create_task(two.world.receive(two.payer, two.world.prepare(PAYEE, 600)))
    await until(lambda: bool(two.world.link.sent))
    raw = encode_prepare(two.world.prepare(PAYEE, 600))
    second = decode_reply(await two.world.connector.receive(two.payer, raw))
    assert isinstance(second, Reject)
    assert second.code == "T04"
    gate.set()
    assert isinstance(await first, Fulfill)
    assert await two.balances() == (START - 600, 600)


async def test_money_of_a_fulfilled_packet_is_posted_when_the_ledger_is_back(two: Two) -> None:
    world = two.world
    submit, failures = world.ledger.submit, [LedgerUnavailableError("away")] * 2

    async def flaky(chain: object) -> object:
        if world.link.sent and failures:
            raise failures.pop()
        return await submit(chain)  # type: ignore[arg-type] # passed on as it came

    world.ledger.submit = flaky  # type: ignore[method-assign,assignment] # fails twice
    receiving = world.receive(two.payer, world.prepare(PAYEE, 100))
    assert isinstance(await in_virtual_time(world.manual_clock, receiving), Fulfill)
    assert await two.balances() == (START - 100, 100)


async def test_a_packet_over_the_peers_maximum_is_told_both_amounts() -> None:
    world = PacketWorld()
    usd = await world.add_asset("USD", 2)
    payer = await world.add_peer(usd, FROM, balance=START, max_packet_amount=50)
    await world.add_peer(usd, TO)
    reply = await world.receive(payer, world.prepare(PAYEE, 51))
    assert isinstance(reply, Reject)
    assert reply.code == "F08"
    assert decode_amount_too_large(reply.data) == (51, 50)
    assert isinstance(await world.receive(payer, world.prepare(PAYEE, 50)), Fulfill)


async def test_a_peer_is_told_its_configuration(two: Two) -> None:
    request = make_ildcp_request(now_ms=two.world.clock.now_ms())
    reply = await two.world.receive(two.payer, request)
    assert read_ildcp_response(reply) == PeerConfiguration(FROM, two.payer.asset.unit)


async def test_a_peer_below_our_own_address_is_reached_by_its_longer_prefix(two: Two) -> None:
    world = two.world
    child = await world.add_peer(two.payer.asset, f"{NODE_ADDRESS}.child")
    reply = await world.receive(two.payer, world.prepare(f"{NODE_ADDRESS}.child.account", 10))
    assert isinstance(reply, Fulfill)
    assert world.link.sent[0][0] == child
    # What is below our address and not behind that peer still ends here.
    assert await two.code_of(world.prepare(f"{NODE_ADDRESS}.children", 10)) == "F06"
    assert len(world.link.sent) == 1


class TestConversion:
    """From euro cents to dollar units of scale 4."""

    @pytest.fixture
    async def pair(self) -> Two:
        world = PacketWorld()
        eur = await world.add_asset("EUR", 2)
        usd = await world.add_asset("USD", 4, liquidity=10_000)
        payer = await world.add_peer(eur, FROM, balance=START)
        return Two(world, payer, await world.add_peer(usd, TO))

    async def test_the_amount_is_converted_and_rounded_down(self, pair: Two) -> None:
        pair.world.rates.prices["EUR", "USD"] = Ratio.of_decimal("1.09339")
        await pair.world.receive(pair.payer, pair.world.prepare(PAYEE, 7))
        assert pair.world.link.prepares[0].amount == 765  # 7 x 109.339 = 765.373
        assert await pair.balances() == (START - 7, 765)
        assert await pair.world.balance_of(pair.payer.asset.id) == 7
        assert await pair.world.balance_of(pair.payee.asset.id) == 10_000 - 765

    async def test_an_unknown_rate_is_a_temporary_error(self, pair: Two) -> None:
        assert await pair.code_of(pair.world.prepare(PAYEE, 7)) == "T00"

    async def test_what_would_round_down_to_nothing_is_refused(self, pair: Two) -> None:
        pair.world.rates.prices["EUR", "USD"] = Ratio.of_decimal("0.0001")
        assert await pair.code_of(pair.world.prepare(PAYEE, 1)) == "R01"

    async def test_a_packet_without_money_needs_no_rate(self, pair: Two) -> None:
        reply = await pair.world.receive(pair.payer, pair.world.prepare(PAYEE, 0))
        assert isinstance(reply, Fulfill)
        assert pair.world.link.prepares[0].amount == 0

    async def test_too_little_liquidity_of_the_other_asset(self, pair: Two) -> None:
        pair.world.rates.prices["EUR", "USD"] = Ratio.of_decimal("1")
        assert await pair.code_of(pair.world.prepare(PAYEE, 101)) == "T04"
        assert await pair.balances() == (START, 0)

    async def test_the_next_hops_tenant_decides_the_rate(self, pair: Two) -> None:
        pair.world.rates.prices["EUR", "USD"] = Ratio.of_decimal("1")
        await pair.world.receive(pair.payer, pair.world.prepare(PAYEE, 1))
        assert pair.world.rates.asked == [OPERATOR]


class TestTenants:
    """Two tenants on one node, each with a peer towards the same prefix."""

    OTHER = UUID(int=2)

    async def test_each_tenants_packets_take_its_own_routes(self) -> None:
        world = PacketWorld()
        world.add_tenant(self.OTHER)
        ours = await world.add_asset("USD", 2)
        theirs = await world.add_asset("USD", 2, tenant_id=self.OTHER)
        our_payer = await world.add_peer(ours, "test.payer", balance=START)
        their_payer = await world.add_peer(theirs, "test.payer2", balance=START)
        our_peer = await world.add_peer(ours, "test.bank")
        their_peer = await world.add_peer(theirs, "test.bank")
        await world.receive(our_payer, world.prepare("test.bank.x"))
        await world.receive(their_payer, world.prepare("test.bank.x"))
        assert [entry for entry, _, _ in world.link.sent] == [our_peer, their_peer]

    async def test_a_route_of_one_tenant_is_none_of_the_other(self) -> None:
        world = PacketWorld()
        world.add_tenant(self.OTHER)
        ours = await world.add_asset("USD", 2)
        theirs = await world.add_asset("USD", 2, tenant_id=self.OTHER)
        their_payer = await world.add_peer(theirs, "test.payer2", balance=START)
        await world.add_peer(ours, "test.bank")
        assert await world.code_of(their_payer, world.prepare("test.bank.x")) == "F02"


class TestRateLimit:
    """Ten packets a second, at most five at once."""

    @pytest.fixture
    async def limited(self) -> Two:
        world = PacketWorld(rate_limit=RateLimit(packets_per_second=10, burst_packets=5))
        usd = await world.add_asset("USD", 2)
        payer = await world.add_peer(usd, FROM, balance=START)
        return Two(world, payer, await world.add_peer(usd, TO, balance=START))

    async def send(self, two: Two, count: int) -> list[str]:
        codes = []
        for _ in range(count):
            reply = await two.world.receive(two.payer, two.world.prepare(PAYEE, 0))
            codes.append(reply.code if isinstance(reply, Reject) else "")
        return codes

    async def test_a_burst_ends_with_a_temporary_error(self, limited: Two) -> None:
        assert await self.send(limited, 7) == [""] * 5 + ["T05"] * 2

    async def test_another_peer_is_not_affected(self, limited: Two) -> None:
        await self.send(limited, 6)
        other = Two(limited.world, limited.payee, limited.payer)
        reply = await other.world.receive(other.payer, other.world.prepare(f"{FROM}.x", 0))
        assert isinstance(reply, Fulfill)

    async def test_it_refills_exactly_however_often_it_is_asked(self, limited: Two) -> None:
        await self.send(limited, 5)
        passed = 0
        # 30 ms is no whole number of packets at 10 a second: no part of one may be lost.
        for _ in range(100):
            await limited.world.manual_clock.advance(0.03)
            passed += (await self.send(limited, 1)).count("")
        assert passed == 30

    async def test_it_holds_no_more_than_a_burst(self, limited: Two) -> None:
        await limited.world.manual_clock.advance(3_600)
        assert await self.send(limited, 6) == [""] * 5 + ["T05"]

    async def test_the_bucket_unused_for_longest_makes_room(
        self, limited: Two, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rate_limit, "BUCKETS_MAX", 1)
        assert await self.send(limited, 6) == [""] * 5 + ["T05"]
        other = limited.world.prepare(f"{FROM}.x", 0)
        assert isinstance(await limited.world.receive(limited.payee, other), Fulfill)
        assert await self.send(limited, 6) == [""] * 5 + ["T05"]

    async def test_a_clock_that_goes_back_gives_nothing_and_takes_nothing(
        self, limited: Two
    ) -> None:
        await self.send(limited, 4)
        limited.world.manual_clock.set(limited.world.clock.now() - timedelta(hours=1))
        assert await self.send(limited, 2) == ["", "T05"]
