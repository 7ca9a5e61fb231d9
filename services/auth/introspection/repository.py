"""SQL for introspection: one statement, on the path of every Open Payments request."""

from datetime import datetime

from servicekit.database import ReadSession
from sqlalchemy import bindparam, select

from services.auth.grants.model import Finalization
from services.auth.grants.repository import client_of
from services.auth.grants.tables import grants
from services.auth.introspection.model import ActiveToken
from services.auth.tenants.tables import tenants
from services.auth.tokens.tables import access_tokens

# Built once: building it anew cost more than running it.
_FIND_ACTIVE = (
    select(
        grants.c.id,
        grants.c.tenant_id,
        grants.c.client_wallet_address,
        grants.c.client_jwk,
        grants.c.access,
    )
    .select_from(access_tokens)
    .join(grants, grants.c.id == access_tokens.c.grant_id)
    .join(tenants, tenants.c.id == grants.c.tenant_id)
    .where(
        access_tokens.c.value_hash == bindparam("value_hash"),
        access_tokens.c.revoked_at.is_(None),
        access_tokens.c.expires_at > bindparam("now"),
        grants.c.finalization_reason.is_(None)
        | (grants.c.finalization_reason == Finalization.ISSUED.value),
        tenants.c.deleted_at.is_(None),
    )
)


async def find_active(session: ReadSession, value_hash: bytes, now: datetime) -> ActiveToken | None:
    """A token that is neither expired nor revoked, of a live grant of a known tenant."""
    found = await session.execute(_FIND_ACTIVE, {"value_hash": value_hash, "now": now})
    row = found.one_or_none()
    if row is None:
        return None
    client = client_of(row.client_wallet_address, row.client_jwk)
    return ActiveToken(
        grant_id=row.id, tenant_id=row.tenant_id, client=client, access=tuple(row.access)
    )
