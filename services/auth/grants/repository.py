"""SQL for grants.

A grant's row is the mutex of all that hangs on it: whoever changes a grant, its interaction or its
tokens locks the row first and reads the rest afterwards, so two continuations can't both win.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.database import ReadSession, WriteSession
from servicekit.page_queries import Listed, fetch_page
from servicekit.paging import Page, PageQuery
from sqlalchemy import ColumnElement, Row, insert, select, update

from services.auth.clients.model import Client, JwkClient, WalletAddressClient
from services.auth.grants.model import Finalization, Finish, Grant, GrantState, NewGrant
from services.auth.grants.tables import grants

GRANT_COLUMNS = tuple(column for column in grants.c if column.name != "continue_token_hash")

_INSERT = insert(grants)


async def add(session: WriteSession, grant: NewGrant) -> None:
    """Insert a grant."""
    client = grant.client
    await session.execute(
        _INSERT,
        {
            "id": grant.id,
            "tenant_id": grant.tenant_id,
            "client_wallet_address": client.url
            if isinstance(client, WalletAddressClient)
            else None,
            "client_jwk": dict(client.jwk) if isinstance(client, JwkClient) else None,
            "client_name": grant.client_name,
            "access": [dict(item) for item in grant.access],
            "identifiers": sorted({i["identifier"] for i in grant.access if "identifier" in i}),
            "subject_ids": [dict(item) for item in grant.subject_ids],
            "state": grant.state.value,
            "interactive": grant.interactive,
            "finish_uri": None if grant.finish is None else grant.finish.uri,
            "finish_nonce": None if grant.finish is None else grant.finish.nonce,
            "continue_id": grant.continue_id,
            "continue_token_hash": grant.continue_token_hash,
            "created_at": grant.created_at,
        },
    )


async def get(session: ReadSession, grant_id: UUID, tenant_id: UUID | None) -> Grant | None:
    """One grant of a tenant; None as the tenant means any."""
    query = select(*GRANT_COLUMNS).where(grants.c.id == grant_id)
    if tenant_id is not None:
        query = query.where(grants.c.tenant_id == tenant_id)
    return grant_or_none((await session.execute(query)).one_or_none())


async def find_continuable(
    session: ReadSession, continue_id: UUID, token_hash: bytes
) -> Grant | None:
    """The grant with this continue id and token, in whatever state."""
    query = select(*GRANT_COLUMNS).where(*_continuable(continue_id, token_hash))
    return grant_or_none((await session.execute(query)).one_or_none())


async def lock_continuable(
    session: WriteSession, continue_id: UUID, token_hash: bytes
) -> Grant | None:
    """The same, locked until the transaction ends."""
    query = select(*GRANT_COLUMNS).where(*_continuable(continue_id, token_hash)).with_for_update()
    return grant_or_none((await session.execute(query)).one_or_none())


async def lock(
    session: WriteSession, grant_id: UUID, tenant_id: UUID | None = None
) -> Grant | None:
    """One grant of a tenant, locked; None as the tenant means any."""
    query = select(*GRANT_COLUMNS).where(grants.c.id == grant_id).with_for_update()
    if tenant_id is not None:
        query = query.where(grants.c.tenant_id == tenant_id)
    return grant_or_none((await session.execute(query)).one_or_none())


async def set_state(
    session: WriteSession, grant_id: UUID, state: GrantState, finalization: Finalization | None
) -> None:
    """Move a grant; its row must be locked."""
    values = {"state": state.value, "finalization_reason": finalization}
    await session.execute(update(grants).where(grants.c.id == grant_id).values(values))


async def set_polled(session: WriteSession, grant_id: UUID, now: datetime) -> None:
    """Remember when the client polled; the grant's row must be locked."""
    await session.execute(update(grants).where(grants.c.id == grant_id).values(continued_at=now))


async def revoke_of_tenant(session: WriteSession, tenant_id: UUID) -> None:
    """Revoke all grants of a tenant that are not final for another reason."""
    await session.execute(
        update(grants)
        .where(
            grants.c.tenant_id == tenant_id,
            grants.c.finalization_reason.is_(None)
            | (grants.c.finalization_reason == Finalization.ISSUED.value),
        )
        .values(state=GrantState.FINALIZED.value, finalization_reason=Finalization.REVOKED.value)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantFilter:
    """What an administrator's list holds; what is empty or None does not restrict it."""

    tenant_id: UUID | None
    identifiers: tuple[str, ...] = ()
    states: tuple[GrantState, ...] = ()


async def page(session: ReadSession, wanted: GrantFilter, query: PageQuery) -> Page[Grant]:
    """A page of grants, newest first unless asked for otherwise."""
    statement = select(*GRANT_COLUMNS)
    if wanted.tenant_id is not None:
        statement = statement.where(grants.c.tenant_id == wanted.tenant_id)
    if wanted.identifiers:
        statement = statement.where(grants.c.identifiers.overlap(list(wanted.identifiers)))
    if wanted.states:
        statement = statement.where(grants.c.state.in_([state.value for state in wanted.states]))
    listed = Listed(rows=statement, place=(grants.c.id,))
    return await fetch_page(session, listed, query, grant_of)


def client_of(wallet_address: str | None, jwk: dict[str, Any] | None) -> Client:
    """The client that a row names."""
    if wallet_address is not None:
        return WalletAddressClient(wallet_address)
    return JwkClient(jwk or {})


def grant_or_none(row: Row[Any] | None) -> Grant | None:
    """The grant of a row that may be missing."""
    return None if row is None else grant_of(row)


def grant_of(row: Row[Any]) -> Grant:
    """The grant of a row that has GRANT_COLUMNS."""
    finish = None if row.finish_uri is None else Finish(uri=row.finish_uri, nonce=row.finish_nonce)
    reason = row.finalization_reason
    return Grant(
        id=row.id,
        tenant_id=row.tenant_id,
        client=client_of(row.client_wallet_address, row.client_jwk),
        client_name=row.client_name,
        access=tuple(row.access),
        subject_ids=tuple(row.subject_ids),
        state=GrantState(row.state),
        finalization=None if reason is None else Finalization(reason),
        interactive=row.interactive,
        finish=finish,
        continue_id=row.continue_id,
        created_at=row.created_at,
        continued_at=row.continued_at,
    )


def _continuable(continue_id: UUID, token_hash: bytes) -> tuple[ColumnElement[bool], ...]:
    return (grants.c.continue_id == continue_id, grants.c.continue_token_hash == token_hash)
