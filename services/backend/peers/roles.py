"""What peers need of others."""

from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID

from servicekit.database import ReadSession, WriteSession

from services.backend.assets.model import Asset


class Names(Protocol):
    """Which ILP addresses are whose."""

    async def lock(self, session: WriteSession) -> None:
        """Keep all names as they are until the transaction ends."""
        ...

    async def check_peer(
        self, session: ReadSession, tenant_id: UUID, prefixes: Sequence[str]
    ) -> None:
        """Refuse a peer's addresses that a tenant or the node has; raises AlreadyExists."""
        ...


class KnownAssets(Protocol):
    """Assets that are not deleted."""

    async def find_asset(self, asset_id: UUID) -> Asset | None:
        """The asset with this id."""
        ...

    def all_assets(self) -> Collection[Asset]:
        """Those of every tenant."""
        ...
