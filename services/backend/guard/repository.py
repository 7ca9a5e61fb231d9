"""SQL for the guard: whose resource a request is about."""

from uuid import UUID

from servicekit.database import ReadSession
from sqlalchemy import select

from services.backend.incoming_payments.tables import incoming_payments
from services.backend.outgoing_payments.tables import outgoing_payments
from services.backend.quotes.tables import quotes
from services.backend.wallet_addresses.tables import wallet_addresses

_TABLES = {
    "incoming-payments": incoming_payments,
    "outgoing-payments": outgoing_payments,
    "quotes": quotes,
}


async def wallet_address_of(session: ReadSession, collection: str, resource_id: UUID) -> str | None:
    """The wallet address that a resource belongs to, or None when there is no such resource."""
    table = _TABLES[collection]
    query = (
        select(wallet_addresses.c.address)
        .join(table, table.c.wallet_address_id == wallet_addresses.c.id)
        .where(table.c.id == resource_id)
    )
    address: str | None = (await session.execute(query)).scalar_one_or_none()
    return address
