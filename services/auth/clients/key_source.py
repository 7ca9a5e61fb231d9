"""Keys of clients: from the JWK set at their wallet address, or from the grant itself."""

from ilpkit.gnap.client import Client, JwkClient
from ilpkit.httpsig.keys import PublicKey, parse_public_jwk
from servicekit.client_keys import ClientKeys


class KeysOfClient:
    """One client's keys."""

    def __init__(self, client: Client, *, keys: ClientKeys) -> None:
        self._client = client
        self._keys = keys

    async def find(self, kid: str) -> PublicKey:
        """The key of this name. Raises KeyUnavailable or SignatureRefused."""
        if isinstance(self._client, JwkClient):
            return parse_public_jwk(self._client.jwk)
        return await self._keys.find(self._client.url, kid)

    async def find_newer(self, kid: str, *, than: PublicKey) -> PublicKey | None:
        """Another key that was put under this name meanwhile; None if there is none."""
        if isinstance(self._client, JwkClient):
            return None
        return await self._keys.find_newer(self._client.url, kid, than=than)
