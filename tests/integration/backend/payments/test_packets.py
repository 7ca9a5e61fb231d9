"""Packets of peers over real HTTP and gRPC, with the Postgres ledger and no SQL beside it."""

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from aiohttp import web
from google.protobuf.timestamp_pb2 import Timestamp
from ilpkit.ilp.http_rules import prepare_headers
from ilpkit.ilp.ildcp import make_ildcp_request, read_ildcp_response
from ilpkit.ilp.packet import (
    Fulfill,
    Prepare,
    Reject,
    Reply,
    decode_prepare,
    decode_reply,
    encode_prepare,
    encode_reply,
)
from ilpkit.stream.crypto import StreamKeys
from ilpkit.stream.exchange import Exchange
from rafiki.admin.v1 import payment_service_pb2 as admin
from rafiki.connector.v1 import connector_service_pb2 as connector
from rafiki.connector.v1 import connector_service_pb2_grpc as connector_grpc

from services.backend.connector.servicer import BATCH_PACKETS_MAX
from tests.integration.backend.payments.node import Node, amount, eventually, id_of
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")
FULFILLMENT = b"f" * 32
CONDITION = sha256(FULFILLMENT).digest()
START = 100_000


class FarPeer:
    """A peer's connector; a test decides how it answers."""

    def __init__(self) -> None:
        self.prepares: list[Prepare] = []
        self.tokens: list[str] = []
        self.answer: Callable[[Prepare], Awaitable[web.Response]] = self.fulfill
        self.url = ""

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/ilp", self._handle)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/ilp"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def fulfill(self, prepare: Prepare) -> web.Response:
        del prepare
        return reply_with(Fulfill(FULFILLMENT, b"thanks"))

    async def _handle(self, request: web.Request) -> web.Response:
        raw = await request.read()
        if not raw:
            return web.Response(status=400)  # whether it answers repeats was asked: no word of that
        prepare = decode_prepare(raw)
        self.prepares.append(prepare)
        self.tokens.append(request.headers["authorization"])
        return await self.answer(prepare)


def reply_with(reply: Reply, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=encode_reply(reply), content_type="application/octet-stream"
    )


class Street:
    """A node between two peers: `test.payer` sends in dollars, `test.payee` takes euros."""

    def __init__(
        self, node: Node, peer: FarPeer, assets: tuple[Any, Any], peers: tuple[Any, Any]
    ) -> None:
        self.node, self.peer = node, peer
        self.usd, self.eur = assets
        self.payer, self.payee = peers

    def prepare(self, destination: str = "test.payee.bob", value: int = 100) -> Prepare:
        expires_at_ms = self.node.clock.now_ms() + 20_000
        return Prepare(value, expires_at_ms, CONDITION, destination, b"opaque")

    async def send(self, prepare: Prepare) -> Reply:
        return await self.node.post_packet("test.payer", prepare)

    async def balances(self) -> tuple[int, int]:
        """What both peers are good for, once nothing is reserved any more."""

        async def reserved() -> int:
            rows = await self.node.features.ledger.lookup_accounts(
                [uuid_int(self.payer.id), uuid_int(self.payee.id)]
            )
            return sum(row.debits_pending + row.credits_pending for row in rows.values())

        await eventually(reserved, lambda pending: pending == 0)
        await self.node.audit()
        return await self.node.balance(self.payer.id), await self.node.balance(self.payee.id)


def uuid_int(text: str) -> int:
    return int(text.replace("-", ""), 16)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def street(node: Node, outside: Any) -> AsyncIterator[Street]:
    peer = FarPeer()
    await peer.start()
    outside.rates = {"USD": {"EUR": "0.91"}}
    usd = await node.asset()
    eur = await node.asset("EUR", liquidity=START)
    payer = await node.peer(usd, "test.payer", url="http://127.0.0.1:1/ilp", balance=START)
    payee = await node.peer(eur, "test.payee", url=peer.url)
    street = Street(node, peer, (usd, eur), (payer, payee))
    # The first packet asks for the rate; it is cached from then on.
    await eventually(lambda: street.send(street.prepare(value=0)), _fulfilled)
    await eventually(lambda: street.send(street.prepare()), _fulfilled)
    yield street
    await peer.stop()


