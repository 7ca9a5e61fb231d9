"""SQL for the guard: whose resource and whose wallet address a request is about."""

from uuid import UUID

from servicekit.database import ReadSession
from sqlalchemy import and_, select

from services.backend.incoming_payments.tables import incoming_payments
from services.backend.outgoing_payments.tables import outgoing_payments
from services.backend.quotes.tables import quotes
from services.backend.tenants.tables import tenants
from services.backend.wallet_addresses.tables import wallet_address_keys, wallet_addresses

_TABLES = {
    "incoming-payment": incoming_payments,
    "outgoing-payment": outgoing_payments,
    "quote": quotes,
}


async def wallet_address_of(
    session: ReadSession, tenant_id: UUID, access_type: str, resource_id: UUID
) -> str | None:
    """The wallet address that a tenant's resource belongs to; None when it has no such resource."""
    table = _TABLES[access_type]
    query = (
        select(wallet_addresses.c.address)
        .join(table, table.c.wallet_address_id == wallet_addresses.c.id)
        .where(table.c.id == resource_id, wallet_addresses.c.tenant_id == tenant_id)
    )
    address: str | None = (await session.execute(query)).scalar_one_or_none()
    return address


async def find_tenant(
    session: ReadSession, tenant_id: UUID, wallet_address: str | None
) -> tuple[UUID | None] | None:
    """None when the tenant is unknown or deleted, else whom the canonical wallet address is of.

    That is one statement, as every guarded request asks it.
    """
    owner = (
        select(wallet_addresses.c.tenant_id)
        .where(wallet_addresses.c.address == wallet_address)
        .scalar_subquery()
    )
    query = select(owner).where(tenants.c.id == tenant_id, tenants.c.deleted_at.is_(None))
    row = (await session.execute(query.select_from(tenants))).one_or_none()
    return None if row is None else (row[0],)


async def key_set_of(session: ReadSession, address: str) -> dict[str, object] | None:
    """The JWK set of one of our own wallet addresses; None when it is not ours."""
    query = (
        select(wallet_address_keys.c.kid, wallet_address_keys.c.x)
        .select_from(wallet_addresses)
        .outerjoin(
            wallet_address_keys,
            and_(
                wallet_address_keys.c.wallet_address_id == wallet_addresses.c.id,
                wallet_address_keys.c.revoked.is_(False),
            ),
        )
        .where(wallet_addresses.c.address == address)
    )
    rows = (await session.execute(query)).all()
    if not rows:
        return None
    fixed = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA"}
    return {"keys": [{"kid": row.kid, "x": row.x, **fixed} for row in rows if row.kid]}
