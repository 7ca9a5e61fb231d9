"""Finds wallet addresses for whoever needs one, with their assets."""

from collections.abc import Iterable
from uuid import UUID

from servicekit.clock import Clock
from servicekit.database import Database

from services.backend.assets.model import Asset
from services.backend.directory.worker import Directory
from services.backend.wallet_addresses import repository
from services.backend.wallet_addresses.errors import (
    inactive_wallet_address,
    unknown_wallet_address,
)
from services.backend.wallet_addresses.model import WalletAddress


class WalletAddresses:
    """By id and by URL; the asset of each is in the directory's snapshot."""

    def __init__(self, *, database: Database, directory: Directory, clock: Clock) -> None:
        self._database = database
        self._directory = directory
        self._clock = clock

    async def by_ids(self, ids: Iterable[UUID]) -> dict[UUID, WalletAddress]:
        """Those that exist, of any tenant, active or not."""
        async with self._database.read() as session:
            found = await repository.by_ids(session, list(ids))
        for wallet_address in found.values():
            await self._learn_asset(wallet_address)
        return found

    async def find_active(
        self, which: UUID | str, *, tenant_id: UUID | None
    ) -> tuple[WalletAddress, Asset]:
        """The active wallet address with an id or URL, and its asset; None means any tenant.

        Raises:
            NotFound: there is none, or it is another tenant's.
            FailedPrecondition: it is deactivated.
        """
        async with self._database.read() as session:
            if isinstance(which, UUID):
                found = await repository.get(session, which, tenant_id)
            else:
                found = await repository.find(session, which)
        if found is None or tenant_id not in {None, found.tenant_id}:
            raise unknown_wallet_address(which)
        if not found.is_active(self._clock.now()):
            raise inactive_wallet_address(found.address)
        await self._learn_asset(found)
        return found, self._directory.snapshot.assets[found.asset_id]

    async def _learn_asset(self, found: WalletAddress) -> None:
        if found.asset_id not in self._directory.snapshot.assets:
            await self._directory.catch_up()  # another process made the asset a moment ago