def _fulfilled(reply: Reply) -> bool:
    return isinstance(reply, Fulfill)


@pytest.mark.parametrize("path", ["/", "/ilp", "/ilp/"])
async def test_peers_may_post_to_any_path_of_the_connector(street: Street, path: str) -> None:
    url = street.node.ilp_url.removesuffix("/ilp") + path
    raw = encode_prepare(street.prepare(value=0))
    headers = prepare_headers("from-test.payer")
    async with street.node.http.post(url, headers=headers, data=raw) as response:
        assert response.status == 200
        assert response.headers["ilp-answers-repeats"] == "1"
        assert isinstance(decode_reply(await response.read()), Fulfill)


@pytest.mark.parametrize("token", ["from-test.payer", "of-nobody"])
async def test_an_empty_request_is_told_that_repeats_are_answered(
    street: Street, token: str
) -> None:
    """This is how a process that has had no answer yet finds out."""
    headers = prepare_headers(token)
    async with street.node.http.post(street.node.ilp_url, headers=headers, data=b"") as response:
        assert response.headers["ilp-answers-repeats"] == "1"


class TestRefusedByHttp:
    """What is no packet of a peer."""

    async def post(self, node: Node, headers: dict[str, str]) -> int:
        async with node.http.post(node.ilp_url, headers=headers, data=b"x") as response:
            assert "error" in await response.json()
            return response.status

    async def test_an_unknown_token(self, street: Street) -> None:
        assert await self.post(street.node, prepare_headers("nobody")) == 401

    async def test_no_token(self, street: Street) -> None:
        headers = {"content-type": "application/octet-stream"}
        assert await self.post(street.node, headers) == 401

    async def test_another_content_type(self, street: Street) -> None:
        headers = {**prepare_headers("from-test.payer"), "Content-Type": "application/json"}
        assert await self.post(street.node, headers) == 400


async def test_bytes_that_are_no_packet_get_a_reject(street: Street) -> None:
    headers = prepare_headers("from-test.payer")
    async with street.node.http.post(street.node.ilp_url, headers=headers, data=b"x") as response:
        assert response.status == 200
        reply = decode_reply(await response.read())
    assert isinstance(reply, Reject)
    assert reply.code == "F01"


async def test_a_peer_asks_for_its_configuration(street: Street) -> None:
    reply = await street.send(make_ildcp_request(now_ms=street.node.clock.now_ms()))
    assert read_ildcp_response(reply).client_address == "test.payer"


async def test_a_packet_is_converted_and_passed_on_with_the_peers_own_token(
    street: Street,
) -> None:
    before = await street.balances()
    prepare = street.prepare(value=155)
    assert await street.send(prepare) == Fulfill(FULFILLMENT, b"thanks")
    passed = street.peer.prepares[-1]
    assert passed.amount == 141  # 155 x 0.91 = 141.05
    assert passed.expires_at_ms == prepare.expires_at_ms - 1_000
    assert passed[2:] == prepare[2:]
    assert street.peer.tokens[-1] == "Bearer from-test.bank"
    after = await street.balances()
    assert (before[0] - after[0], after[1] - before[1]) == (155, 141)


async def test_a_request_that_the_next_hop_refuses_costs_nothing(street: Street) -> None:
    before = await street.balances()

    async def unauthorized(prepare: Prepare) -> web.Response:
        del prepare
        return web.Response(status=401, text="no")

    street.peer.answer = unauthorized
    try:
        reply = await street.send(street.prepare())
    finally:
        street.peer.answer = street.peer.fulfill
    assert isinstance(reply, Reject)
    assert reply.code == "T01"
    assert await street.balances() == before


async def test_a_next_hop_that_is_not_there_is_unreachable(street: Street) -> None:
    before = await street.balances()
    await street.node.peer(street.usd, "test.gone", url="http://127.0.0.1:1/ilp")
    reply = await street.send(street.prepare("test.gone.alice", 1))
    assert isinstance(reply, Reject)
    assert reply.code == "T01"
    assert await street.balances() == before


