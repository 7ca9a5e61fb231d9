"""SQL for interactions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.commands import FactsChanged
from servicekit.database import ReadSession, WriteSession
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
    select,
    update,
)

from services.auth.grants.model import Grant
from services.auth.grants.repository import GRANT_COLUMNS, grant_of
from services.auth.grants.tables import grants
from services.auth.interactions.model import FoundInteraction, Interaction, InteractionState
from services.auth.interactions.tables import interactions
from services.auth.tenants.model import Tenant
from services.auth.tenants.tables import tenants

_INTERACTION = tuple(
    interactions.c[name].label(f"interaction_{name}")
    for name in ("id", "nonce", "ref", "state", "created_at", "expires_at")
)
_INSERT = prepared(
    insert(interactions), columns=[c.name for c in interactions.c if c.name != "decided_at"]
)
_FIND = prepared(
    select(
        *GRANT_COLUMNS,
        *_INTERACTION,
        tenants.c.id.label("found_tenant_id"),
        tenants.c.idp_consent_url,
        tenants.c.idp_secret_hash,
        tenants.c.wallet_address_url,
    )
    .select_from(interactions)
    .join(grants, grants.c.id == interactions.c.grant_id)
    .outerjoin(tenants, and_(tenants.c.id == grants.c.tenant_id, tenants.c.deleted_at.is_(None)))
    .where(
        interactions.c.id == bindparam("its_id", type_=Uuid),
        interactions.c.nonce == bindparam("its_nonce", type_=Text),
    )
)
_FIND_CONTINUABLE = prepared(
    select(*GRANT_COLUMNS, *_INTERACTION)
    .select_from(grants)
    .outerjoin(interactions, interactions.c.grant_id == grants.c.id)
    .where(
        grants.c.continue_id == bindparam("its_continue_id", type_=Uuid),
        grants.c.continue_token_hash == bindparam("token_hash", type_=LargeBinary),
    )
)
_DECIDE = prepared(
    update(interactions)
    .where(
        interactions.c.id == bindparam("its_id", type_=Uuid),
        interactions.c.state == InteractionState.PENDING.value,
    )
    .values(
        state=bindparam("new_state", type_=Text),
        decided_at=bindparam("now", type_=DateTime(timezone=True)),
    )
)


def add(session: WriteSession, interaction: Interaction) -> None:
    """Insert a pending interaction."""
    values = {name: getattr(interaction, name) for name in Interaction.__dataclass_fields__}
    session.add(_INSERT, {**values, "state": interaction.state.value})


async def find(session: ReadSession, interaction_id: UUID, nonce: str) -> FoundInteraction | None:
    """The interaction with this id and nonce."""
    values = {"its_id": interaction_id, "its_nonce": nonce}
    row: Any = (await session.execute(_FIND, values)).one_or_none()
    if row is None:
        return None
    return FoundInteraction(
        interaction=_interaction_of(row), grant=grant_of(row), tenant=_tenant_of(row)
    )


async def find_continuable(
    session: ReadSession, continue_id: UUID, token_hash: bytes
) -> tuple[Grant, Interaction | None] | None:
    """The grant with this continue id and token, with its interaction if it has one."""
    values = {"its_continue_id": continue_id, "token_hash": token_hash}
    row: Any = (await session.execute(_FIND_CONTINUABLE, values)).one_or_none()
    if row is None:
        return None
    return grant_of(row), None if row.interaction_id is None else _interaction_of(row)


def decide(
    session: WriteSession, interaction_id: UUID, state: InteractionState, now: datetime
) -> None:
    """Record the user's decision; raises FactsChanged when another one was recorded."""
    values = {"its_id": interaction_id, "new_state": state.value, "now": now}
    session.add(_DECIDE, values, rows=1, refused=FactsChanged)


def _interaction_of(row: Row[Any]) -> Interaction:
    return Interaction(
        id=row.interaction_id,
        grant_id=row.id,
        nonce=row.interaction_nonce,
        ref=row.interaction_ref,
        state=InteractionState(row.interaction_state),
        created_at=row.interaction_created_at,
        expires_at=row.interaction_expires_at,
    )


def _tenant_of(row: Row[Any]) -> Tenant | None:
    if row.found_tenant_id is None:
        return None
    return Tenant(
        id=row.found_tenant_id,
        idp_consent_url=row.idp_consent_url,
        idp_secret_hash=row.idp_secret_hash,
        wallet_address_url=row.wallet_address_url,
    )
