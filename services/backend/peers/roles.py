"""What peers need of others."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from servicekit.database import ReadSession, WriteSession

from services.backend.assets.model import Asset
from services.backend.peers.model import PeerView
from services.backend.tenants.scope import Scope


class Names(Protocol):
    """Which ILP addresses are whose."""

    async def lock(self, session: WriteSession) -> None:
        """Keep all names as they are until the transaction ends."""
        ...

    async def check_peer(
        self, session: ReadSession, tenant_id: UUID, prefixes: Sequence[str]
    ) -> None:
        """Refuse a peer's addresses that a tenant or the node has; raises AlreadyExists."""
        ...


class KnownPeers(Protocol):
    """Peers that are not deleted, in memory."""

    def peer(self, peer_id: UUID) -> PeerView | None:
        """The peer with this id, of any tenant."""
        ...


class KnownAssets(Protocol):
    """Assets that are not deleted."""

    async def find_asset(self, asset_id: UUID) -> Asset | None:
        """The asset with this id."""
        ...

    def all_assets(self) -> Collection[Asset]:
        """Those of every tenant."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerByUrl:
    """A node to peer with, by the URL where it can be asked; amounts are in the asset's units."""

    scope: Scope
    url: str
    asset_id: UUID
    name: str | None
    max_packet_amount: int | None
    liquidity_threshold: int | None
    liquidity_to_deposit: int | None
    deposit_id: int
    """The ledger's id of that deposit; it follows from the call, so that a repeat finds it."""
