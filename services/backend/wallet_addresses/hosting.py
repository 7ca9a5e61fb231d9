"""Which URLs this node can have wallet addresses at."""

from typing import Final
from urllib.parse import urlsplit

from ilpkit.openpayments.errors import InvalidWalletAddress
from ilpkit.openpayments.urls import canonical_base, canonical_wallet_address

from services.backend.wallet_addresses.errors import invalid_wallet_address

# These paths belong to the resource and authorization servers.
RESERVED_SEGMENTS: Final = frozenset(
    {"incoming-payments", "outgoing-payments", "quotes", "outgoing-payment-grant", "jwks.json"}
)
RESERVED_FIRST_SEGMENTS: Final = frozenset({"ilp", "interact", "discovery", "continue", "token"})
"""What the public listener routes elsewhere, whatever follows."""


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
