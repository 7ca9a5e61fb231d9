"""Keys of clients out of the JWK sets at their wallet addresses.

A set is kept for KEY_SET_LIFE_S: that long a revoked key goes on working. A key that is not in it,
or that does not fit, may be newer than the set and asks again at once, but no more than
REFETCHES_MAX times in a set's life, so that nobody can use this to hammer a client's server.
"""

from collections import OrderedDict
from typing import Any, Final, Protocol

from ilpkit.httpsig.errors import KeyNotFound, SignatureRefused
from ilpkit.httpsig.keys import PublicKey, find_key
from ilpkit.openpayments.errors import InvalidBody
from ilpkit.openpayments.json_text import json_object

from servicekit.clock import Clock
from servicekit.document_cache import ENTRIES_MAX, DocumentCache
from servicekit.documents import FetchFailed

KEY_SET_LIFE_S: Final = 10.0
REFETCHES_MAX: Final = 5
_KEY_SET_PATH: Final = "/jwks.json"


class KeyUnavailable(Exception):  # noqa: N818 - named by what happened
    """A key can't be had; the text is one sentence fit for the client to read."""


class Fetcher(Protocol):
    """Where documents come from."""

    async def get(self, url: str) -> bytes:
        """The document at a URL. Raises FetchFailed."""
        ...


class KeySets:
    """Finds the key that a signature names."""

    def __init__(self, *, clock: Clock, fetcher: Fetcher) -> None:
        self._clock = clock
        self._fetcher = fetcher
        self._refetches: OrderedDict[str, tuple[float, int]] = OrderedDict()
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
                if not self._may_refetch(url):
                    raise
                return find_key(await self._key_sets.get(url, age_s_max=0), kid=kid)
        except FetchFailed as failed:
            raise KeyUnavailable(f"the client's keys can't be had: {failed}") from None
        except SignatureRefused as refused:
            raise KeyUnavailable(f"the client's key can't be used: {refused}") from None

    def holds(self, wallet_address: str) -> bool:
        """Whether a key set is at hand, fetched a moment ago."""
        return self._key_sets.holds(wallet_address + _KEY_SET_PATH)

    async def find_newer(
        self, wallet_address: str, kid: str, *, than: PublicKey
    ) -> PublicKey | None:
        """Another key that the client has put under this name meanwhile; None if there is none."""
        url = wallet_address + _KEY_SET_PATH
        if not self._may_refetch(url):
            return None
        try:
            key = find_key(await self._key_sets.get(url, age_s_max=0), kid=kid)
        except (FetchFailed, SignatureRefused):
            return None
        same = key.key.public_bytes_raw() == than.key.public_bytes_raw()
        return None if same else key

    def _may_refetch(self, url: str) -> bool:
        """Whether a set may be asked for before its time, counted from the first such asking."""
        now = self._clock.monotonic()
        since, count = self._refetches.get(url, (now, 0))
        if now - since >= KEY_SET_LIFE_S:
            since, count = now, 0
        if count >= REFETCHES_MAX:
            return False
        self._refetches[url] = (since, count + 1)
        self._refetches.move_to_end(url)
        if len(self._refetches) > ENTRIES_MAX:
            self._refetches.popitem(last=False)
        return True

    async def _fetch(self, url: str) -> Any:
        raw = await self._fetcher.get(url)
        try:
            return json_object(raw)
        except InvalidBody as invalid:
            raise FetchFailed(f"{url}: {invalid}") from None
