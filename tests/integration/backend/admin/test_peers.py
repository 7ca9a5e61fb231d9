"""Changes to peers over gRPC: a mask says what is cleared and what stays."""

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from rafiki.admin.v1 import peer_service_pb2 as pb
from servicekit.errors import InvalidArgument

from tests.integration.backend.admin.conftest import World, key


async def _limited(world: World) -> pb.Peer:
    asset = await world.asset()
    made: pb.Peer = await world.peer(
        asset.id, "test.limited", name="Limited", max_packet_amount=77, routes=["test.behind"]
    )
    return made


async def _update(world: World, peer: pb.Peer, *mask: str, **changes: object) -> pb.Peer:
    request = pb.UpdatePeerRequest(id=peer.id, idempotency_key=key(), **changes)  # type: ignore[arg-type] # the fields of each test
    if mask:
        request.update_mask.CopyFrom(FieldMask(paths=mask))
    await world.peers.UpdatePeer(request)
    reread: pb.Peer = await world.peers.GetPeer(pb.GetPeerRequest(id=peer.id))
    return reread


async def test_without_a_mask_what_is_absent_stays(world: World) -> None:
    peer = await _update(world, await _limited(world), name="Renamed")
    assert (peer.name, peer.max_packet_amount) == ("Renamed", 77)
    assert list(peer.routes) == ["test.behind"]


async def test_a_named_field_that_is_absent_is_cleared(world: World) -> None:
    peer = await _update(
        world, await _limited(world), "max_packet_amount", "routes", name="Not named"
    )
    assert not peer.HasField("max_packet_amount")
    assert list(peer.routes) == []
    assert peer.name == "Limited"


@pytest.mark.parametrize("name", ["id", "asset", "static_ilp_address", "outgoing", "x"])
async def test_a_mask_names_what_can_be_cleared(world: World, name: str) -> None:
    peer = await _limited(world)
    with pytest.raises(InvalidArgument) as refused:
        await _update(world, peer, name)
    assert refused.value.field == "update_mask"
