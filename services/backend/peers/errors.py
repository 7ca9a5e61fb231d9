"""What can be wrong with peers."""

from uuid import UUID

from servicekit.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound


def unknown_peer(peer_id: UUID | str) -> NotFound:
    """No such peer for this tenant."""
    return NotFound("UNKNOWN_PEER", f"there is no peer {peer_id}", metadata={"id": str(peer_id)})


def duplicate_peer() -> AlreadyExists:
    """Address and asset, or an incoming token, are taken."""
    return AlreadyExists(
        "DUPLICATE_PEER", "a peer with this address and asset, or with one of the tokens, exists"
    )


def ilp_address_taken(prefix: str) -> AlreadyExists:
    """The node or a tenant receives packets at this address."""
    return AlreadyExists(
        "DUPLICATE_PEER",
        f"{prefix} overlaps with an address of this node that is not this tenant's to share; a"
        " peer lies outside of the node's address, or below its tenant's",
        field="static_ilp_address",
    )


def invalid_ilp_address(field: str, value: str) -> InvalidArgument:
    """Not an ILP address or prefix that packets may be routed by."""
    return InvalidArgument(
        "INVALID_FIELD", f"{value!r} is no ILP address that packets are routed by", field=field
    )


def invalid_endpoint(value: str) -> InvalidArgument:
    """Not an http(s) URL."""
    return InvalidArgument(
        "INVALID_FIELD", f"{value!r} is no http or https URL", field="outgoing.endpoint"
    )


def invalid_token(field: str) -> InvalidArgument:
    """An empty or unprintable bearer token."""
    return InvalidArgument(
        "INVALID_FIELD", f"{field} has 1 to 1024 visible ASCII characters", field=field
    )


def invalid_mask(problem: str) -> InvalidArgument:
    """A mask that names what can't change."""
    return InvalidArgument("INVALID_FIELD", f"update_mask: {problem}", field="update_mask")


def peer_holds_money(peer_id: UUID, *, balance: int) -> FailedPrecondition:
    """Its account is not empty, or packets are in flight."""
    return FailedPrecondition(
        "HOLDS_MONEY",
        f"the peer's account holds {balance} or has packets in flight; settle with the peer and "
        "withdraw its liquidity, then delete it",
        metadata={"id": str(peer_id), "balance": str(balance)},
    )


def peer_has_unknown_packets(peer_id: UUID) -> FailedPrecondition:
    """The outcome of packets to it is unknown, and their money is kept until an operator says."""
    return FailedPrecondition(
        "HOLDS_MONEY",
        "the outcome of packets to the peer is unknown; resolve its entries of "
        "UnknownPacketService, then delete it",
        metadata={"id": str(peer_id)},
    )
