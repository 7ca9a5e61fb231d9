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
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database = database
        self._base_urls = base_urls
        self._claims = claims
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
        async with self._database.read() as session:
            found = await repository.get(session, wallet_address_id, scope.filter)
            if found is None:
                raise unknown_wallet_address(wallet_address_id)
            return found, (await assets.by_ids(session, [found.asset_id]))[found.asset_id]

    async def find(self, scope: Scope, url: str) -> tuple[WalletAddress, Asset]:
        """One wallet address by its URL; raises NotFound."""
        async with self._database.read() as session:
            found = await repository.find(session, url)
            if found is None or scope.filter not in {None, found.tenant_id}:
                raise unknown_wallet_address(url)
            return found, (await assets.by_ids(session, [found.asset_id]))[found.asset_id]

    async def page(
        self, scope: Scope, query: PageQuery
    ) -> tuple[Page[WalletAddress], Mapping[UUID, Asset]]:
        """A page of wallet addresses, newest first, and their assets."""
        async with self._database.read() as session:
            page = await repository.page(session, scope.filter, query)
            return page, await assets.by_ids(session, [item.asset_id for item in page.items])

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
        return found, (await assets.by_ids(session, [found.asset_id]))[found.asset_id]

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
        return key

    async def key_page(
        self, scope: Scope, wallet_address_id: UUID, query: PageQuery
    ) -> Page[WalletAddressKey]:
        """A page of a wallet address's keys, newest first."""
        await self.get(scope, wallet_address_id)
        async with self._database.read() as session:
            return await repository.key_page(session, wallet_address_id, query)

    async def public_keys(self, url: str) -> list[WalletAddressKey]:
        """The live keys of an active wallet address; raises NotFound."""
        wallet_address, _ = await self.public(url)
        async with self._database.read() as session:
            return await repository.live_keys(session, wallet_address.id)

    async def public(self, url: str) -> tuple[WalletAddress, Asset]:
        """An active wallet address by its URL, for anyone; raises NotFound."""
        now: datetime = self._clock.now()
        async with self._database.read() as session:
            found = await repository.find(session, url)
            if found is None or not found.is_active(now):
                raise unknown_wallet_address(url)
            return found, (await assets.by_ids(session, [found.asset_id]))[found.asset_id]

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
