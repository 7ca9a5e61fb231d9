"""Peers: what is asked of the backend, and what a client sees."""

from rafiki.admin.v1 import peer_service_pb2 as pb
from servicekit.errors import NotFound

from tests.support import admin_messages as messages
from tests.support.admin_edge import AdminEdge
from tests.support.admin_messages import uuid

PEER = """{ id maxPacketAmount http { outgoing { authToken endpoint } } asset { code }
    staticIlpAddress name liquidityThreshold liquidity createdAt routes }"""


async def test_a_peer_has_the_originals_shapes(edge: AdminEdge) -> None:
    edge.services.on("GetPeer", messages.peer())
    assert await edge.data(f'{{ peer(id: "{uuid(1)}") {PEER} }}') == {
        "peer": {
            "id": uuid(1),
            "maxPacketAmount": "1000",
            "http": {
                "outgoing": {
                    "authToken": "outgoing-token",
                    "endpoint": "https://happy-life.example/ilp",
                }
            },
            "asset": {"code": "USD"},
            "staticIlpAddress": "test.happy-life-bank",
            "name": "Happy Life Bank",
            "liquidityThreshold": None,
            "liquidity": "250000",
            "createdAt": "2030-01-31T12:30:15.250Z",
            "routes": ["test.happy-life-bank.branch"],
        }
    }


async def test_a_peer_is_found_by_address_and_asset_or_null(edge: AdminEdge) -> None:
    query = '{ peerByAddressAndAsset(staticIlpAddress: "test.b", assetId: "a") { id } }'
    edge.services.on("GetPeerByAddressAndAsset", messages.peer())
    assert await edge.data(query) == {"peerByAddressAndAsset": {"id": uuid(1)}}
    edge.services.on("GetPeerByAddressAndAsset", NotFound("UNKNOWN_PEER", "unknown peer"))
    assert await edge.data(query) == {"peerByAddressAndAsset": None}


async def test_creating_passes_all_on(edge: AdminEdge) -> None:
    edge.services.on("CreatePeer", messages.peer())
    query = "mutation ($input: CreatePeerInput!) { createPeer(input: $input) { peer { id } } }"
    given = {
        "http": {
            "incoming": {"authTokens": ["in-1", "in-2"]},
            "outgoing": {"authToken": "out", "endpoint": "https://peer.example"},
        },
        "assetId": uuid(1),
        "staticIlpAddress": "test.peer",
        "name": "Peer",
        "maxPacketAmount": "500",
        "liquidityThreshold": 10,
        "initialLiquidity": "1000",
        "routes": ["test.peer.sub"],
        "idempotencyKey": "k",
    }
    await edge.data(query, input=given)
    assert edge.services.request("CreatePeer", pb.CreatePeerRequest) == pb.CreatePeerRequest(
        asset_id=uuid(1),
        static_ilp_address="test.peer",
        name="Peer",
        incoming_auth_tokens=["in-1", "in-2"],
        outgoing=pb.PeerHttpOutgoing(endpoint="https://peer.example", auth_token="out"),
        max_packet_amount=500,
        liquidity_threshold=10,
        initial_liquidity=1000,
        routes=["test.peer.sub"],
        idempotency_key="k",
    )


async def test_updating_says_only_what_changes(edge: AdminEdge) -> None:
    edge.services.on("UpdatePeer", messages.peer())
    query = "mutation ($input: UpdatePeerInput!) { updatePeer(input: $input) { peer { id } } }"
    await edge.data(query, input={"id": uuid(1), "name": "New", "idempotencyKey": "k"})
    await edge.data(
        query,
        input={
            "id": uuid(1),
            "routes": [],
            "http": {"outgoing": {"authToken": "o", "endpoint": "e"}},
            "idempotencyKey": "k",
        },
    )
    renamed, rerouted = edge.services.requests("UpdatePeer")
    assert renamed == pb.UpdatePeerRequest(id=uuid(1), name="New", idempotency_key="k")
    assert rerouted == pb.UpdatePeerRequest(
        id=uuid(1),
        routes=pb.PeerRoutes(),
        outgoing=pb.PeerHttpOutgoing(endpoint="e", auth_token="o"),
        idempotency_key="k",
    )


async def test_deleting_succeeds_or_says_why_not(edge: AdminEdge) -> None:
    query = "mutation ($input: DeletePeerInput!) { deletePeer(input: $input) { success } }"
    edge.services.on("DeletePeer", messages.peer())
    assert await edge.data(query, input={"id": uuid(1)}) == {"deletePeer": {"success": True}}
    edge.services.on("DeletePeer", NotFound("UNKNOWN_PEER", "unknown peer"))
    assert await edge.code(query, input={"id": uuid(1)}) == "NOT_FOUND"


async def test_peering_by_url_passes_all_on(edge: AdminEdge) -> None:
    edge.services.on("CreateOrUpdatePeerByUrl", messages.peer())
    query = """mutation ($input: CreateOrUpdatePeerByUrlInput!) {
        createOrUpdatePeerByUrl(input: $input) { peer { id name } } }"""
    given = {"peerUrl": "https://peer.example", "assetId": uuid(1), "liquidityToDeposit": "10000"}
    answer = await edge.data(query, input=given)
    assert answer["createOrUpdatePeerByUrl"]["peer"]["id"] == uuid(1)
    request = edge.services.request("CreateOrUpdatePeerByUrl", pb.CreateOrUpdatePeerByUrlRequest)
    assert (request.peer_url, request.liquidity_to_deposit) == ("https://peer.example", 10_000)


async def test_peers_are_a_page_with_their_assets_and_tenants(edge: AdminEdge) -> None:
    page = messages.page(start=uuid(2), end=uuid(1), has_next=True)
    edge.services.on(
        "ListPeers",
        pb.ListPeersResponse(peers=[messages.peer(2), messages.peer(1)], page_info=page),
    )
    edge.services.on("GetTenant", lambda request: messages.tenant(request.id))
    query = """{ peers(first: 2) { pageInfo { startCursor endCursor hasNextPage hasPreviousPage }
        edges { cursor node { id tenant { publicName } } } } }"""
    assert (await edge.data(query))["peers"] == {
        "pageInfo": {
            "startCursor": uuid(2),
            "endCursor": uuid(1),
            "hasNextPage": True,
            "hasPreviousPage": False,
        },
        "edges": [
            {
                "cursor": uuid(number),
                "node": {"id": uuid(number), "tenant": {"publicName": "Cloud Nine Wallet"}},
            }
            for number in (2, 1)
        ],
    }
    assert len(edge.services.requests("GetTenant")) == 1
