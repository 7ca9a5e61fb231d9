"""Peering by URL between two nodes, and what a node that only asks may not do."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from uuid import UUID

import aiohttp
import pytest
import pytest_asyncio
from rafiki.admin.v1 import peer_service_pb2 as pb
from servicekit.errors import InvalidArgument, NotFound

from services.backend.directory.model import PeerEntry
from tests.integration.backend.payments.conftest import Nodes
from tests.integration.backend.payments.node import Node, key

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Pair(NamedTuple):
    """A node that asks, and one that may be asked by addresses below `test`."""

    asking: Node
    asked: Node
    usd: Any
    """The asset of the one that asks."""

    async def ask(self, url: str, **fields: Any) -> Any:
        asked = {"asset_id": self.usd.id, "idempotency_key": key()} | fields
        return await self.asking.peers.CreateOrUpdatePeerByUrl(
            pb.CreateOrUpdatePeerByUrlRequest(peer_url=url, **asked)
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(nodes: Nodes) -> AsyncIterator[Pair]:
    async with nodes.open() as new:
        asking = await new("asking")
        asked = await new(
            "asked",
            ENABLE_AUTO_PEERING=True,
            AUTO_PEERING_ALLOWED_ADDRESSES="test.asking, test.other",
        )
        await asked.asset("USD", 2, liquidity=1_000)
        yield Pair(asking, asked, await asking.asset("USD", 2, liquidity=1_000))


def url_of(node: Node) -> str:
    return f"http://127.0.0.1:{node.ports.http}/auto-peering"


async def post(node: Node, document: Any, token: str | None = None) -> tuple[int, Any]:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url_of(node), json=document, headers=headers) as response,
    ):
        return response.status, await response.json()


def entry(node: Node, peer_id: str) -> PeerEntry:
    return node.features.lookups.directory.snapshot.peers[UUID(peer_id)]


def presented(node: Node, token: str) -> PeerEntry | None:
    return node.features.lookups.directory.snapshot.peer_of_token(token)


def request(**fields: Any) -> dict[str, Any]:
    return {
        "staticIlpAddress": "test.other",
        "ilpConnectorUrl": "http://other.test/ilp",
        "asset": {"code": "USD", "scale": 2},
        "httpToken": "from-other",
        "maxPacketAmount": None,
    } | fields


async def test_both_know_each_other_and_a_renewal_shows_that_it_is_one(
    pair: Pair,
) -> None:
    asking, asked, _ = pair
    again = key()
    made = await pair.ask(
        url_of(asked), liquidity_to_deposit=70, max_packet_amount=9, idempotency_key=again
    )
    assert (made.static_ilp_address, made.name, made.liquidity) == ("test.asked", "asked", 70)
    assert made.max_packet_amount == 9
    there = presented(asked, entry(asking, made.id).peer.outgoing_token)
    assert there is not None
    assert there.peer.static_ilp_address == "test.asking"
    assert there.peer.outgoing_endpoint == "http://asking.test/ilp"
    back = presented(asking, there.peer.outgoing_token)
    assert back is not None
    assert str(back.peer.id) == made.id
    # Nothing that it sends is taken until an operator deposits liquidity for it.
    assert await asked.balance(str(there.peer.id)) == 0

    repeated = await pair.ask(
        url_of(asked), liquidity_to_deposit=70, max_packet_amount=9, idempotency_key=again
    )
    assert repeated.id == made.id
    assert await asking.balance(made.id) == 70
    assert presented(asked, entry(asking, made.id).peer.outgoing_token) == there

    await asking.peers.UpdatePeer(
        pb.UpdatePeerRequest(
            id=made.id,
            outgoing=pb.PeerHttpOutgoing(
                endpoint=asked.ilp_url, auth_token=entry(asking, made.id).peer.outgoing_token
            ),
            idempotency_key=key(),
        )
    )
    old = entry(asking, made.id).peer.outgoing_token
    renewed = await pair.ask(url_of(asked), liquidity_to_deposit=5)
    assert (renewed.id, renewed.liquidity, renewed.max_packet_amount) == (made.id, 75, 9)
    new = presented(asked, entry(asking, made.id).peer.outgoing_token)
    assert new is not None
    assert new.peer.id == there.peer.id
    assert presented(asked, old) is None


async def test_a_stranger_takes_no_peers_place(pair: Pair) -> None:
    asked = pair.asked
    status, details = await post(asked, request())
    assert status == 200
    assert details["staticIlpAddress"] == "test.asked"
    assert (details["ilpConnectorUrl"], details["name"]) == ("http://asked.test/ilp", "asked")
    assert details["tenantId"] == asked.tenant
    first = presented(asked, "from-other")
    assert first is not None
    assert first.peer.outgoing_token == details["httpToken"]

    for address in ("test.other", "test.other.below"):
        theirs = request(
            staticIlpAddress=address, httpToken="mine", ilpConnectorUrl="http://x.test"
        )
        status, refusal = await post(asked, theirs, "a-guess")
        assert (status, refusal["error"]["type"]) == (400, "InvalidPeeringRequest")
    assert presented(asked, "from-other") == first
    assert presented(asked, "mine") is None

    status, _ = await post(asked, request(httpToken="next"), "from-other")
    assert status == 200
    renewed = presented(asked, "next")
    assert renewed is not None
    assert renewed.peer.id == first.peer.id


@pytest.mark.parametrize(
    ("fields", "status", "problem"),
    [
        ({"asset": {"code": "XXX", "scale": 2}}, 404, "UnknownAsset"),
        ({"staticIlpAddress": "test.elsewhere"}, 400, "InvalidPeeringRequest"),
        ({"staticIlpAddress": "test.other.new", "ilpConnectorUrl": "ftp://x"}, 400, None),
        ({"httpToken": 7}, 400, "InvalidPeeringRequest"),
        ({"httpToken": None}, 400, "InvalidPeeringRequest"),
        ({"maxPacketAmount": -1}, 400, "InvalidPeeringRequest"),
    ],
)
async def test_what_is_refused_says_why(
    pair: Pair, fields: dict[str, Any], status: int, problem: str | None
) -> None:
    asked = pair.asked
    answered, refusal = await post(asked, request(**fields))
    assert answered == status
    assert refusal["error"]["code"] == status
    assert problem in {None, refusal["error"]["type"]}
    assert refusal["error"]["message"]


async def test_the_asking_administrator_is_told_what_is_wrong(pair: Pair) -> None:
    asking, asked, _ = pair
    eur = await asking.asset("EUR", 2)
    with pytest.raises(InvalidArgument) as unsupported:
        await pair.ask(url_of(asked), asset_id=eur.id)
    assert unsupported.value.message == "Peer does not support asset"
    for url in (
        asking.edge.origin,
        "ftp://x.test",
        f"http://127.0.0.1:{asking.ports.http}/auto-peering",
    ):
        with pytest.raises((NotFound, InvalidArgument)):
            await pair.ask(url)
    with pytest.raises(NotFound):
        await pair.ask(url_of(asked), asset_id=key())


async def test_without_the_setting_nobody_may_ask(pair: Pair) -> None:
    status, _ = await post(pair.asking, request())
    assert status == 404
