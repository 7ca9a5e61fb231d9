"""What every packet and call must know about tenants, assets and peers, in memory.

A snapshot never changes: a change in Postgres makes a new one, and a packet keeps the one it began
with. These tables are small (peers by the thousand), unlike wallet addresses and payments.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from ilpkit.ilp.address import is_routable
from ilpkit.ilp.prefix_map import PrefixMap

from services.backend.assets.model import Asset
from services.backend.peers.model import Peer, token_sha256
from services.backend.tenants.model import Tenant


@dataclass(frozen=True, slots=True)
class PeerEntry:
    """A peer with its asset."""

    peer: Peer
    asset: Asset


@dataclass(frozen=True, slots=True)
class TenantEntry:
    """A tenant with its ILP address and its routes."""

    tenant: Tenant
    ilp_address: str
    routes: PrefixMap[PeerEntry]


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


class Snapshot:
    """One consistent view of the directory."""

    def __init__(
        self,
        *,
        ilp_address_of: Callable[[Tenant], str],
        tenants: Iterable[Tenant],
        assets: Iterable[Asset],
        peers: Iterable[Peer],
        tokens: Mapping[bytes, UUID],
    ) -> None:
        self.assets = {asset.id: asset for asset in assets}
        self.peers = {
            peer.id: PeerEntry(peer, self.assets[peer.asset_id])
            for peer in sorted(peers, key=lambda peer: peer.id)
            if peer.asset_id in self.assets
        }
        self._tokens = tokens
        self.tenants = {
            tenant.id: self._tenant_entry(tenant, ilp_address_of(tenant)) for tenant in tenants
        }
        # Longest prefix first: a tenant's default address lies below the operator's.
        own: PrefixMap[TenantEntry] = PrefixMap()
        for entry in self.tenants.values():
            own.insert(entry.ilp_address, entry)
        self._own_addresses = own
        # Peers whose addresses lie below one of ours, such as those that asked by ILDCP for one.
        self._tenants_with_children = frozenset(
            tenant_id
            for tenant_id, entry in self.tenants.items()
            if any(own.resolve(prefix) is not None for prefix in entry.routes)
        )

    def _tenant_entry(self, tenant: Tenant, address: str) -> TenantEntry:
        routes: PrefixMap[PeerEntry] = PrefixMap()
        for entry in self.peers.values():
            if entry.peer.tenant_id != tenant.id:
                continue
            for prefix in entry.peer.prefixes:
                # The oldest peer keeps a prefix, so that all processes send the same way.
                if routes.get(prefix) is None:
                    routes.insert(prefix, entry)
        return TenantEntry(tenant, address, routes)

    def peer_of_token(self, token: str) -> PeerEntry | None:
        """The peer that presents this bearer token."""
        peer_id = self._tokens.get(token_sha256(token))
        return None if peer_id is None else self.peers.get(peer_id)

    def decide(
        self, tenant_id: UUID, destination: str, *, source: PeerEntry | None = None
    ) -> Route | None:
        """Where a tenant's packets for an address go; None when they can't go anywhere.

        The longest prefix wins among the addresses of this node and the tenant's own routes, and an
        address of this node where both are as long. Nothing is sent back to its `source`.
        """
        own = self._own_addresses.resolve_route(destination)
        if own is not None and tenant_id not in self._tenants_with_children:
            return OwnRoute(*own)
        tenant = self.tenants.get(tenant_id)
        peer = None if tenant is None else tenant.routes.resolve_route(destination)
        if own is not None and (peer is None or len(peer[0]) <= len(own[0])):
            return OwnRoute(*own)
        if peer is None or (source is not None and source.peer.id == peer[1].peer.id):
            return None
        if not is_routable(destination):
            return None  # a route to everything does not cover what never leaves a link
        return PeerRoute(*peer)
