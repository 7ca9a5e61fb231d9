"""Another node that packets are exchanged with, in one asset."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.backend.assets.model import Asset


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A peer; its id is also its ledger account's."""

    id: UUID
    tenant_id: UUID
    asset_id: UUID
    static_ilp_address: str
    name: str | None
    outgoing_endpoint: str
    """Where its connector takes ILP-over-HTTP."""
    outgoing_token: str
    """The bearer token that it expects; not shown in logs."""
    max_packet_amount: int | None
    """The most that one packet from it may carry, in the asset's units."""
    liquidity_threshold: int | None
    routes: tuple[str, ...]
    """Further prefixes that lie behind it."""
    created_at: datetime

    def __repr__(self) -> str:
        return f"Peer({self.id}, {self.static_ilp_address})"

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Everything that is reached through it."""
        return (self.static_ilp_address, *self.routes)


@dataclass(frozen=True, slots=True)
class PeerWithTokens:
    """A peer and what it may present."""

    peer: Peer
    tokens: tuple[bytes, ...]
    """SHA-256 of each of its incoming tokens."""


@dataclass(frozen=True, slots=True)
class PeerView:
    """A peer with its asset."""

    peer: Peer
    asset: Asset


def token_sha256(token: str) -> bytes:
    """What is kept of an incoming token."""
    return hashlib.sha256(token.encode()).digest()
