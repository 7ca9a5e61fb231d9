"""Finds wallet addresses for whoever needs one, with their assets and keys: in memory if known."""

from collections.abc import Iterable
from uuid import UUID

from ilpkit.openpayments.errors import InvalidWalletAddress
from ilpkit.openpayments.urls import canonical_wallet_address
from servicekit.clock import Clock

from services.backend.assets.model import Asset
from services.backend.directory.names import Names
from services.backend.directory.worker import Directory
from services.backend.wallet_addresses.errors import (
    inactive_wallet_address,
    unknown_wallet_address,
)
from services.backend.wallet_addresses.model import (
    WalletAddress,
    WalletAddressKey,
    WalletAddressWithKeys,
)


class WalletAddresses:
    """By id and by URL; the asset of each is in the directory's snapshot."""

    def __init__(self, *, directory: Directory, names: Names, clock: Clock) -> None:
        self._directory = directory
        self._names = names
        self._clock = clock

    async def by_ids(self, ids: Iterable[UUID]) -> dict[UUID, WalletAddress]:
        """Those that exist, of any tenant, active or not."""
        found = await self._directory.wallet_addresses.by_ids(ids)
        wallet_addresses = {each: entry.wallet_address for each, entry in found.items()}
        for wallet_address in wallet_addresses.values():
            await self.asset_of(wallet_address)
        return wallet_addresses

    async def by_id(self, wallet_address_id: UUID) -> WalletAddress | None:
        """The one with this id, of any tenant, active or not."""
        return (await self.by_ids([wallet_address_id])).get(wallet_address_id)

    async def by_url(self, url: str) -> WalletAddress | None:
        """The one at a URL in any spelling, of any tenant, active or not.

        None also for what is no such URL.
        """
        entry = await self._entry(url)
        return None if entry is None else entry.wallet_address

    async def keys_by_url(self, url: str) -> tuple[WalletAddressKey, ...] | None:
        """The live keys of the one at a URL, oldest first; None when there is none."""
        entry = await self._entry(url)
        return None if entry is None else entry.keys

    async def find_active(
        self, which: UUID | str, *, tenant_id: UUID | None
    ) -> tuple[WalletAddress, Asset]:
        """The active wallet address with an id or URL, and its asset; None means any tenant.

        Raises:
            NotFound: there is none, or it is another tenant's.
            FailedPrecondition: it is deactivated.
        """
        found = await (self.by_id(which) if isinstance(which, UUID) else self.by_url(which))
        if found is None or tenant_id not in {None, found.tenant_id}:
            raise unknown_wallet_address(which)
        if not found.is_active(self._clock.now()):
            raise inactive_wallet_address(found.address)
        return found, await self.asset_of(found)

    async def asset_of(self, wallet_address: WalletAddress) -> Asset:
        """Its asset, which is not deleted while anything is in it."""
        asset = await self._directory.find_asset(wallet_address.asset_id)
        assert asset is not None, "an asset with a wallet address is not deleted"
        return asset

    async def _entry(self, url: str) -> WalletAddressWithKeys | None:
        # Mostly it is spelt as it is kept: then it need not be taken apart.
        known = self._directory.wallet_addresses.known(url)
        if known is not None:
            return known
        try:
            address = canonical_wallet_address(url)
        except InvalidWalletAddress:
            return None
        tenants = self._directory.snapshot.tenants.values()
        if not self._names.may_host(address, (entry.tenant for entry in tenants)):
            return None  # another bank's, as of most clients: nothing is read to know that
        return await self._directory.wallet_addresses.by_address(address)
