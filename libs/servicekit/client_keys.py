"""Keys of clients out of the JWK sets at their wallet addresses.

A set is kept for minutes, so a client that rotates its keys would be locked out: an unknown kid, or
a signature that fails, asks again, at most once in REFETCH_INTERVAL_S for each client.
"""

import json
from typing import Any, Final, Protocol

from ilpkit.httpsig.errors import KeyNotFound, SignatureRefused
from ilpkit.httpsig.keys import PublicKey, find_key
from ilpkit.openpayments.errors import InvalidBody
from ilpkit.openpayments.json_text import check_json_object

from servicekit.clock import Clock
from servicekit.document_cache import DocumentCache
from servicekit.documents import FetchFailed

KEY_SET_LIFE_S: Final = 300.0
REFETCH_INTERVAL_S: Final = 10.0
_KEY_SET_PATH: Final = "/jwks.json"


class KeyUnavailable(Exception):  # noqa: N818 - named by what happened
    """A key can't be had; the text is one sentence fit for the client to read."""


class Fetcher(Protocol):
    """Where documents come from."""

    async def get(self, url: str) -> bytes:
        """The document at a URL. Raises FetchFailed."""
        ...


class ClientKeys:
    """Finds the key that a signature names."""

    def __init__(self, *, clock: Clock, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._key_sets: DocumentCache[Any] = DocumentCache(
            clock=clock, fetch=self._fetch, life_s=KEY_SET_LIFE_S
        )

    async def find(self, wallet_address: str, kid: str) -> PublicKey:
        """The client's key of this name.

        Raises:
            KeyUnavailable: the key set can't be had, is malformed or lacks the key.
        """
        url = wallet_address + _KEY_SET_PATH
        try:
            try:
                return find_key(await self._key_sets.get(url), kid=kid)
            except KeyNotFound:
                newer = await self._key_sets.get(url, age_s_max=REFETCH_INTERVAL_S)
                return find_key(newer, kid=kid)
        except FetchFailed as failed:
            raise KeyUnavailable(f"the client's keys can't be had: {failed}") from None
        except SignatureRefused as refused:
            raise KeyUnavailable(f"the client's key can't be used: {refused}") from None

    async def find_newer(
        self, wallet_address: str, kid: str, *, than: PublicKey
    ) -> PublicKey | None:
        """Another key that the client has put under this name meanwhile; None if there is none."""
        try:
            url = wallet_address + _KEY_SET_PATH
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
