"""The keys of a client, as guards look for them: its own, or those of its wallet address."""

from collections.abc import Mapping
from typing import Any, Protocol

from ilpkit.gnap.client import Client, JwkClient
from ilpkit.httpsig.keys import PublicKey, find_key, parse_public_jwk

from servicekit.key_sets import KeySets


class OwnKeySets(Protocol):
    """The key sets of wallet addresses that this node has itself."""

    async def key_set(self, url: str) -> Mapping[str, Any] | None:
        """The JWK set of a wallet address; None when it is not ours."""
        ...


class ClientKeys:
    """Finds the keys that signatures name."""

    def __init__(self, *, sets: KeySets, own: OwnKeySets | None = None) -> None:
        self._sets = sets
        self._own = own

    def of(self, client: Client) -> "KeysOfClient":
        """The keys of one client."""
        return KeysOfClient(client, sets=self._sets, own=self._own)


class KeysOfClient:
    """One client's keys; those of our own wallet addresses are as they are at each look."""

    def __init__(self, client: Client, *, sets: KeySets, own: OwnKeySets | None) -> None:
        self._client = client
        self._sets = sets
        self._own = own

    async def find(self, kid: str) -> PublicKey:
        """The key of this name. Raises KeyUnavailable or SignatureRefused."""
        client = self._client
        if isinstance(client, JwkClient):
            return parse_public_jwk(client.jwk)
        own = await self._own_set(client.url)
        return await self._sets.find(client.url, kid) if own is None else find_key(own, kid=kid)

    async def find_newer(self, kid: str, *, than: PublicKey) -> PublicKey | None:
        """Another key that was put under this name meanwhile; None when there is none."""
        client = self._client
        if isinstance(client, JwkClient) or await self._own_set(client.url) is not None:
            return None
        return await self._sets.find_newer(client.url, kid, than=than)

    async def _own_set(self, url: str) -> Mapping[str, Any] | None:
        if self._own is None or self._sets.holds(url):
            return None  # what was fetched a moment ago was not ours then
        return await self._own.key_set(url)
