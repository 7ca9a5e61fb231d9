"""Keys of clients: from the JWK set at their wallet address, or from the grant itself.

A JWK set is kept for minutes, so a client that rotates its keys would be locked out: an unknown
kid, or a signature that fails, asks again, at most once in REFETCH_INTERVAL_S for each client.
"""

import json
from typing import Any, Final, Protocol

from ilpkit.httpsig.errors import KeyNotFound, SignatureRefused
from ilpkit.httpsig.keys import PublicKey, find_key, parse_public_jwk
from ilpkit.openpayments.errors import InvalidBody
from ilpkit.openpayments.json_text import check_json_object
from servicekit.clock import Clock

from services.auth.clients.cache import DocumentCache
from services.auth.clients.errors import FetchFailed
from services.auth.clients.model import Client, JwkClient
from services.auth.errors import UnusableClient

KEY_SET_LIFE_S: Final = 300.0
REFETCH_INTERVAL_S: Final = 10.0
_KEY_SET_PATH: Final = "/jwks.json"


class Fetcher(Protocol):
    """Where documents come from."""

    async def get(self, url: str) -> bytes:
        """The document at a URL. Raises FetchFailed."""
        ...


class ClientKeySource:
    """Finds the key that a signature names."""

    def __init__(self, *, clock: Clock, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._key_sets: DocumentCache[Any] = DocumentCache(
            clock=clock, fetch=self._fetch, life_s=KEY_SET_LIFE_S
        )

    async def key(self, client: Client, kid: str) -> PublicKey:
        """The client's key of this name.

        Raises:
            UnusableClient: the key set can't be had, is malformed or lacks the key.
        """
        try:
            if isinstance(client, JwkClient):
                return parse_public_jwk(client.jwk)
            url = client.url + _KEY_SET_PATH
            try:
                return find_key(await self._key_sets.get(url), kid=kid)
            except KeyNotFound:
                newer = await self._key_sets.get(url, age_s_max=REFETCH_INTERVAL_S)
                return find_key(newer, kid=kid)
        except FetchFailed as failed:
            raise UnusableClient(f"the client's keys can't be had: {failed}") from None
        except SignatureRefused as refused:
            raise UnusableClient(f"the client's key can't be used: {refused}") from None

    async def newer_key(self, client: Client, kid: str, *, than: PublicKey) -> PublicKey | None:
        """Another key that the client has put under this name meanwhile; None if there is none."""
        if isinstance(client, JwkClient):
            return None
        try:
            url = client.url + _KEY_SET_PATH
            document = await self._key_sets.get(url, age_s_max=REFETCH_INTERVAL_S)
            key = find_key(document, kid=kid)
        except (FetchFailed, SignatureRefused):
            return None
        same = key.key.public_bytes_raw() == than.key.public_bytes_raw()
        return None if same else key

    async def _fetch(self, url: str) -> Any:
        raw = await self._fetcher.get(url)
        try:
            check_json_object(raw)
        except InvalidBody as invalid:
            raise FetchFailed(f"{url}: {invalid}") from None
        return json.loads(raw)
