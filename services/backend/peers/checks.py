"""What a peer's fields may be."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from ilpkit.ilp.address import is_routable, is_valid_address, is_valid_prefix

from services.backend.peers.errors import invalid_endpoint, invalid_ilp_address, invalid_token
from services.backend.peers.model import Peer

TOKEN_CHARS_MAX: Final = 1024


def check_peer(peer: Peer) -> None:
    """Refuse what no packet could be sent to; raises InvalidArgument."""
    address = peer.static_ilp_address
    if not (is_valid_address(address) and is_routable(address)):
        raise invalid_ilp_address("static_ilp_address", address)
    for prefix in peer.routes:
        if not (is_valid_prefix(prefix) and is_routable(prefix)):
            raise invalid_ilp_address("routes", prefix)
    parts = urlsplit(peer.outgoing_endpoint)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise invalid_endpoint(peer.outgoing_endpoint)
    check_tokens([peer.outgoing_token], "outgoing.auth_token")


def check_tokens(tokens: Sequence[str], field: str) -> None:
    """Refuse what is no bearer token; raises InvalidArgument."""
    for token in tokens:
        visible = token.isascii() and token.isprintable() and " " not in token
        if not 1 <= len(token) <= TOKEN_CHARS_MAX or not visible:
            raise invalid_token(field)
