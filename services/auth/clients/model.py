"""What a consent page shows of a client, and the client that a request names."""

from dataclasses import dataclass

from ilpkit.gnap.client import Client, JwkClient, WalletAddressClient
from ilpkit.gnap.request import GrantRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientDisplay:
    """What a consent page shows of a client."""

    name: str
    uri: str


def requested_client(request: GrantRequest) -> Client:
    """The client that a grant request names, in whichever of its three forms."""
    jwk = request.client_jwk
    if jwk is not None:
        return JwkClient(jwk.model_dump(mode="json", exclude_none=True))
    return WalletAddressClient(str(request.client_wallet_address))
