"""SQL for peers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.database import ReadSession, WriteSession
from servicekit.page_queries import Listed, fetch_page
from servicekit.paging import Page, PageQuery
from servicekit.statements import prepared
from sqlalchemy import (
    LargeBinary,
    Row,
    String,
    Uuid,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from services.backend.peers.errors import duplicate_peer
from services.backend.peers.model import Peer, PeerWithTokens, token_sha256
from services.backend.peers.tables import peer_tokens, peers

_COLUMNS = [column for column in peers.c if column.name != "deleted_at"]
_TOKENS = func.array(
    select(peer_tokens.c.token_sha256).where(peer_tokens.c.peer_id == peers.c.id).scalar_subquery(),
    type_=ARRAY(LargeBinary),
).label("tokens")
_WITH_TOKENS = select(*_COLUMNS, _TOKENS).where(peers.c.deleted_at.is_(None))
_LOAD_ALL = prepared(_WITH_TOKENS)
_LOAD = prepared(_WITH_TOKENS.where(peers.c.id == bindparam("peer_id")))
_UNIQUE_ADDRESS = "uq_peers_tenant_asset_address"
_CHANGEABLE = tuple(
    name
    for name in Peer.__dataclass_fields__
    if name not in {"id", "tenant_id", "asset_id", "created_at"}
)
_ALIVE = (peers.c.id == bindparam("peer_id")) & peers.c.deleted_at.is_(None)
_ADD = prepared(insert(peers), columns=tuple(Peer.__dataclass_fields__))
_CHANGE = prepared(update(peers).where(_ALIVE), columns=_CHANGEABLE)
_LOCK = prepared(select(*_COLUMNS).where(_ALIVE).with_for_update())
_DELETE = prepared(update(peers).where(_ALIVE), columns=("deleted_at",))
_DELETE_OF_TENANT = prepared(
    update(peers).where(peers.c.tenant_id == bindparam("its_tenant"), peers.c.deleted_at.is_(None)),
    columns=("deleted_at",),
)
_ADD_TOKENS = prepared(
    insert(peer_tokens).from_select(
        ["token_sha256", "peer_id"],
        select(
            func.unnest(bindparam("hashes", type_=ARRAY(LargeBinary))),
            bindparam("peer_id", type_=Uuid),
        ),
    )
)
_FORGET_TOKENS = prepared(delete(peer_tokens).where(peer_tokens.c.peer_id == bindparam("its_peer")))
_USES_ASSET = prepared(
    select(exists().where(peers.c.asset_id == bindparam("asset"), peers.c.deleted_at.is_(None)))
)


async def load_all(session: ReadSession) -> list[PeerWithTokens]:
    """Every peer that is not deleted."""
    return [_peer_with_tokens(row) for row in (await session.execute(_LOAD_ALL)).all()]


async def load(session: ReadSession, peer_id: UUID) -> PeerWithTokens | None:
    """One peer that is not deleted."""
    row = (await session.execute(_LOAD, {"peer_id": peer_id})).one_or_none()
    return None if row is None else _peer_with_tokens(row)


def add(session: WriteSession, peer: Peer) -> None:
    """Insert a peer; AlreadyExists is raised when its address is taken."""
    session.add(_ADD, _values(peer), constraint=_UNIQUE_ADDRESS, refused=duplicate_peer)


def add_tokens(session: WriteSession, peer_id: UUID, tokens: Sequence[str]) -> None:
    """Insert a peer's incoming tokens; AlreadyExists is raised when one of them is taken."""
    if tokens:
        hashes = [token_sha256(token) for token in tokens]
        values = {"hashes": hashes, "peer_id": peer_id}
        session.add(_ADD_TOKENS, values, constraint="pk_peer_tokens", refused=duplicate_peer)


async def find(
    session: ReadSession, tenant_id: UUID, static_ilp_address: str, asset_id: UUID
) -> Peer | None:
    """A tenant's peer by ILP address and asset."""
    query = select(*_COLUMNS).where(
        peers.c.tenant_id == tenant_id,
        peers.c.static_ilp_address == static_ilp_address,
        peers.c.asset_id == asset_id,
        peers.c.deleted_at.is_(None),
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else _peer(row)


async def overlapping(session: ReadSession, address: str) -> list[tuple[UUID, str]]:
    """Tenants and prefixes of peers that are this address, or lie above or below it."""
    prefix = func.unnest(func.array_append(peers.c.routes, peers.c.static_ilp_address))
    all_of_them = (
        select(peers.c.tenant_id, prefix.label("prefix"))
        .where(peers.c.deleted_at.is_(None))
        .subquery()
    )
    column = all_of_them.c.prefix
    query = select(all_of_them).where(
        or_(
            column == address,
            column == "",
            func.starts_with(column, f"{address}."),
            func.starts_with(literal(address, String), column.concat(".")),
        )
    )
    return [(row.tenant_id, row.prefix) for row in (await session.execute(query)).all()]


async def page(session: ReadSession, tenant_id: UUID | None, query: PageQuery) -> Page[Peer]:
    """A page of a tenant's peers, newest first."""
    statement = select(*_COLUMNS).where(peers.c.deleted_at.is_(None))
    if tenant_id is not None:
        statement = statement.where(peers.c.tenant_id == tenant_id)
    return await fetch_page(session, Listed(rows=statement, place=(peers.c.id,)), query, _peer)


async def lock(session: WriteSession, peer_id: UUID, tenant_id: UUID | None) -> Peer | None:
    """One peer of a tenant (None: any), held until the transaction ends."""
    row = (await session.execute(_LOCK, {"peer_id": peer_id})).one_or_none()
    peer = None if row is None else _peer(row)
    return peer if peer is not None and tenant_id in {None, peer.tenant_id} else None


def change(session: WriteSession, peer: Peer) -> None:
    """Write a peer's fields; AlreadyExists is raised when its new address is taken."""
    values = {name: _values(peer)[name] for name in _CHANGEABLE}
    session.add(
        _CHANGE,
        {"peer_id": peer.id, **values},
        constraint=_UNIQUE_ADDRESS,
        refused=duplicate_peer,
    )


async def forget_tokens(session: WriteSession, peer_id: UUID) -> None:
    """Delete a peer's incoming tokens; others may be inserted after this."""
    await session.execute(_FORGET_TOKENS, {"its_peer": peer_id})


def mark_deleted(session: WriteSession, peer_id: UUID, now: datetime) -> None:
    """Mark a peer as deleted; its ledger account stays."""
    session.add(_DELETE, {"peer_id": peer_id, "deleted_at": now})


async def end_of_tenant(session: WriteSession, tenant_id: UUID, now: datetime) -> None:
    """Mark all peers of a tenant as deleted."""
    session.add(_DELETE_OF_TENANT, {"its_tenant": tenant_id, "deleted_at": now})


async def uses_asset(session: ReadSession, asset_id: UUID) -> bool:
    """Whether a peer is in this asset."""
    return bool((await session.execute(_USES_ASSET, {"asset": asset_id})).scalar_one())


def _values(peer: Peer) -> dict[str, Any]:
    values = {name: getattr(peer, name) for name in Peer.__dataclass_fields__}
    return values | {"routes": list(peer.routes)}


def _peer_with_tokens(row: Row[Any]) -> PeerWithTokens:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    tokens = tuple(bytes(token) for token in fields.pop("tokens"))
    return PeerWithTokens(Peer(**fields | {"routes": tuple(fields["routes"])}), tokens)


def _peer(row: Row[tuple[object, ...]]) -> Peer:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    fields["routes"] = tuple(fields["routes"])
    return Peer(**fields)