async def test_a_wrong_fulfillment_costs_nothing(street: Street) -> None:
    before = await street.balances()

    async def forged(prepare: Prepare) -> web.Response:
        del prepare
        return reply_with(Fulfill(bytes(32), b""))

    street.peer.answer = forged
    try:
        reply = await street.send(street.prepare())
    finally:
        street.peer.answer = street.peer.fulfill
    assert isinstance(reply, Reject)
    assert reply.code == "F05"
    assert await street.balances() == before


async def test_no_sql_but_the_ledgers_runs_for_a_packet(street: Street) -> None:
    node = street.node
    incoming = await node.incoming(await node.wallet(street.usd), amount(1_000))
    exchange = stream_to(incoming)
    await street.send(request(street, exchange, 10))
    with node.features.database.count_statements() as statements:
        for _ in range(5):
            assert isinstance(await street.send(request(street, exchange, 10)), Fulfill)
            assert isinstance(await street.send(street.prepare()), Fulfill)
    statements = [s for s in statements if s not in {"BEGIN", "COMMIT"}]
    beside_the_packets = ("incoming_payments", "webhook", "outgoing_payments", "SELECT 1")
    assert [s for s in statements if not any(word in s for word in beside_the_packets)] == []
    # What looks at payments in the background does so once a while, not once a packet.
    assert len(statements) < 10


def stream_to(incoming: Any) -> Exchange:
    method = incoming.methods[0]
    secret = urlsafe_b64decode(method.shared_secret + "=")
    return Exchange(
        keys=StreamKeys(secret),
        destination=method.ilp_address,
        random_bytes=lambda size: (uuid4().bytes * 2)[:size],
    )


def request(street: Street, exchange: Exchange, value: int) -> Prepare:
    expires_at_ms = street.node.clock.now_ms() + 20_000
    return exchange.request(amount=value, minimum=value, expires_at_ms=expires_at_ms).prepare


async def test_a_payment_completes_once_and_says_so_once(street: Street, outside: Any) -> None:
    node = street.node
    incoming = await node.incoming(await node.wallet(street.usd), amount(100))
    exchange = stream_to(incoming)
    for _ in range(4):
        await street.send(request(street, exchange, 25))
    done = await node.completed(incoming)
    assert done.received_amount == amount(100)
    late = await street.send(request(street, exchange, 1))
    assert isinstance(late, Reject)

    async def told() -> list[str]:
        types: list[str] = outside.types_of(id_of(incoming))
        return types

    await eventually(told, lambda types: len(types) == 2)
    assert await told() == ["incoming_payment.created", "incoming_payment.completed"]


async def test_a_cancelled_payment_takes_nothing(street: Street) -> None:
    node = street.node
    incoming = await node.incoming(await node.wallet(street.usd), amount(100))
    exchange = stream_to(incoming)
    await street.send(request(street, exchange, 25))
    await node.payments.CancelIncomingPayment(
        admin.CancelIncomingPaymentRequest(id=id_of(incoming), idempotency_key=str(uuid4()))
    )
    assert isinstance(await street.send(request(street, exchange, 25)), Reject)
    assert (await node.incoming_now(incoming)).received_amount == amount(25)


async def test_an_expired_payment_takes_nothing_and_says_what_it_got(
    street: Street, outside: Any
) -> None:

    node, expires_at = street.node, Timestamp()
    expires_at.FromDatetime(node.clock.now() + timedelta(seconds=30))
    incoming = await node.incoming(
        await node.wallet(street.usd), amount(100), expires_at=expires_at
    )
    exchange = stream_to(incoming)
    await street.send(request(street, exchange, 25))
    node.clock.jump(31)
    assert isinstance(await street.send(request(street, exchange, 25)), Reject)

    async def told() -> list[str]:
        node.clock.jump(1)
        types: list[str] = outside.types_of(id_of(incoming))
        return types

    await eventually(told, lambda types: len(types) == 2)
    event = outside.event("incoming_payment.expired", id_of(incoming))
    assert event["receivedAmount"]["value"] == "25"
    assert event["completed"] is False


