"""SQL for peers."""

from collections.abc import Mapping, Sequence
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
    bindparam,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError

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


async def load_all(session: ReadSession) -> list[PeerWithTokens]:
    """Every peer that is not deleted."""
    return [_peer_with_tokens(row) for row in (await session.execute(_LOAD_ALL)).all()]


async def load(session: ReadSession, peer_id: UUID) -> PeerWithTokens | None:
    """One peer that is not deleted."""
    row = (await session.execute(_LOAD, {"peer_id": peer_id})).one_or_none()
    return None if row is None else _peer_with_tokens(row)


async def add(session: WriteSession, peer: Peer, incoming_tokens: Sequence[str]) -> None:
    """Insert a peer; raises AlreadyExists when its address or a token is taken."""
    values = {name: getattr(peer, name) for name in Peer.__dataclass_fields__}
    values["routes"] = list(peer.routes)
    try:
        await session.execute(insert(peers).values(values))
    except IntegrityError:
        raise duplicate_peer() from None
    await _add_tokens(session, peer.id, incoming_tokens)


async def get(session: ReadSession, peer_id: UUID, tenant_id: UUID | None) -> Peer | None:
    """One peer of a tenant; None as the tenant means any."""
    query = select(*_COLUMNS).where(peers.c.id == peer_id, peers.c.deleted_at.is_(None))
    if tenant_id is not None:
        query = query.where(peers.c.tenant_id == tenant_id)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else _peer(row)


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


async def change(session: WriteSession, peer_id: UUID, values: Mapping[str, Any]) -> None:
    """Set some columns; raises AlreadyExists when the new address is taken."""
    try:
        await session.execute(update(peers).where(peers.c.id == peer_id).values(values))
    except IntegrityError:
        raise duplicate_peer() from None


async def replace_tokens(session: WriteSession, peer_id: UUID, tokens: Sequence[str]) -> None:
    """Replace a peer's incoming tokens."""
    await session.execute(delete(peer_tokens).where(peer_tokens.c.peer_id == peer_id))
    await _add_tokens(session, peer_id, tokens)


async def mark_deleted(session: WriteSession, peer_id: UUID, now: datetime) -> None:
    """Mark a peer as deleted and forget its tokens; its ledger account stays."""
    await session.execute(update(peers).where(peers.c.id == peer_id).values(deleted_at=now))
    await session.execute(delete(peer_tokens).where(peer_tokens.c.peer_id == peer_id))


async def _add_tokens(session: WriteSession, peer_id: UUID, tokens: Sequence[str]) -> None:
    rows = [{"token_sha256": token_sha256(token), "peer_id": peer_id} for token in tokens]
    if not rows:
        return
    try:
        await session.execute(insert(peer_tokens).values(rows))
    except IntegrityError:
        raise duplicate_peer() from None


def _peer_with_tokens(row: Row[Any]) -> PeerWithTokens:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    tokens = tuple(bytes(token) for token in fields.pop("tokens"))
    return PeerWithTokens(Peer(**fields | {"routes": tuple(fields["routes"])}), tokens)


def _peer(row: Row[tuple[object, ...]]) -> Peer:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    fields["routes"] = tuple(fields["routes"])
    return Peer(**fields)
