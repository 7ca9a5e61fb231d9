"""What wallet addresses need of others."""

from typing import Protocol
from uuid import UUID

from servicekit.database import WriteSession

from services.backend.assets.model import Asset
from services.backend.wallet_addresses.model import WalletAddress, WalletAddressKey


class BaseUrls(Protocol):
    """Where a tenant's wallet addresses live."""

    def wallet_address_base(self, tenant_id: UUID) -> str:
        """The URL that a tenant's wallet addresses begin with."""
        ...


class Names(Protocol):
    """Which tenant has which URLs."""

    async def check_wallet_address(
        self, session: WriteSession, tenant_id: UUID, address: str
    ) -> None:
        """Raise AlreadyExists when the URL lies below another tenant's."""
        ...


class KnownWalletAddresses(Protocol):
    """Wallet addresses of any tenant, active or not; those in use are in memory."""

    async def by_id(self, wallet_address_id: UUID) -> WalletAddress | None:
        """The one with this id."""
        ...

    async def by_url(self, url: str) -> WalletAddress | None:
        """The one at a URL in any spelling; None also for what is no such URL."""
        ...

    async def keys_by_url(self, url: str) -> tuple[WalletAddressKey, ...] | None:
        """The keys that are not revoked of the one at a URL."""
        ...

    async def asset_of(self, wallet_address: WalletAddress) -> Asset:
        """Its asset."""
        ...