class TestGrpc:
    """The same packets over ConnectorService."""

    def stub(self, street: Street) -> Any:
        self.metadata = (("authorization", "Bearer from-test.payer"),)
        channel: Any = street.node.channel
        return connector_grpc.ConnectorServiceStub(channel)

    async def test_one_packet(self, street: Street) -> None:
        stub = self.stub(street)
        message = connector.SendPacketRequest(prepare=encode_prepare(street.prepare()))
        reply = await stub.SendPacket(message, metadata=self.metadata)
        assert isinstance(decode_reply(reply.reply), Fulfill)

    async def test_a_packet_whose_caller_went_away_is_settled(self, street: Street) -> None:
        stub, before = self.stub(street), await street.balances()
        gate = asyncio.Event()

        async def slow(prepare: Prepare) -> web.Response:
            await gate.wait()
            return await street.peer.fulfill(prepare)

        street.peer.answer = slow
        seen = len(street.peer.prepares)
        message = connector.SendPacketRequest(prepare=encode_prepare(street.prepare()))
        call = asyncio.ensure_future(stub.SendPacket(message, metadata=self.metadata))
        await until(lambda: len(street.peer.prepares) > seen)
        call.cancel()
        await asyncio.wait((call,))
        street.peer.answer = street.peer.fulfill
        gate.set()
        assert await street.balances() == (before[0] - 100, before[1] + 91)

    async def test_batches_keep_their_sequences(self, street: Street) -> None:
        stub = self.stub(street)
        packets = [
            connector.SequencedPacket(sequence=n, packet=encode_prepare(street.prepare()))
            for n in range(1, 8)
        ]

        async def batches() -> AsyncIterator[Any]:
            yield connector.PacketsRequest(packets=packets[:3])
            yield connector.PacketsRequest(packets=packets[3:])

        replies: dict[int, bytes] = {}
        async for batch in stub.Packets(batches(), metadata=self.metadata):
            replies |= {packet.sequence: packet.packet for packet in batch.packets}
        assert sorted(replies) == [*range(1, 8)]
        assert all(isinstance(decode_reply(raw), Fulfill) for raw in replies.values())

    async def test_what_is_wrong_with_a_packet_or_a_batch_stays_its_own(
        self, street: Street
    ) -> None:
        stub = self.stub(street)
        good = [encode_prepare(street.prepare()) for _ in range(2)]
        bad = [b"", b"\x0c\x01", b"no packet"]
        many = BATCH_PACKETS_MAX + 1

        def batch(packets: list[bytes], first: int) -> Any:
            numbered = enumerate(packets, first)
            return connector.PacketsRequest(
                packets=[connector.SequencedPacket(sequence=n, packet=raw) for n, raw in numbered]
            )

        async def batches() -> AsyncIterator[Any]:
            yield batch([good[0], *bad], 1)
            yield batch([], 10)
            yield batch([good[0]] * many, 100)
            yield batch([good[1]], 10_000)

        replies: dict[int, Any] = {}
        async for answered in stub.Packets(batches(), metadata=self.metadata):
            replies |= {each.sequence: decode_reply(each.packet) for each in answered.packets}
        fulfilled = [number for number, reply in replies.items() if isinstance(reply, Fulfill)]
        assert sorted(fulfilled) == [1, 10_000]
        assert {replies[number].code for number in (2, 3, 4)} == {"F01"}
        assert {replies[number].code for number in range(100, 100 + many)} == {"F00"}
        assert len(replies) == 5 + many

    async def test_an_unknown_token_is_refused(self, street: Street) -> None:
        stub = self.stub(street)
        with pytest.raises(Exception, match="Bearer"):
            await stub.SendPacket(
                connector.SendPacketRequest(prepare=b""),
                metadata=(("authorization", "Bearer nobody"),),
            )
