"""Which URLs this node can have wallet addresses at."""

from typing import Final
from urllib.parse import urlsplit

from ilpkit.openpayments.errors import InvalidWalletAddress
from ilpkit.openpayments.urls import canonical_base, canonical_wallet_address
from rafiki.grant.v1 import grant_service_pb2
from rafiki.openpayments.v1 import (
    incoming_payment_service_pb2,
    outgoing_payment_service_pb2,
    quote_service_pb2,
    wallet_address_service_pb2,
)
from servicekit.edge_contract import operations

from services.backend.wallet_addresses.errors import invalid_wallet_address

_PUBLIC: Final = [
    operation
    for module in (
        incoming_payment_service_pb2,
        quote_service_pb2,
        outgoing_payment_service_pb2,
        wallet_address_service_pb2,
        grant_service_pb2,
    )
    for operation in operations(*module.DESCRIPTOR.services_by_name.values())
    if operation.proof is not None
]
RESERVED_SEGMENTS: Final = frozenset(
    segment
    for operation in _PUBLIC
    if not operation.begins_fixed
    for segment in operation.fixed_segments
)
"""What stands behind a tenant or a wallet address in the paths of the API."""
RESERVED_FIRST_SEGMENTS: Final = frozenset(
    {"ilp", "auto-peering", "interact", "discovery"}
    | {operation.fixed_segments[0] for operation in _PUBLIC if operation.begins_fixed}
)
"""What the public listener routes elsewhere, whatever follows; the first four are no RPCs."""


def hosted(address: str, base: str) -> str:
    """The canonical URL of a new wallet address; a bare path is put below the base.

    Raises InvalidArgument when it is malformed, outside of the base, or at a path of the API.
    """
    url = address if "://" in address else f"{base.rstrip('/')}/{address.lstrip('/')}"
    try:
        canonical = canonical_wallet_address(url)
    except InvalidWalletAddress as invalid:
        raise invalid_wallet_address(address, invalid.remedy) from None
    if not urlsplit(url).path.strip("/"):
        raise invalid_wallet_address(address, "give it a path")
    if uses_reserved_path(canonical):
        raise invalid_wallet_address(address, "use a path that the API does not use itself")
    if not covers(base, canonical):
        raise invalid_wallet_address(address, f"begin it with {base}")
    return canonical


def uses_reserved_path(canonical: str) -> bool:
    """Whether the API has this path for something else."""
    segments = canonical.split("/")[3:]
    return bool(RESERVED_SEGMENTS.intersection(segments)) or segments[0] in RESERVED_FIRST_SEGMENTS


def covers(base: str, canonical: str) -> bool:
    """Whether a canonical URL is the base's or lies below it, at a segment border."""
    return f"{canonical}/".startswith(f"{canonical_base(base)}/")
