"""SQL for wallet addresses and their keys."""

from collections.abc import Container, Sequence
from datetime import datetime
from itertools import chain, combinations
from typing import Any, Final
from uuid import UUID

from servicekit.database import ReadSession, WriteSession
from servicekit.page_queries import Listed, fetch_page
from servicekit.paging import Page, PageQuery
from servicekit.statements import prepared
from sqlalchemy import (
    ARRAY,
    Row,
    Uuid,
    any_,
    bindparam,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from services.backend.wallet_addresses.errors import (
    duplicate_key,
    duplicate_wallet_address,
    unknown_wallet_address,
)
from services.backend.wallet_addresses.model import (
    AdditionalProperty,
    WalletAddress,
    WalletAddressKey,
    WalletAddressWithKeys,
)
from services.backend.wallet_addresses.tables import wallet_address_keys, wallet_addresses

_KEY_FIELDS: Final = ("id", "kid", "x", "created_at")
_KEY: Final = func.jsonb_build_object(
    *chain.from_iterable((literal_column(f"'{n}'"), wallet_address_keys.c[n]) for n in _KEY_FIELDS)
)
_KEYS: Final = func.jsonb_agg(aggregate_order_by(_KEY, wallet_address_keys.c.id))
_LIVE_KEYS: Final = (
    select(func.coalesce(_KEYS, literal_column("'[]'::jsonb"), type_=JSONB))
    .where(
        wallet_address_keys.c.wallet_address_id == wallet_addresses.c.id,
        wallet_address_keys.c.revoked.is_(False),
    )
    .scalar_subquery()
)
_CHANGEABLE: Final = ("public_name", "additional_properties", "deactivated_at")
_IT: Final = wallet_addresses.c.id == bindparam("its_id")
_ADD: Final = prepared(insert(wallet_addresses), columns=tuple(WalletAddress.__dataclass_fields__))
# A statement for each set of columns that can change together.
_CHANGES: Final = {
    names: prepared(update(wallet_addresses).where(_IT), columns=names)
    for count in range(1, len(_CHANGEABLE) + 1)
    for names in combinations(_CHANGEABLE, count)
}
_DEACTIVATE_OF_TENANT: Final = prepared(
    update(wallet_addresses).where(
        wallet_addresses.c.tenant_id == bindparam("its_tenant"),
        or_(
            wallet_addresses.c.deactivated_at.is_(None),
            wallet_addresses.c.deactivated_at > bindparam("now"),
        ),
    ),
    columns=("deactivated_at",),
)
_USES_ASSET: Final = prepared(
    select(exists().where(wallet_addresses.c.asset_id == bindparam("asset")))
)
_ADD_KEY: Final = prepared(
    insert(wallet_address_keys), columns=tuple(WalletAddressKey.__dataclass_fields__)
)
_its_tenant = bindparam("its_tenant", type_=Uuid)
_REVOKE_KEY: Final = prepared(
    update(wallet_address_keys)
    .where(
        wallet_address_keys.c.id == bindparam("key_id"),
        wallet_address_keys.c.wallet_address_id == wallet_addresses.c.id,
        or_(_its_tenant.is_(None), wallet_addresses.c.tenant_id == _its_tenant),
    )
    .values(revoked=True)
    .returning(wallet_address_keys)
)
_WITH_KEYS: Final = select(wallet_addresses, _LIVE_KEYS.label("live_keys"))
_WITH_KEYS_BY_IDS: Final = prepared(
    _WITH_KEYS.where(wallet_addresses.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
)
_WITH_KEYS_BY_ADDRESS: Final = prepared(
    _WITH_KEYS.where(wallet_addresses.c.address == bindparam("its_address"))
)


def add(session: WriteSession, wallet_address: WalletAddress) -> None:
    """Insert a wallet address; AlreadyExists is raised when its URL is taken."""
    session.add(
        _ADD,
        _values(wallet_address, tuple(WalletAddress.__dataclass_fields__)),
        constraint="uq_wallet_addresses_address",
        refused=lambda: duplicate_wallet_address(wallet_address.address),
    )


async def with_keys(session: ReadSession, ids: Sequence[UUID]) -> list[WalletAddressWithKeys]:
    """Wallet addresses by id, with their keys."""
    rows = await session.execute(_WITH_KEYS_BY_IDS, {"ids": list(ids)})
    return [_with_keys(row) for row in rows.all()]


async def with_keys_by_address(session: ReadSession, address: str) -> WalletAddressWithKeys | None:
    """The wallet address at a canonical URL, with its keys."""
    rows = await session.execute(_WITH_KEYS_BY_ADDRESS, {"its_address": address})
    row = rows.one_or_none()
    return None if row is None else _with_keys(row)


async def foreign_below(session: ReadSession, base: str, tenant_id: UUID) -> UUID | None:
    """A wallet address of another tenant at a URL or below it."""
    address = wallet_addresses.c.address
    query = select(wallet_addresses.c.id).where(
        or_(address == base, func.starts_with(address, f"{base}/")),
        wallet_addresses.c.tenant_id != tenant_id,
    )
    found: UUID | None = await session.scalar(query.limit(1))
    return found


async def page(
    session: ReadSession, tenant_id: UUID | None, query: PageQuery
) -> Page[WalletAddress]:
    """A page of a tenant's wallet addresses, newest first."""
    statement = select(wallet_addresses)
    if tenant_id is not None:
        statement = statement.where(wallet_addresses.c.tenant_id == tenant_id)
    return await fetch_page(
        session, Listed(rows=statement, place=(wallet_addresses.c.id,)), query, _wallet_address
    )


def change(session: WriteSession, wallet_address: WalletAddress, *, names: Container[str]) -> None:
    """Write these columns of a wallet address, one at least; NotFound when it is gone."""
    columns = tuple(name for name in _CHANGEABLE if name in names)
    session.add(
        _CHANGES[columns],
        {"its_id": wallet_address.id, **_values(wallet_address, columns)},
        rows=1,
        refused=lambda: unknown_wallet_address(wallet_address.id),
    )


async def end_of_tenant(session: WriteSession, tenant_id: UUID, now: datetime) -> None:
    """Deactivate all wallet addresses of a tenant."""
    values = {"its_tenant": tenant_id, "now": now, "deactivated_at": now}
    session.add(_DEACTIVATE_OF_TENANT, values)


async def uses_asset(session: ReadSession, asset_id: UUID) -> bool:
    """Whether a wallet address is in this asset."""
    return bool((await session.execute(_USES_ASSET, {"asset": asset_id})).scalar_one())


def add_key(session: WriteSession, key: WalletAddressKey) -> None:
    """Bind a key; AlreadyExists is raised when a live key has this kid."""
    session.add(
        _ADD_KEY,
        {name: getattr(key, name) for name in WalletAddressKey.__dataclass_fields__},
        constraint="uq_wallet_address_keys_live_kid",
        refused=lambda: duplicate_key(key.kid),
    )


async def revoke_key(
    session: WriteSession, key_id: UUID, tenant_id: UUID | None
) -> WalletAddressKey | None:
    """Revoke a key of a tenant's (None: any) wallet address, and give it; None if there is none."""
    values = {"key_id": key_id, "its_tenant": tenant_id}
    row = (await session.execute(_REVOKE_KEY, values)).one_or_none()
    return None if row is None else _key(row)


async def key_page(
    session: ReadSession, wallet_address_id: UUID, query: PageQuery
) -> Page[WalletAddressKey]:
    """A page of a wallet address's keys, revoked ones too, newest first."""
    statement = select(wallet_address_keys).where(
        wallet_address_keys.c.wallet_address_id == wallet_address_id
    )
    listed = Listed(rows=statement, place=(wallet_address_keys.c.id,))
    return await fetch_page(session, listed, query, _key)


def _values(wallet_address: WalletAddress, names: Sequence[str]) -> dict[str, Any]:
    values = {name: getattr(wallet_address, name) for name in names}
    properties = wallet_address.additional_properties
    return values | {
        "additional_properties": [
            {"key": p.key, "value": p.value, "visible": p.visible} for p in properties
        ]
    }


def _with_keys(row: Row[Any]) -> WalletAddressWithKeys:
    fields = dict(row._mapping)  # noqa: SLF001 - public in SQLAlchemy
    live_keys = fields.pop("live_keys")
    found = _of_fields(fields)
    return WalletAddressWithKeys(
        found,
        tuple(
            WalletAddressKey(
                id=UUID(key["id"]),
                wallet_address_id=found.id,
                kid=key["kid"],
                x=key["x"],
                revoked=False,
                created_at=datetime.fromisoformat(key["created_at"]),
            )
            for key in live_keys
        ),
    )


def _wallet_address(row: Row[tuple[object, ...]]) -> WalletAddress:
    return _of_fields(dict(row._mapping))  # noqa: SLF001 - public in SQLAlchemy


def _of_fields(fields: dict[str, Any]) -> WalletAddress:
    properties = tuple(AdditionalProperty(**item) for item in fields["additional_properties"])
    return WalletAddress(**fields | {"additional_properties": properties})


def _key(row: Row[Any]) -> WalletAddressKey:
    return WalletAddressKey(**row._mapping)  # noqa: SLF001 - public in SQLAlchemy
