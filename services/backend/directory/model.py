"""What every packet and call must know about tenants, assets, fees and peers, in memory.

A snapshot never changes: a change in Postgres makes a new one, which shares all with its
predecessor that did not change, and a packet keeps the one it began with. These tables are small
(peers by the thousand), unlike wallet addresses and payments.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from ilpkit.ilp.address import is_routable
from ilpkit.ilp.prefix_map import PrefixMap

from services.backend.assets.model import Asset, Fee, FeeType
from services.backend.peers.model import Peer, PeerWithTokens, token_sha256
from services.backend.tenants.model import Tenant

Row = TypeVar("Row")
AddressOf = Callable[[Tenant], str]


@dataclass(frozen=True, slots=True)
class PeerEntry:
    """A peer with its asset."""

    peer: Peer
    asset: Asset
    tokens: tuple[bytes, ...] = field(default=(), compare=False, repr=False)
    """SHA-256 of each token that it may present."""


Routes = PrefixMap[tuple[PeerEntry, ...]]
"""The peers behind each prefix, the oldest one first: packets take that one on every process."""


@dataclass(frozen=True, slots=True)
class TenantEntry:
    """A tenant with its ILP address."""

    tenant: Tenant
    ilp_address: str


@dataclass(frozen=True, slots=True)
class OwnRoute:
    """The destination is an account of this node."""

    prefix: str
    tenant: TenantEntry


@dataclass(frozen=True, slots=True)
class PeerRoute:
    """The destination lies behind a peer."""

    prefix: str
    entry: PeerEntry


Route = OwnRoute | PeerRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsNow:
    """Rows that changed, as they are now; None for one that is not there any more."""

    tenants: Mapping[UUID, Tenant | None] = field(default_factory=dict)
    assets: Mapping[UUID, Asset | None] = field(default_factory=dict)
    fees: Mapping[UUID, Sequence[Fee]] = field(default_factory=dict)
    """By asset: the fees in force."""
    peers: Mapping[UUID, PeerWithTokens | None] = field(default_factory=dict)


class Snapshot:
    """One consistent view of the directory."""

    def __init__(self, *, ilp_address_of: AddressOf) -> None:
        """A snapshot of nothing; `changed` makes the others of it."""
        self._ilp_address_of = ilp_address_of
        self.tenants: Mapping[UUID, TenantEntry] = {}
        self.assets: Mapping[UUID, Asset] = {}
        self.peers: Mapping[UUID, PeerEntry] = {}
        self._fees: Mapping[tuple[UUID, FeeType], Fee] = {}
        self._peer_of_token: Mapping[bytes, UUID] = {}
        self._routes: Mapping[UUID, Routes] = {}
        # Longest prefix first: a tenant's default address lies below the operator's.
        self._own_addresses: PrefixMap[UUID] = PrefixMap()

    def changed(self, rows: RowsNow) -> "Snapshot":
        """A snapshot with these rows; what they don't touch is shared with this one."""
        made = Snapshot(ilp_address_of=self._ilp_address_of)
        made.assets = _with(self.assets, rows.assets)
        made._fees = self._with_fees(rows.fees)
        made.tenants, made._own_addresses = self._with_tenants(rows.tenants)
        made.peers, made._peer_of_token, made._routes = (
            self.peers,
            self._peer_of_token,
            self._routes,
        )
        peers = self._peers_to_change(rows)
        if peers:
            made._change_peers(peers)
        return made

    def routes(self, tenant_id: UUID) -> Routes:
        """A tenant's routes."""
        return self._routes.get(tenant_id) or PrefixMap()

    def fee(self, asset_id: UUID, fee_type: FeeType) -> Fee | None:
        """The fee in force."""
        return self._fees.get((asset_id, fee_type))

    def peer_of_token(self, token: str) -> PeerEntry | None:
        """The peer that presents this bearer token."""
        peer_id = self._peer_of_token.get(token_sha256(token))
        return None if peer_id is None else self.peers.get(peer_id)

    def decide(
        self, tenant_id: UUID, destination: str, *, source: PeerEntry | None = None
    ) -> Route | None:
        """Where a tenant's packets for an address go; None when they can't go anywhere.

        The longest prefix wins among the addresses of this node and the tenant's own routes, and an
        address of this node where both are as long. Nothing is sent back to its `source`.
        """
        own = self._own_addresses.resolve_route(destination)
        peer = self.routes(tenant_id).resolve_route(destination)
        if own is not None and (peer is None or len(peer[0]) <= len(own[0])):
            return OwnRoute(own[0], self.tenants[own[1]])
        if peer is None or (source is not None and source.peer.id == peer[1][0].peer.id):
            return None
        if not is_routable(destination):
            return None  # a route to everything does not cover what never leaves a link
        return PeerRoute(peer[0], peer[1][0])

    def _with_fees(
        self, changes: Mapping[UUID, Sequence[Fee]]
    ) -> Mapping[tuple[UUID, FeeType], Fee]:
        if not changes:
            return self._fees
        in_force = {(fee.asset_id, fee.type): fee for fees in changes.values() for fee in fees}
        return {**self._fees, **in_force}  # a fee is followed by another, and never taken back

    def _with_tenants(
        self, changes: Mapping[UUID, Tenant | None]
    ) -> tuple[Mapping[UUID, TenantEntry], PrefixMap[UUID]]:
        if not changes:
            return self.tenants, self._own_addresses
        tenants, own = dict(self.tenants), self._own_addresses.copy()
        for tenant_id in changes:
            before = tenants.pop(tenant_id, None)
            if before is not None and own.get(before.ilp_address) == tenant_id:
                own.remove(before.ilp_address)
        for tenant_id, tenant in changes.items():
            if tenant is not None:
                entry = TenantEntry(tenant, self._ilp_address_of(tenant))
                tenants[tenant_id] = entry
                own.insert(entry.ilp_address, tenant_id)
        return tenants, own

    def _peers_to_change(self, rows: RowsNow) -> Mapping[UUID, PeerWithTokens | None]:
        """The peers whose rows changed, those of changed assets, and those of gone tenants."""
        changed = dict(rows.peers)
        assets = {
            asset_id
            for asset_id, asset in rows.assets.items()
            if asset_id in self.assets and self.assets[asset_id] != asset
        }
        gone = {tenant_id for tenant_id, tenant in rows.tenants.items() if tenant is None}
        if not assets and not gone:
            return changed
        for peer_id, entry in self.peers.items():
            if entry.peer.tenant_id in gone:
                changed[peer_id] = None
            elif entry.asset.id in assets:
                changed.setdefault(peer_id, PeerWithTokens(entry.peer, entry.tokens))
        return changed

    def _change_peers(self, peers: Mapping[UUID, PeerWithTokens | None]) -> None:
        """Called on a snapshot in the making, which still shares its maps."""
        entries, by_token = dict(self.peers), dict(self._peer_of_token)
        routes = _RoutesInTheMaking(self._routes)
        before = [entries.pop(peer_id) for peer_id in peers if peer_id in entries]
        for entry in before:
            routes.remove(entry)
            for token in entry.tokens:
                if by_token.get(token) == entry.peer.id:
                    del by_token[token]
        for peer_id, now in peers.items():
            if now is None or now.peer.asset_id not in self.assets:
                continue
            entry = PeerEntry(now.peer, self.assets[now.peer.asset_id], now.tokens)
            entries[peer_id] = entry
            by_token |= dict.fromkeys(entry.tokens, peer_id)
            routes.insert(entry)
        self.peers, self._peer_of_token, self._routes = entries, by_token, routes.made()


