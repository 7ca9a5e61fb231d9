"""Use cases of wallet addresses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from ilpkit.httpsig.errors import InvalidKey
from ilpkit.httpsig.keys import parse_public_jwk
from servicekit.clock import Clock
from servicekit.database import Database, WriteSession
from servicekit.errors import InvalidArgument
from servicekit.ids import IdSource
from servicekit.paging import Page, PageQuery

from services.backend.assets import repository as assets
from services.backend.assets.errors import unknown_asset
from services.backend.assets.model import Asset
from services.backend.changes.announcement import announce_change
from services.backend.changes.model import Kind
from services.backend.tenants.scope import Scope
from services.backend.wallet_addresses import repository
from services.backend.wallet_addresses.errors import (
    unknown_key,
    unknown_wallet_address,
)
from services.backend.wallet_addresses.hosting import hosted
from services.backend.wallet_addresses.model import (
    AdditionalProperty,
    WalletAddress,
    WalletAddressKey,
)

KID_CHARS_MAX: Final = 255


class BaseUrls(Protocol):
    """Where a tenant's wallet addresses live."""

    def wallet_address_base(self, tenant_id: UUID) -> str:
        """The URL that a tenant's wallet addresses begin with."""
        ...


class UrlClaims(Protocol):
    """Which tenant has which URLs."""

    async def check_wallet_address(
        self, session: WriteSession, tenant_id: UUID, address: str
    ) -> None:
        """Raise AlreadyExists when the URL lies below another tenant's."""
        ...


