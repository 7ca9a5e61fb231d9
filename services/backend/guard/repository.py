"""SQL for the guard: whose resource a request is about."""

from uuid import UUID

from servicekit.database import ReadSession
from sqlalchemy import select

from services.backend.incoming_payments.tables import incoming_payments
from services.backend.outgoing_payments.tables import outgoing_payments
from services.backend.quotes.tables import quotes
from services.backend.wallet_addresses.tables import wallet_addresses

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
