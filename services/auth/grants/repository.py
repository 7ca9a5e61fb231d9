"""SQL for grants.

Whoever changes a grant says which state it was seen in, in the statement that changes it: of two
that change it at once the second finds another state there, and looks again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ilpkit.gnap.client import Client, JwkClient, WalletAddressClient
from servicekit.commands import FactsChanged
from servicekit.database import ReadSession, WriteSession
from servicekit.page_queries import Listed, fetch_page
from servicekit.paging import Page, PageQuery
from servicekit.statements import prepared
from sqlalchemy import (
    DateTime,
    LargeBinary,
    Row,
    Text,
    Uuid,
    and_,
    bindparam,
    insert,
    literal,
    or_,
    select,
    update,
)

from services.auth.grants.model import Finalization, Finish, Grant, GrantState, NewGrant
from services.auth.grants.tables import grants

GRANT_COLUMNS = tuple(column for column in grants.c if column.name != "continue_token_hash")
IS_LIVE = or_(
    grants.c.finalization_reason.is_(None),
    grants.c.finalization_reason == Finalization.ISSUED.value,
)

_INSERT = prepared(
    insert(grants),
    columns=[c.name for c in grants.c if c.name not in ("finalization_reason", "continued_at")],
)
_ID = bindparam("its_id", type_=Uuid)
_IS_AS_SEEN = and_(
    grants.c.id == _ID,
    grants.c.state == bindparam("seen_state", type_=Text),
    grants.c.finalization_reason.is_not_distinct_from(bindparam("seen_reason", type_=Text)),
    grants.c.continued_at.is_not_distinct_from(
        bindparam("seen_continued_at", type_=DateTime(timezone=True))
    ),
)
_MOVE = prepared(
    update(grants)
    .where(_IS_AS_SEEN)
    .values(
        state=bindparam("new_state", type_=Text),
        finalization_reason=bindparam("new_reason", type_=Text),
    )
)
_POLLED = prepared(
    update(grants)
    .where(_IS_AS_SEEN)
    .values(continued_at=bindparam("now", type_=DateTime(timezone=True)))
)
_HOLD = prepared(
    select(literal(1))
    .select_from(grants)
    .where(grants.c.id == _ID, IS_LIVE)
    .with_for_update(key_share=True)
)
_GET = prepared(select(*GRANT_COLUMNS).where(grants.c.id == _ID))
_FIND_CONTINUABLE = prepared(
    select(*GRANT_COLUMNS).where(
        grants.c.continue_id == bindparam("its_continue_id", type_=Uuid),
        grants.c.continue_token_hash == bindparam("token_hash", type_=LargeBinary),
    )
)
_REVOKE_OF_TENANT = prepared(
    update(grants)
    .where(grants.c.tenant_id == bindparam("its_tenant_id", type_=Uuid), IS_LIVE)
    .values(state=GrantState.FINALIZED.value, finalization_reason=Finalization.REVOKED.value)
)


def add(session: WriteSession, grant: NewGrant) -> None:
    """Insert a grant."""
    client = grant.client
    wallet_address = client.url if isinstance(client, WalletAddressClient) else None
    values = {
        "id": grant.id,
        "tenant_id": grant.tenant_id,
        "client_wallet_address": wallet_address,
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
    }
    session.add(_INSERT, values)


async def get(session: ReadSession, grant_id: UUID, tenant_id: UUID | None) -> Grant | None:
    """One grant of a tenant; None as the tenant means any."""
    grant = grant_or_none((await session.execute(_GET, {"its_id": grant_id})).one_or_none())
    return None if grant is None or tenant_id not in (None, grant.tenant_id) else grant


async def find_continuable(
    session: ReadSession, continue_id: UUID, token_hash: bytes
) -> Grant | None:
    """The grant with this continue id and token, in whatever state."""
    values = {"its_continue_id": continue_id, "token_hash": token_hash}
    return grant_or_none((await session.execute(_FIND_CONTINUABLE, values)).one_or_none())


def move(
    session: WriteSession,
    grant: Grant,
    state: GrantState,
    finalization: Finalization | None = None,
) -> None:
    """Move a grant to another state; raises FactsChanged if it is no longer as `grant` says."""
    assert grant.allows(state, finalization)
    values = {"new_state": state.value, "new_reason": finalization}
    session.add(_MOVE, {**_seen(grant), **values}, rows=1, refused=FactsChanged)


def set_polled(session: WriteSession, grant: Grant, now: datetime) -> None:
    """Remember when the client polled; raises FactsChanged like `move`."""
    session.add(_POLLED, {**_seen(grant), "now": now}, rows=1, refused=FactsChanged)


def hold_live(session: WriteSession, grant_id: UUID) -> None:
    """Raise FactsChanged unless a grant is live, and keep it so until the transaction ends."""
    session.add(_HOLD, {"its_id": grant_id}, rows=1, refused=FactsChanged)


def revoke_of_tenant(session: WriteSession, tenant_id: UUID) -> None:
    """Revoke all grants of a tenant that are not final for another reason."""
    session.add(_REVOKE_OF_TENANT, {"its_tenant_id": tenant_id})


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


def _seen(grant: Grant) -> dict[str, Any]:
    return {
        "its_id": grant.id,
        "seen_state": grant.state.value,
        "seen_reason": grant.finalization,
        "seen_continued_at": grant.continued_at,
    }
