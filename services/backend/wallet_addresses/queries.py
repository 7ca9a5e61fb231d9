"""What can be asked about wallet addresses and their keys."""

from uuid import UUID

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.paging import Page, PageQuery

from services.backend.tenants.scope import Scope
from services.backend.wallet_addresses import repository
from services.backend.wallet_addresses.errors import unknown_wallet_address
from services.backend.wallet_addresses.model import (
    WalletAddress,
    WalletAddressKey,
    WalletAddressView,
)
from services.backend.wallet_addresses.roles import KnownWalletAddresses


class WalletAddressQueries:
    """Reads wallet addresses: single ones from memory where they are known, lists from Postgres."""

    def __init__(self, *, database: Database, known: KnownWalletAddresses, clock: Clock) -> None:
        self._database = database
        self._known = known
        self._clock = clock

    async def get(self, scope: Scope, wallet_address_id: UUID) -> WalletAddressView:
        """One wallet address; raises NotFound."""
        found = await self._known.by_id(wallet_address_id)
        if found is None or scope.filter not in {None, found.tenant_id}:
            raise unknown_wallet_address(wallet_address_id)
        return await self._view(found)

    async def find(self, scope: Scope, url: str) -> WalletAddressView:
        """One wallet address by its URL; raises NotFound."""
        found = await self._known.by_url(url)
        if found is None or scope.filter not in {None, found.tenant_id}:
            raise unknown_wallet_address(url)
        return await self._view(found)

    async def page(self, scope: Scope, query: PageQuery) -> Page[WalletAddressView]:
        """A page of wallet addresses, newest first."""
        async with self._database.read() as session:
            page = await repository.page(session, scope.filter, query)
        return page.of([await self._view(found) for found in page.items])

    async def key_page(
        self, scope: Scope, wallet_address_id: UUID, query: PageQuery
    ) -> Page[WalletAddressKey]:
        """A page of a wallet address's keys, revoked ones too, newest first."""
        await self.get(scope, wallet_address_id)
        async with self._database.read() as session:
            return await repository.key_page(session, wallet_address_id, query)

    async def public(self, url: str) -> WalletAddressView:
        """An active wallet address by its URL, for anyone; raises NotFound."""
        found = await self._known.by_url(url)
        if found is None or not found.is_active(self._clock.now()):
            raise unknown_wallet_address(url)
        return await self._view(found)

    async def public_keys(self, url: str) -> tuple[WalletAddressKey, ...]:
        """The keys of an active wallet address that are not revoked; raises NotFound."""
        await self.public(url)
        return await self._known.keys_by_url(url) or ()

    async def _view(self, found: WalletAddress) -> WalletAddressView:
        return WalletAddressView(found, await self._known.asset_of(found))