class _RoutesInTheMaking:
    """The routes of all tenants; those of a tenant are copied when the first of them changes."""

    def __init__(self, routes: Mapping[UUID, Routes]) -> None:
        self._shared = routes
        self._own: dict[UUID, Routes] = {}

    def insert(self, entry: PeerEntry) -> None:
        routes = self._of(entry.peer.tenant_id)
        for prefix in dict.fromkeys(entry.peer.prefixes):
            others = routes.get(prefix) or ()
            place = bisect_left(others, entry.peer.id, key=lambda other: other.peer.id)
            routes.insert(prefix, (*others[:place], entry, *others[place:]))

    def remove(self, entry: PeerEntry) -> None:
        routes = self._of(entry.peer.tenant_id)
        for prefix in dict.fromkeys(entry.peer.prefixes):
            others = tuple(one for one in routes.get(prefix) or () if one is not entry)
            if others:
                routes.insert(prefix, others)
            else:
                routes.remove(prefix)

    def made(self) -> Mapping[UUID, Routes]:
        return {**self._shared, **self._own}

    def _of(self, tenant_id: UUID) -> Routes:
        routes = self._own.get(tenant_id)
        if routes is None:
            shared = self._shared.get(tenant_id)
            routes = self._own[tenant_id] = PrefixMap() if shared is None else shared.copy()
        return routes


def _with(known: Mapping[UUID, Row], changes: Mapping[UUID, Row | None]) -> Mapping[UUID, Row]:
    if not changes:
        return known
    made = dict(known)
    for row_id, row in changes.items():
        if row is None:
            made.pop(row_id, None)
        else:
            made[row_id] = row
    return made
