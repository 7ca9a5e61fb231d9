"""Keys of clients: from the JWK set at their wallet address, or from the grant itself."""

from ilpkit.httpsig.errors import SignatureRefused
from ilpkit.httpsig.keys import PublicKey, parse_public_jwk
from servicekit.client_keys import ClientKeys, KeyUnavailable

from services.auth.clients.model import Client, JwkClient
from services.auth.errors import UnusableClient


class ClientKeySource:
    """Finds the key that a signature names."""

    def __init__(self, *, keys: ClientKeys) -> None:
        self._keys = keys

    async def key(self, client: Client, kid: str) -> PublicKey:
        """The client's key of this name.

        Raises:
            UnusableClient: it can't be had or used.
        """
        try:
            if isinstance(client, JwkClient):
                return parse_public_jwk(client.jwk)
            return await self._keys.find(client.url, kid)
        except (KeyUnavailable, SignatureRefused) as error:
            raise UnusableClient(str(error)) from None

    async def newer_key(self, client: Client, kid: str, *, than: PublicKey) -> PublicKey | None:
        """Another key that the client has put under this name meanwhile; None if there is none."""
        if isinstance(client, JwkClient):
            return None
        return await self._keys.find_newer(client.url, kid, than=than)
