"""Keys of clients: of our own wallet addresses as they are kept, of others from their JWK sets."""

from ilpkit.httpsig.keys import PublicKey, find_key, parse_public_jwk
from servicekit.client_keys import ClientKeys as KeySets
from servicekit.clock import Clock
from servicekit.documents import JsonFetcher
from token_introspection import Client, WalletAddressClient

from services.backend.directory.wallet_addresses import WalletAddresses


class ClientKeys:
    """Finds the keys that signatures name."""

    def __init__(
        self, *, fetcher: JsonFetcher, clock: Clock, wallet_addresses: WalletAddresses
    ) -> None:
        self._sets = KeySets(clock=clock, fetcher=fetcher)
        self._wallet_addresses = wallet_addresses

    def of(self, client: Client) -> "KeysOfClient":
        """The keys of one client."""
        return KeysOfClient(client, sets=self._sets, wallet_addresses=self._wallet_addresses)


class KeysOfClient:
    """One client's keys; those of our own are as the directory has them at each look."""

    def __init__(self, client: Client, *, sets: KeySets, wallet_addresses: WalletAddresses) -> None:
        self._client = client
        self._sets = sets
        self._wallet_addresses = wallet_addresses

    async def find(self, kid: str) -> PublicKey:
        """The key of this name. Raises KeyUnavailable or SignatureRefused."""
        if not isinstance(self._client, WalletAddressClient):
            return parse_public_jwk(self._client.jwk)
        own = await self._own_set(self._client.url)
        if own is not None:
            return find_key(own, kid=kid)
        return await self._sets.find(self._client.url, kid)

    async def find_newer(self, kid: str, *, than: PublicKey) -> PublicKey | None:
        """Another key that was put under this name meanwhile; None when there is none."""
        if not isinstance(self._client, WalletAddressClient):
            return None
        own = await self._own_set(self._client.url)
        if own is not None:
            return None
        return await self._sets.find_newer(self._client.url, kid, than=than)

    async def _own_set(self, url: str) -> dict[str, object] | None:
        if self._sets.holds(url):
            return None  # it was not ours a moment ago, when its set was fetched
        keys = await self._wallet_addresses.keys_by_url(url)
        return None if keys is None else {"keys": [key.jwk for key in keys]}
