"""Keys of clients: of our own wallet addresses from their rows, of others from their JWK sets."""

from ilpkit.httpsig.keys import PublicKey, find_key, parse_public_jwk
from ilpkit.openpayments.errors import InvalidWalletAddress
from ilpkit.openpayments.urls import canonical_wallet_address
from servicekit.client_keys import ClientKeys as KeySets
from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.documents import JsonFetcher
from token_introspection import Client, WalletAddressClient

from services.backend.guard import repository


class ClientKeys:
    """Finds the keys that signatures name."""

    def __init__(self, *, fetcher: JsonFetcher, clock: Clock, database: Database) -> None:
        self._sets = KeySets(clock=clock, fetcher=fetcher)
        self._database = database

    def of(self, client: Client) -> "KeysOfClient":
        """The keys of one client."""
        return KeysOfClient(client, sets=self._sets, database=self._database)


class KeysOfClient:
    """One client's keys; a set of our own is read anew each time, so it is never out of date."""

    def __init__(self, client: Client, *, sets: KeySets, database: Database) -> None:
        self._client = client
        self._sets = sets
        self._database = database

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
        try:
            address = canonical_wallet_address(url)
        except InvalidWalletAddress:
            return None
        async with self._database.read() as session:
            return await repository.key_set_of(session, address)
