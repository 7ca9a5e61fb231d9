"""The one decision on where packets go, which the connector, quotes and ExplainRoute share."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.backend.assets.model import Asset
from services.backend.directory.model import OwnRoute, PeerRoute, Route, RowsNow, Snapshot
from services.backend.peers.model import Peer, PeerWithTokens, token_sha256
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


# Rows that come, change and go, one change at a time.
ASSETS = [replace(ASSET, id=UUID(int=2 + n), ledger=1 + n) for n in range(2)]
TENANT_CHANGES = st.tuples(
    st.just("tenants"),
    st.just(TENANT),
    st.one_of(
        st.none(),
        st.sampled_from(["private.tenant", "test.node.child", "private.other"]).map(
            lambda address: new_tenant(TENANT, settings={SettingKey.ILP_ADDRESS: address})
        ),
    ),
)
ASSET_CHANGES = st.tuples(
    st.just("assets"),
    st.sampled_from([asset.id for asset in ASSETS]),
    st.one_of(st.none(), st.integers(0, 3)),
)
TOKENS = ["a", "b", "c"]
PEER_IDS = [UUID(int=number) for number in range(10, 14)]
PEER_CHANGES = st.tuples(
    st.just("peers"),
    st.sampled_from(PEER_IDS),
    st.one_of(
        st.none(),
        st.tuples(
            st.sampled_from(ADDRESSES),
            st.sampled_from([OPERATOR, TENANT]),
            st.sampled_from(ASSETS),
            st.lists(st.sampled_from(ADDRESSES), max_size=2),
            st.sampled_from(TOKENS),
        ),
    ),
)


def as_row(kind: str, row_id: UUID, drawn: Any) -> Any:
    if drawn is None or kind == "tenants":
        return drawn
    if kind == "assets":
        asset = next(asset for asset in ASSETS if asset.id == row_id)
        return replace(asset, liquidity_threshold=drawn)
    address, tenant_id, asset, routes, token = drawn
    peer = new_peer(row_id.int, address, tenant_id)
    # A token is one peer's: each has its own of them.
    own = token_sha256(f"{token} of {row_id}")
    return PeerWithTokens(replace(peer, asset_id=asset.id, routes=tuple(routes)), (own,))


@given(changes=st.lists(st.one_of(TENANT_CHANGES, ASSET_CHANGES, PEER_CHANGES), max_size=25))
def test_a_snapshot_after_changes_is_that_of_its_rows(changes: list[Any]) -> None:
    rows: dict[str, dict[UUID, Any]] = {
        "tenants": {OPERATOR: new_tenant(OPERATOR)},
        "assets": {},
        "peers": {},
    }
    view = Snapshot(ilp_address_of=NAMES.ilp_address).changed(RowsNow(**rows))
    for kind, row_id, drawn in changes:
        row = as_row(kind, row_id, drawn)
        if kind == "peers" and row is not None and row.peer.asset_id not in rows["assets"]:
            continue  # no peer is in an asset that is not there
        in_use = any(entry.peer.asset_id == row_id for entry in rows["peers"].values())
        if kind == "assets" and row is None and in_use:
            continue  # nor is one deleted that has peers
        rows[kind][row_id] = row
        if kind == "tenants" and row is None:
            rows["peers"] = {
                peer_id: entry
                for peer_id, entry in rows["peers"].items()
                if entry is not None and entry.peer.tenant_id != row_id
            }
        earlier = told(view)
        view, before = view.changed(RowsNow(**{kind: {row_id: row}})), view
        assert told(before) == earlier  # whoever holds it keeps what it began with
        rows[kind] = {each: row for each, row in rows[kind].items() if row is not None}
    fresh = Snapshot(ilp_address_of=NAMES.ilp_address).changed(RowsNow(**rows))
    assert told(view) == told(fresh)


def told(view: Snapshot) -> Any:
    """All that a snapshot says."""
    routes = {
        (tenant_id, address): view.decide(tenant_id, f"{address}.bob")
        for tenant_id in (OPERATOR, TENANT)
        for address in ADDRESSES
    }
    listed = {
        tenant_id: {prefix: view.routes(tenant_id).get(prefix) for prefix in view.routes(tenant_id)}
        for tenant_id in (OPERATOR, TENANT)
    }
    tokens = [
        view.peer_of_token(f"{token} of {peer_id}") for token in TOKENS for peer_id in PEER_IDS
    ]
    return routes, listed, dict(view.tenants), dict(view.assets), dict(view.peers), tokens
