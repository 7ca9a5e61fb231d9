"""Packets that a peer never answers: found by the reconciler, listed, and resolved once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from aiohttp import web
from ilpkit.ilp.http_rules import prepare_headers
from ilpkit.ilp.packet import Prepare, encode_prepare
from rafiki.admin.v1 import peer_service_pb2, tenant_service_pb2
from rafiki.admin.v1 import unknown_packet_service_pb2 as pb
from rafiki.admin.v1.unknown_packet_service_pb2_grpc import UnknownPacketServiceStub
from servicekit.clock import Clock
from servicekit.errors import FailedPrecondition, InvalidArgument, NotFound

from services.backend.connector.context import peer_side
from services.backend.connector.steps.balance import ASKED_AFTER_EXPIRY_MS
from services.backend.connector.steps.reduce_expiry import HOLD_MS_MAX
from services.backend.ledger.rules.packets import PacketMoney
from services.backend.unknown_packets import worker
from services.backend.unknown_packets.model import Resolution
from tests.integration.backend.payments.conftest import NewNode
from tests.integration.backend.payments.node import Node, amount, eventually, key
from tests.integration.backend.payments.test_packets import FarPeer, Street, uuid_int
from tests.support.clock import ManualClock
from tests.support.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]
START = 100_000
PEER = pb.UNKNOWN_PACKET_RESOLUTION_PEER
SOURCE = pb.UNKNOWN_PACKET_RESOLUTION_SOURCE


class Lost(Street):
    """A street whose far end takes packets and breaks the connection."""

    peer: "RememberingPeer"

    @property
    def stub(self) -> Any:
        channel: Any = self.node.channel
        return UnknownPacketServiceStub(channel)

    async def lose(self, value: int = 100) -> str:
        """Send a packet whose reply is lost; returns its request id at the next hop."""

        async def vanish(prepare: Prepare) -> web.Response:
            del prepare
            request = self.peer.request
            assert request.transport is not None
            request.transport.abort()
            return web.Response()

        self.peer.answer = vanish
        raw = encode_prepare(self.prepare(value=value))
        headers = prepare_headers("from-test.payer")
        async with self.node.http.post(self.node.ilp_url, headers=headers, data=raw) as response:
            assert response.status == 504
            assert "not known" in (await response.json())["error"]["description"]
        self.peer.answer = self.peer.fulfill
        return str(self.peer.request.headers["request-id"])

    async def listed(self, **fields: Any) -> list[Any]:
        reply = await self.stub.ListUnknownPackets(pb.ListUnknownPacketsRequest(**fields))
        return list(reply.packets)

    async def entry(self, request_id: str) -> Any:
        """The entry of a packet, once the reconciler's time has come."""
        self.node.clock.jump(worker.AGE_MS // 1000 + worker.SEARCH_S)

        async def entries() -> list[Any]:
            return [each for each in await self.listed() if each.request_id == request_id]

        (found,) = await eventually(entries, bool)
        return found

    async def resolve(self, entry: Any, resolution: Any, **fields: Any) -> Any:
        request = pb.ResolveUnknownPacketRequest(
            id=entry.id, resolution=resolution, idempotency_key=key(), **fields
        )
        return await self.stub.ResolveUnknownPacket(request)

    async def held(self) -> int:
        """What is entered in all."""
        rows = await self.node.features.ledger.lookup_accounts(
            [uuid_int(self.payer.id), uuid_int(self.payee.id)]
        )
        return sum(row.debits_pending for row in rows.values())


class RememberingPeer(FarPeer):
    """A far peer whose last request a test may break."""

    request: web.Request

    async def _handle(self, request: web.Request) -> web.Response:
        if request.body_exists:
            self.request = request
        return await super()._handle(request)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def street(node: Node, outside: Any) -> AsyncIterator[Lost]:
    peer = RememberingPeer()
    await peer.start()
    outside.rates = {"USD": {"EUR": "0.91"}}
    usd = await node.asset()
    eur = await node.asset("EUR", liquidity=START)
    payer = await node.peer(usd, "test.payer", url="http://127.0.0.1:1/ilp", balance=START)
    payee = await node.peer(eur, "test.payee", url=peer.url)
    street = Lost(node, peer, (usd, eur), (payer, payee))
    await street.send(street.prepare(value=0))
    yield street
    await peer.stop()


async def test_a_reservation_is_entered_only_when_nobody_can_settle_it_any_more() -> None:
    assert worker.AGE_MS >= HOLD_MS_MAX + ASKED_AFTER_EXPIRY_MS + 10_000


async def test_an_entry_says_who_did_not_answer_and_whose_money_it_is(street: Lost) -> None:
    before = await street.balances()
    request_id = await street.lose()
    assert await street.held() == 100
    entry = await street.entry(request_id)
    assert await street.held() == 0
    assert (entry.peer_id, entry.incoming_peer_id) == (street.payee.id, street.payer.id)
    assert not entry.HasField("outgoing_payment_id")
    assert entry.amount == amount(100)
    assert entry.tenant_id == street.node.tenant
    assert entry.age_seconds >= worker.AGE_MS // 1000
    assert entry.resolution == pb.UNKNOWN_PACKET_RESOLUTION_UNSPECIFIED
    # It is neither the payer's any more nor the peer's yet, and the books balance.
    assert await street.balances() == (before[0] - 100, before[1])
    await street.resolve(entry, SOURCE)


async def test_a_peer_is_not_deleted_while_the_outcome_of_its_packets_is_unknown(
    street: Lost,
) -> None:
    """The money is held in the asset of who paid, not in the peer's own."""
    node, ledger = street.node, street.node.features.ledger
    forgetful = await node.peer(street.eur, "test.forgetful", url=street.peer.url)
    peers = node.features.lookups.directory.snapshot.peers
    payer, payee = peers[UUID(street.payer.id)], peers[UUID(forgetful.id)]
    money = PacketMoney(
        id=uuid4().int,
        source=peer_side(payer),
        peer=peer_side(payee),
        source_amount=10,
        peer_amount=9,
        cause_id=payer.peer.id.int,
    )
    await ledger.create_accounts([money.unknown_account(asset_id=payer.asset.id.int)])
    for plan in (money.reserving(), money.entering()):
        assert plan.explain(await ledger.submit(plan.chain)).ok
    request = peer_service_pb2.DeletePeerRequest(id=forgetful.id, idempotency_key=key())
    with pytest.raises(FailedPrecondition, match="UnknownPacketService") as refused:
        await node.peers.DeletePeer(request)
    assert refused.value.reason == "HOLDS_MONEY"
    assert (await ledger.submit(money.giving_back().chain)).ok
    assert (await node.peers.DeletePeer(request)).id == forgetful.id


async def test_an_entry_of_a_fulfilled_packet_is_paid_once(street: Lost) -> None:
    before = await street.balances()
    entry = await street.entry(await street.lose())
    for _ in range(2):
        resolved = await street.resolve(entry, PEER)
        assert resolved.resolution == PEER
        assert resolved.HasField("resolved_at")
    with pytest.raises(FailedPrecondition) as refused:
        await street.resolve(entry, SOURCE)
    assert refused.value.reason == "TRANSFER_RESOLVED"
    assert await street.balances() == (before[0] - 100, before[1] + 91)
    assert entry.id not in [each.id for each in await street.listed()]
    everything = await street.listed(include_resolved=True, peer_id=street.payee.id)
    assert entry.id in [each.id for each in everything]


async def test_an_entry_of_a_rejected_packet_is_given_back_once(street: Lost) -> None:
    before = await street.balances()
    entry = await street.entry(await street.lose())
    for _ in range(2):
        assert (await street.resolve(entry, SOURCE)).resolution == SOURCE
    with pytest.raises(FailedPrecondition):
        await street.resolve(entry, PEER)
    assert await street.balances() == before


async def test_a_process_that_died_after_the_ledger_is_made_up_for(street: Lost) -> None:
    """Between the ledger and the row lies a crash: the ledger decides, the row follows."""
    entry = await street.entry(await street.lose())
    packets = street.node.features.reconciler.resolve
    await packets._move(UUID(entry.request_id), Resolution.SOURCE)
    street.node.clock.jump(worker.SEARCH_S)

    async def listed() -> list[str]:
        return [each.id for each in await street.listed()]

    await eventually(listed, lambda ids: entry.id not in ids)


async def test_two_processes_enter_a_packet_once(street: Lost, new_node: NewNode) -> None:
    before = await street.balances()
    other = await new_node("beside", beside=street.node)
    entry = await street.entry(await street.lose(7))
    same = [each for each in await street.listed() if each.request_id == entry.request_id]
    assert len(same) == 1
    searched = await _worker(other).search()
    assert searched == 0
    await street.resolve(entry, SOURCE)
    assert await street.balances() == before


def _worker(node: Node, clock: Clock | None = None) -> worker.UnknownPacketWorker:
    return worker.UnknownPacketWorker(
        database=node.features.database,
        ledger=node.features.ledger,
        entries=node.features.reconciler.entries,
        clock=clock or node.clock,
    )


async def test_a_new_process_finds_what_the_dead_one_left(street: Lost) -> None:
    before = await street.balances()
    request_id = await street.lose(9)
    await street.node.restart()
    entry = await street.entry(request_id)
    assert entry.amount == amount(9)
    await street.resolve(entry, SOURCE)
    assert await street.balances() == before


async def test_another_tenants_entries_are_not_there(street: Lost) -> None:
    entry = await street.entry(await street.lose())
    stranger = str(uuid4())
    await street.node.tenants.CreateTenant(
        tenant_service_pb2.CreateTenantRequest(
            id=stranger, api_secret="stranger" * 4, idempotency_key=key()
        )
    )
    await street.node.known(
        lambda: UUID(stranger) in street.node.features.lookups.directory.snapshot.tenants
    )
    assert await street.listed(tenant_id=stranger) == []
    with pytest.raises(NotFound):
        await street.resolve(entry, SOURCE, tenant_id=stranger)
    await street.resolve(entry, SOURCE)


async def test_what_is_wrong_with_a_resolution_is_named(street: Lost) -> None:
    with pytest.raises(NotFound):
        await street.resolve(pb.UnknownPacket(id=str(uuid4())), SOURCE)
    with pytest.raises(InvalidArgument):
        await street.resolve(pb.UnknownPacket(id=str(uuid4())), 0)


async def test_where_nothing_is_reserved_nothing_is_searched_for_a_minute(
    new_node: NewNode,
) -> None:
    node, clock = await new_node("idle"), ManualClock()
    searching = asyncio.create_task(_worker(node, clock).run())
    await until(lambda: clock.sleeping == 1)
    with node.features.database.count_statements() as seen:
        await clock.advance(worker.AGE_MS / 1000 - 1)
        assert clock.sleeping == 1
        assert not any("unknown_packets" in text for text in seen)
        await clock.advance(1)
        await until(lambda: any("unknown_packets" in text for text in seen))
    searching.cancel()
    await asyncio.wait((searching,))
