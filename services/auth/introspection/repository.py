"""SQL for introspection: one statement, on the path of every Open Payments request."""

from datetime import datetime

from servicekit.database import ReadSession
from servicekit.statements import prepared
from sqlalchemy import DateTime, LargeBinary, bindparam, select

from services.auth.grants.repository import IS_LIVE, client_of
from services.auth.grants.tables import grants
from services.auth.introspection.model import ActiveToken
from services.auth.tenants.tables import tenants
from services.auth.tokens.tables import access_tokens

_FIND_ACTIVE = prepared(
    select(
        grants.c.id,
        grants.c.tenant_id,
        grants.c.client_wallet_address,
        grants.c.client_jwk,
        grants.c.access,
        access_tokens.c.expires_at,
    )
    .select_from(access_tokens)
    .join(grants, grants.c.id == access_tokens.c.grant_id)
    .join(tenants, tenants.c.id == grants.c.tenant_id)
    .where(
        access_tokens.c.value_hash == bindparam("its_hash", type_=LargeBinary),
        access_tokens.c.revoked_at.is_(None),
        access_tokens.c.expires_at > bindparam("now", type_=DateTime(timezone=True)),
        IS_LIVE,
        tenants.c.deleted_at.is_(None),
    )
)


async def find_active(session: ReadSession, value_hash: bytes, now: datetime) -> ActiveToken | None:
    """A token that is neither expired nor revoked, of a live grant of a known tenant."""
    found = await session.execute(_FIND_ACTIVE, {"its_hash": value_hash, "now": now})
    row = found.one_or_none()
    if row is None:
        return None
    client = client_of(row.client_wallet_address, row.client_jwk)
    return ActiveToken(
        grant_id=row.id,
        tenant_id=row.tenant_id,
        client=client,
        access=tuple(row.access),
        expires_at=row.expires_at,
    )
