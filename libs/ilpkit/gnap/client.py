"""Who a client is: a wallet address, or a bare key (directed identity)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class WalletAddressClient:
    """A client known by its wallet address, whose JWK set holds its key."""

    url: str


@dataclass(frozen=True, slots=True)
class JwkClient:
    """A client that is nothing but its public key."""

    jwk: Mapping[str, object]


Client: TypeAlias = WalletAddressClient | JwkClient


def client_name(client: Client) -> str:
    """One text for one client: its wallet address, or `jwk:` and the public key."""
    return client.url if isinstance(client, WalletAddressClient) else f"jwk:{client.jwk.get('x')}"
