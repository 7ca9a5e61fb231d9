"""The one decision on where packets go, which the connector, quotes and ExplainRoute share."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.backend.assets.model import Asset
from services.backend.directory.model import OwnRoute, PeerRoute, Route, RowsNow, Snapshot
from services.backend.peers.model import Peer, PeerWithTokens
from services.backend.tenants.model import SettingKey
from tests.support.packet_world import NAMES, NODE_ADDRESS, OPERATOR, new_tenant

TENANT = UUID(int=77)
NOW = datetime(2030, 1, 1, tzinfo=UTC)
ASSET = Asset(
    id=UUID(int=2),
    tenant_id=OPERATOR,
    code="USD",
    scale=2,
    ledger=1,
    withdrawal_threshold=None,
    liquidity_threshold=None,
    created_at=NOW,
)
OWN = (NODE_ADDRESS, "private.tenant")
ADDRESSES = (
    "test.node",
    "test.node.child",
    "test.node.child.deep",
    "test.other",
    "test.other.far",
    "test",
    "private.tenant",
    "private.tenant.x",
)


def new_peer(number: int, address: str, tenant_id: UUID = OPERATOR) -> Peer:
    return Peer(
        id=UUID(int=number),
        tenant_id=tenant_id,
        asset_id=ASSET.id,
        static_ilp_address=address,
        name=None,
        outgoing_endpoint="http://peer.test",
        outgoing_token="t",
        max_packet_amount=None,
        liquidity_threshold=None,
        routes=(),
        created_at=NOW,
    )


def snapshot(*peers: Peer) -> Snapshot:
    tenants = [
        new_tenant(OPERATOR),
        new_tenant(TENANT, settings={SettingKey.ILP_ADDRESS: "private.tenant"}),
    ]
    rows = RowsNow(
        tenants={tenant.id: tenant for tenant in tenants},
        assets={ASSET.id: ASSET},
        peers={peer.id: PeerWithTokens(peer, ()) for peer in peers},
    )
    return Snapshot(ilp_address_of=NAMES.ilp_address).changed(rows)


def covers(prefix: str, address: str) -> bool:
    return address == prefix or address.startswith(f"{prefix}.")


PEERS = st.lists(
    st.tuples(st.sampled_from(ADDRESSES), st.sampled_from([OPERATOR, TENANT])), max_size=6
).map(lambda made: [new_peer(10 + n, address, tenant) for n, (address, tenant) in enumerate(made)])


@given(
    peers=PEERS,
    destination=st.sampled_from(ADDRESSES).map(lambda address: f"{address}.bob"),
    tenant_id=st.sampled_from([OPERATOR, TENANT]),
)
def test_the_longest_prefix_wins_and_an_own_address_over_a_peers(
    peers: list[Peer], destination: str, tenant_id: UUID
) -> None:
    own = [prefix for prefix in OWN if covers(prefix, destination)]
    mine = [peer for peer in peers if peer.tenant_id == tenant_id]
    theirs = [p.static_ilp_address for p in mine if covers(p.static_ilp_address, destination)]
    longest = max([*own, *theirs], key=len, default=None)
    found: Route | None = snapshot(*peers).decide(tenant_id, destination)
    if longest is None:
        assert found is None
    elif longest in own:
        assert isinstance(found, OwnRoute)
        assert (found.prefix, found.tenant.ilp_address) == (longest, longest)
    else:
        assert isinstance(found, PeerRoute)
        oldest = next(peer for peer in mine if peer.static_ilp_address == longest)
        assert (found.prefix, found.entry.peer) == (longest, oldest)


def test_nothing_goes_back_to_where_it_came_from() -> None:
    view = snapshot(new_peer(10, "test.other"))
    source = view.peers[UUID(int=10)]
    assert view.decide(OPERATOR, "test.other.bob", source=source) is None
    assert view.decide(OPERATOR, "test.other.bob") == PeerRoute("test.other", source)


def test_a_tenant_that_is_not_there_reaches_this_node_only() -> None:
    view = snapshot(new_peer(10, "test.other"))
    assert view.decide(UUID(int=999), "test.other.bob") is None
    assert isinstance(view.decide(UUID(int=999), "test.node.bob"), OwnRoute)
