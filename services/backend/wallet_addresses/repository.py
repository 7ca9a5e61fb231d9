"""SQL for wallet addresses and their keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
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
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.exc import IntegrityError

from services.backend.wallet_addresses.errors import duplicate_key, duplicate_wallet_address
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
_WITH_KEYS: Final = select(wallet_addresses, _LIVE_KEYS.label("live_keys"))
_WITH_KEYS_BY_IDS: Final = prepared(
    _WITH_KEYS.where(wallet_addresses.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
)
_WITH_KEYS_BY_ADDRESS: Final = prepared(
    _WITH_KEYS.where(wallet_addresses.c.address == bindparam("its_address"))
)


async def add(session: WriteSession, wallet_address: WalletAddress) -> None:
    """Insert a wallet address; raises AlreadyExists when its URL is taken."""
    values = {name: getattr(wallet_address, name) for name in WalletAddress.__dataclass_fields__}
    values["additional_properties"] = properties_json(wallet_address.additional_properties)
    try:
        await session.execute(insert(wallet_addresses).values(values))
    except IntegrityError:
        raise duplicate_wallet_address(wallet_address.address) from None


async def get(
    session: ReadSession, wallet_address_id: UUID, tenant_id: UUID | None
) -> WalletAddress | None:
    """One wallet address of a tenant; None as the tenant means any."""
    query = select(wallet_addresses).where(wallet_addresses.c.id == wallet_address_id)
    if tenant_id is not None:
        query = query.where(wallet_addresses.c.tenant_id == tenant_id)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else _wallet_address(row)


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


async def change(session: WriteSession, wallet_address_id: UUID, values: Mapping[str, Any]) -> None:
    """Set some columns."""
    where = wallet_addresses.c.id == wallet_address_id
    await session.execute(update(wallet_addresses).where(where).values(values))


async def add_key(session: WriteSession, key: WalletAddressKey) -> None:
    """Bind a key; raises AlreadyExists when a live key has this kid."""
    values = {name: getattr(key, name) for name in WalletAddressKey.__dataclass_fields__}
    try:
        await session.execute(insert(wallet_address_keys).values(values))
    except IntegrityError:
        raise duplicate_key(key.kid) from None


async def get_key(
    session: ReadSession, key_id: UUID, tenant_id: UUID | None
) -> WalletAddressKey | None:
    """One key of a tenant's wallet address; None as the tenant means any."""
    query = select(wallet_address_keys).where(wallet_address_keys.c.id == key_id)
    if tenant_id is not None:
        query = query.join(wallet_addresses).where(wallet_addresses.c.tenant_id == tenant_id)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else _key(row)


async def revoke_key(session: WriteSession, key_id: UUID) -> None:
    """Revoke a key."""
    where = wallet_address_keys.c.id == key_id
    await session.execute(update(wallet_address_keys).where(where).values(revoked=True))


async def key_page(
    session: ReadSession, wallet_address_id: UUID, query: PageQuery
) -> Page[WalletAddressKey]:
    """A page of a wallet address's keys, revoked ones too, newest first."""
    statement = select(wallet_address_keys).where(
        wallet_address_keys.c.wallet_address_id == wallet_address_id
    )
    listed = Listed(rows=statement, place=(wallet_address_keys.c.id,))
    return await fetch_page(session, listed, query, _key)


def properties_json(properties: Sequence[AdditionalProperty]) -> list[dict[str, Any]]:
    """As the column keeps them."""
    return [{"key": p.key, "value": p.value, "visible": p.visible} for p in properties]


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
