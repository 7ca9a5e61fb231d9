"""One packet on its way through the connector."""

from dataclasses import dataclass
from uuid import UUID

from ilpkit.ilp.packet import Prepare

from services.backend.assets.model import Asset
from services.backend.directory.model import PeerEntry, Snapshot, TenantEntry
from services.backend.ledger.rules.accounting import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Who pays for a packet: a peer, or an outgoing payment of this node."""

    side: Side
    asset: Asset
    tenant_id: UUID
    peer: PeerEntry | None
    """None for an outgoing payment."""
    cause_id: int
    """What the ledger's transfers say they are for: the payment, or the peer."""


@dataclass(slots=True, kw_only=True)
class PacketContext:
    """What the steps know of a packet, and find out."""

    prepare: Prepare
    """As it came in; a step that forwards makes another."""
    source: Source
    snapshot: Snapshot
    """The directory as it was when the packet came in."""
    now_ms: int
    request_id: str | None = None
    """What the source repeats the packet under; None for one that never comes again."""
    fulfillable: bool = True
    """False for a packet of our own that tests a path: no preimage of its condition is known."""
    local: TenantEntry | None = None
    """The tenant whose address it is, for a packet that ends here."""
    peer: PeerEntry | None = None
    """The next hop, for a packet that goes on."""
    destination_amount: int = 0
    """What the next hop or the payee gets, in its own asset."""
    expires_at_ms: int = 0
    """The expiry that the next hop is given."""
    too_late: bool = False
    """Whether only a repeat of what was forwarded before may still be forwarded."""
    packet_id: int = 0
    """Of the packet's money in the ledger, and the request id that the next hop gets."""
    sent_before: bool = False
    """Whether the next hop may have the packet already: then only a Fulfill says anything."""
    ask_until_ms: int = 0
    """How long the next hop's reply is waited for."""


def peer_source(entry: PeerEntry) -> Source:
    """A peer as the one who pays."""
    return Source(
        side=peer_side(entry),
        asset=entry.asset,
        tenant_id=entry.peer.tenant_id,
        peer=entry,
        cause_id=entry.peer.id.int,
    )


def peer_side(entry: PeerEntry) -> Side:
    """A peer's end of a transfer."""
    return Side(
        account_id=entry.peer.id.int,
        ledger=entry.asset.ledger,
        asset_account_id=entry.asset.id.int,
    )
