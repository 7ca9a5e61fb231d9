"""Create a wallet address."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession
from servicekit.ids import IdSource

from services.backend.assets import repository as assets
from services.backend.assets.errors import unknown_asset
from services.backend.tenants.scope import Scope
from services.backend.wallet_addresses import repository
from services.backend.wallet_addresses.checks import clean_properties
from services.backend.wallet_addresses.hosting import hosted
from services.backend.wallet_addresses.model import (
    AdditionalProperty,
    WalletAddress,
    WalletAddressView,
)
from services.backend.wallet_addresses.roles import BaseUrls, Names


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWalletAddress:
    """What to create."""

    scope: Scope
    asset_id: UUID
    address: str
    """Its URL, or a path below the tenant's."""
    public_name: str | None
    additional_properties: Sequence[AdditionalProperty]


class CreateWalletAddress(Command[NewWalletAddress, None, WalletAddressView]):
    """Raises NotFound for the asset, InvalidArgument, and AlreadyExists.

    Processes are not told: none remembers that a wallet address is not there.
    """

    def __init__(self, *, base_urls: BaseUrls, names: Names, clock: Clock, ids: IdSource) -> None:
        self._base_urls = base_urls
        self._names = names
        self._clock = clock
        self._ids = ids

    async def write(
        self, session: WriteSession, given: NewWalletAddress, facts: None
    ) -> WalletAddressView:
        """Its row, in an asset that is not deleted, at a URL that is no other tenant's."""
        del facts
        asset = await assets.get_to_use(session, given.asset_id, given.scope.filter)
        if asset is None:
            raise unknown_asset(given.asset_id)
        base = self._base_urls.wallet_address_base(asset.tenant_id)
        wallet_address = WalletAddress(
            id=self._ids.uuid(),
            tenant_id=asset.tenant_id,
            asset_id=asset.id,
            address=hosted(given.address, base),
            public_name=given.public_name,
            additional_properties=clean_properties(given.additional_properties),
            deactivated_at=None,
            created_at=self._clock.now(),
        )
        await self._names.check_wallet_address(session, asset.tenant_id, wallet_address.address)
        repository.add(session, wallet_address)
        return WalletAddressView(wallet_address, asset)
