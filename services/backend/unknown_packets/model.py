"""A packet without a reply, as operators see it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.backend.assets.model import Asset


class Resolution(StrEnum):
    """Whose the money of an entry turned out to be."""

    PEER = "PEER"
    """The packet was fulfilled: the peer is paid."""
    SOURCE = "SOURCE"
    """It was not: whoever paid for it has the money back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownPacket:
    """An amount that a packet took from its source and that waits until its owner is known."""

    id: UUID
    packet_id: UUID
    """The packet's in the ledger, and the request id that the peer was given."""
    tenant_id: UUID
    peer_id: UUID
    """Who did not answer."""
    outgoing_payment_id: UUID | None
    incoming_peer_id: UUID | None
    """Who paid for it: a payment of this node, or another peer."""
    asset_id: UUID
    amount: int
    """In the payer's asset."""
    reserved_at: datetime
    """When it was sent."""
    entered_at: datetime
    resolution: Resolution | None
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketView:
    """An entry with the asset of its amount."""

    packet: UnknownPacket
    asset: Asset
