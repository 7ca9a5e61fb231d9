"""The name that a consent page shows of a client: its wallet address's public name.

A wallet address without a public name is shown by its URL, which the user can judge as well.
"""

from typing import Final

from ilpkit.openpayments.errors import InvalidBody
from ilpkit.openpayments.json_text import json_object
from servicekit.clock import Clock
from servicekit.document_cache import DocumentCache
from servicekit.documents import FetchFailed
from servicekit.key_sets import Fetcher

from services.auth.clients.model import ClientDisplay
from services.auth.gnap.errors import UnusableClient

NAME_CHARACTERS_MAX: Final = 255
DISPLAY_LIFE_S: Final = 60.0


class ClientDisplaySource:
    """Asks wallet addresses for their public names."""

    def __init__(self, *, clock: Clock, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._names: DocumentCache[str] = DocumentCache(
            clock=clock, fetch=self._fetch, life_s=DISPLAY_LIFE_S
        )

    async def display(self, wallet_address: str) -> ClientDisplay:
        """What to show of a client.

        Raises:
            UnusableClient: its wallet address can't be had.
        """
        try:
            name = await self._names.get(wallet_address)
        except FetchFailed as failed:
            raise UnusableClient(f"the client's wallet address can't be had: {failed}") from None
        return ClientDisplay(name=name, uri=wallet_address)

    async def _fetch(self, url: str) -> str:
        raw = await self._fetcher.get(url)
        try:
            name = json_object(raw).get("publicName")
        except InvalidBody as invalid:
            raise FetchFailed(f"{url}: {invalid}") from None
        shown = name.strip()[:NAME_CHARACTERS_MAX] if isinstance(name, str) else ""
        return shown or url