class Known(Protocol):
    """Wallet addresses of any tenant, active or not; the directory holds those in use in memory."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWalletAddress:
    """What a new wallet address is made of."""

    asset_id: UUID
    address: str
    public_name: str | None
    additional_properties: Sequence[AdditionalProperty]


class WalletAddressService:
    """Creates, reads and changes wallet addresses and their keys."""

    def __init__(
        self,
        *,
        database: Database,
        base_urls: BaseUrls,
        claims: UrlClaims,
        known: Known,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database = database
        self._base_urls = base_urls
        self._claims = claims
        self._known = known
        self._clock = clock
        self._ids = ids

    async def create(
        self, session: WriteSession, scope: Scope, new: NewWalletAddress
    ) -> tuple[WalletAddress, Asset]:
        """Insert a wallet address."""
        asset = await assets.get_to_use(session, new.asset_id, scope.filter)
        if asset is None:
            raise unknown_asset(new.asset_id)
        base = self._base_urls.wallet_address_base(asset.tenant_id)
        wallet_address = WalletAddress(
            id=self._ids.uuid(),
            tenant_id=asset.tenant_id,
            asset_id=asset.id,
            address=hosted(new.address, base),
            public_name=new.public_name,
            additional_properties=clean_properties(new.additional_properties),
            deactivated_at=None,
            created_at=self._clock.now(),
        )
        await self._claims.check_wallet_address(session, asset.tenant_id, wallet_address.address)
        await repository.add(session, wallet_address)
        return wallet_address, asset

    async def get(self, scope: Scope, wallet_address_id: UUID) -> tuple[WalletAddress, Asset]:
        """One wallet address with its asset; raises NotFound."""
        found = await self._known.by_id(wallet_address_id)
        if found is None or scope.filter not in {None, found.tenant_id}:
            raise unknown_wallet_address(wallet_address_id)
        return found, await self._known.asset_of(found)

    async def find(self, scope: Scope, url: str) -> tuple[WalletAddress, Asset]:
        """One wallet address by its URL; raises NotFound."""
        found = await self._known.by_url(url)
        if found is None or scope.filter not in {None, found.tenant_id}:
            raise unknown_wallet_address(url)
        return found, await self._known.asset_of(found)

    async def page(
        self, scope: Scope, query: PageQuery
    ) -> tuple[Page[WalletAddress], Mapping[UUID, Asset]]:
        """A page of wallet addresses, newest first, and their assets."""
        async with self._database.read() as session:
            page = await repository.page(session, scope.filter, query)
        return page, {item.asset_id: await self._known.asset_of(item) for item in page.items}

    async def change(
        self, session: WriteSession, scope: Scope, wallet_address_id: UUID, values: dict[str, Any]
    ) -> tuple[WalletAddress, Asset]:
        """Change some fields, named as in WalletAddress."""
        await self._require(session, scope, wallet_address_id)
        if "additional_properties" in values:
            cleaned = clean_properties(values["additional_properties"])
            values["additional_properties"] = repository.properties_json(cleaned)
        if values:
            await repository.change(session, wallet_address_id, values)
        found = await self._require(session, scope, wallet_address_id)
        await announce_change(session, Kind.WALLET_ADDRESS, wallet_address_id)
        return found, await self._known.asset_of(found)

    async def add_key(
        self, session: WriteSession, scope: Scope, wallet_address_id: UUID, *, kid: str, x: str
    ) -> WalletAddressKey:
        """Bind an Ed25519 public key."""
        await self._require(session, scope, wallet_address_id)
        if not 1 <= len(kid) <= KID_CHARS_MAX:
            raise InvalidArgument(
                "INVALID_FIELD", f"kid has 1 to {KID_CHARS_MAX} characters", field="kid"
            )
        check_public_key(kid, x)
        key = WalletAddressKey(
            id=self._ids.uuid(),
            wallet_address_id=wallet_address_id,
            kid=kid,
            x=x,
            revoked=False,
            created_at=self._clock.now(),
        )
        await repository.add_key(session, key)
        await announce_change(session, Kind.WALLET_ADDRESS, wallet_address_id)
        return key

    async def revoke_key(
        self, session: WriteSession, scope: Scope, key_id: UUID
    ) -> WalletAddressKey:
        """Revoke a key; revoking it again changes nothing."""
        if await repository.get_key(session, key_id, scope.filter) is None:
            raise unknown_key(key_id)
        await repository.revoke_key(session, key_id)
        key = await repository.get_key(session, key_id, scope.filter)
        assert key is not None, "it was there in this transaction"
        await announce_change(session, Kind.WALLET_ADDRESS, key.wallet_address_id)
        return key

    async def key_page(
        self, scope: Scope, wallet_address_id: UUID, query: PageQuery
    ) -> Page[WalletAddressKey]:
        """A page of a wallet address's keys, newest first."""
        await self.get(scope, wallet_address_id)
        async with self._database.read() as session:
            return await repository.key_page(session, wallet_address_id, query)

    async def public_keys(self, url: str) -> tuple[WalletAddressKey, ...]:
        """The live keys of an active wallet address; raises NotFound."""
        await self.public(url)
        return await self._known.keys_by_url(url) or ()

    async def public(self, url: str) -> tuple[WalletAddress, Asset]:
        """An active wallet address by its URL, for anyone; raises NotFound."""
        now: datetime = self._clock.now()
        found = await self._known.by_url(url)
        if found is None or not found.is_active(now):
            raise unknown_wallet_address(url)
        return found, await self._known.asset_of(found)

    async def _require(
        self, session: WriteSession, scope: Scope, wallet_address_id: UUID
    ) -> WalletAddress:
        found = await repository.get(session, wallet_address_id, scope.filter)
        if found is None:
            raise unknown_wallet_address(wallet_address_id)
        return found


def clean_properties(properties: Sequence[AdditionalProperty]) -> tuple[AdditionalProperty, ...]:
    """Trimmed, without blanks."""
    trimmed = (
        AdditionalProperty(key=p.key.strip(), value=p.value.strip(), visible=p.visible)
        for p in properties
    )
    return tuple(p for p in trimmed if p.key and p.value)


def check_public_key(kid: str, x: str) -> None:
    """Refuse what is no Ed25519 public key."""
    try:
        parse_public_jwk({"kid": kid, "alg": "EdDSA", "kty": "OKP", "crv": "Ed25519", "x": x})
    except InvalidKey as refused:
        raise InvalidArgument("INVALID_FIELD", str(refused), field="x") from None
