"""The wallet addresses in use, with their keys, in memory.

There may be millions, so that only those are kept that were asked for last. What is not there is
not remembered: a new wallet address is found at once. A change drops the entry, and whoever was
reading it at that moment doesn't keep what was read.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from servicekit.database import Database

from services.backend.wallet_addresses import repository
from services.backend.wallet_addresses.model import WalletAddressWithKeys

REMEMBERED_MAX: Final = 20_000
ENTRY_CHARACTERS_MAX: Final = 8_192
"""Of one entry that is kept; a larger one is read each time."""


class WalletAddressCache:
    """By id and by canonical URL, of any tenant, active or not."""

    def __init__(self, *, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[UUID, WalletAddressWithKeys] = OrderedDict()
        self._id_of_url: dict[str, UUID] = {}
        self._changes_seen = 0

    async def by_ids(self, ids: Iterable[UUID]) -> dict[UUID, WalletAddressWithKeys]:
        """Those that exist; the ones that are not in memory are read together."""
        found: dict[UUID, WalletAddressWithKeys] = {}
        missing = []
        for wallet_address_id in dict.fromkeys(ids):
            entry = self._recall(wallet_address_id)
            if entry is None:
                missing.append(wallet_address_id)
            else:
                found[wallet_address_id] = entry
        if missing:
            seen = self._changes_seen
            async with self._database.read() as session:
                for entry in await repository.with_keys(session, missing):
                    found[entry.wallet_address.id] = self._keep(entry, seen)
        return found

    def known(self, url: str) -> WalletAddressWithKeys | None:
        """The one at a canonical URL, if it is in memory; no other spelling finds one."""
        wallet_address_id = self._id_of_url.get(url)
        return None if wallet_address_id is None else self._recall(wallet_address_id)

    async def by_address(self, address: str) -> WalletAddressWithKeys | None:
        """The one at a canonical URL."""
        known = self.known(address)
        if known is not None:
            return known
        seen = self._changes_seen
        async with self._database.read() as session:
            entry = await repository.with_keys_by_address(session, address)
        return None if entry is None else self._keep(entry, seen)

    def forget(self, wallet_address_id: UUID) -> None:
        """It has changed."""
        self._changes_seen += 1
        entry = self._known.pop(wallet_address_id, None)
        if entry is not None:
            del self._id_of_url[entry.wallet_address.address]

    def forget_all(self) -> None:
        """Any may have changed."""
        self._changes_seen += 1
        self._known.clear()
        self._id_of_url.clear()

    def __len__(self) -> int:
        return len(self._known)

    def _recall(self, wallet_address_id: UUID) -> WalletAddressWithKeys | None:
        entry = self._known.get(wallet_address_id)
        if entry is not None:
            self._known.move_to_end(wallet_address_id)
        return entry

    def _keep(self, entry: WalletAddressWithKeys, seen: int) -> WalletAddressWithKeys:
        found = entry.wallet_address
        if seen == self._changes_seen and entry.characters <= ENTRY_CHARACTERS_MAX:
            self._known[found.id] = entry
            self._id_of_url[found.address] = found.id
            if len(self._known) > REMEMBERED_MAX:
                _, oldest = self._known.popitem(last=False)
                del self._id_of_url[oldest.wallet_address.address]
        return entry
