"""What can be asked about assets."""

from typing import Protocol
from uuid import UUID

from servicekit.database import Database
from servicekit.paging import Page, PageQuery

from services.backend.assets import repository
from services.backend.assets.errors import unknown_asset
from services.backend.assets.model import Asset, Fee
from services.backend.tenants.scope import Scope


class KnownAssets(Protocol):
    """Assets that are not deleted, in memory."""

    async def find_asset(self, asset_id: UUID) -> Asset | None:
        """An asset, also one that was made a moment ago."""
        ...


class AssetQueries:
    """Reads assets and their fees."""

    def __init__(self, *, database: Database, known: KnownAssets) -> None:
        self._database = database
        self._known = known

    async def get(self, scope: Scope, asset_id: UUID) -> Asset:
        """One asset; raises NotFound."""
        asset = await self._known.find_asset(asset_id)
        if asset is None or scope.filter not in (None, asset.tenant_id):
            raise unknown_asset(asset_id)
        return asset

    async def find(self, scope: Scope, code: str, scale: int) -> Asset:
        """One asset by code and scale; raises NotFound."""
        async with self._database.read() as session:
            asset = await repository.find(session, scope.owner, code, scale)
        if asset is None:
            raise unknown_asset(f"{code} of scale {scale}")
        return asset

    async def page(self, scope: Scope, query: PageQuery) -> Page[Asset]:
        """A page of assets, newest first."""
        async with self._database.read() as session:
            return await repository.page(session, scope.filter, query)

    async def fee_page(self, scope: Scope, asset_id: UUID, query: PageQuery) -> Page[Fee]:
        """A page of an asset's fees, newest first."""
        await self.get(scope, asset_id)
        async with self._database.read() as session:
            return await repository.fee_page(session, asset_id, query)
