"""Who a client is: a wallet address, or a bare key (directed identity)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ilpkit.gnap.request import GrantRequest


@dataclass(frozen=True, slots=True)
class WalletAddressClient:
    """A client known by its wallet address, whose JWK set holds its key."""

    url: str


@dataclass(frozen=True, slots=True)
class JwkClient:
    """A client that is nothing but its public key."""

    jwk: Mapping[str, Any]


Client: TypeAlias = WalletAddressClient | JwkClient


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientDisplay:
    """What a consent page shows of a client."""

    name: str
    uri: str


def client_to_json(client: Client) -> dict[str, Any]:
    """The object form of GNAP's `client` member."""
    if isinstance(client, WalletAddressClient):
        return {"walletAddress": client.url}
    return {"jwk": dict(client.jwk)}


def client_from_json(value: Mapping[str, Any]) -> Client:
    """The client that `client_to_json` wrote."""
    if "walletAddress" in value:
        return WalletAddressClient(str(value["walletAddress"]))
    return JwkClient(dict(value["jwk"]))


def requested_client(request: GrantRequest) -> Client:
    """The client that a grant request names, in whichever of its three forms."""
    jwk = request.client_jwk
    if jwk is not None:
        return JwkClient(jwk.model_dump(mode="json", exclude_none=True))
    return WalletAddressClient(str(request.client_wallet_address))
