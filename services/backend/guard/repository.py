"""SQL for the guard: whose resource a request is about."""

from dataclasses import dataclass
from uuid import UUID

from servicekit.database import Database
from servicekit.statements import prepared
from sqlalchemy import Uuid, bindparam, select

from services.backend.incoming_payments.tables import incoming_payments
from services.backend.outgoing_payments.tables import outgoing_payments
from services.backend.quotes.tables import quotes
from services.backend.wallet_addresses.tables import wallet_addresses

_OWNERS = {
    access_type: prepared(
        select(wallet_addresses.c.tenant_id, wallet_addresses.c.address)
        .join(table, table.c.wallet_address_id == wallet_addresses.c.id)
        .where(table.c.id == bindparam("its_id", type_=Uuid))
    )
    for access_type, table in (
        ("incoming-payment", incoming_payments),
        ("outgoing-payment", outgoing_payments),
        ("quote", quotes),
    )
}


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has a resource."""

    tenant_id: UUID
    wallet_address: str


async def owner_of(database: Database, access_type: str, resource_id: UUID) -> Owner | None:
    """Who has a payment or quote; None when there is none."""
    async with database.read() as session:
        found = await session.execute(_OWNERS[access_type], {"its_id": resource_id})
    row = found.one_or_none()
    return None if row is None else Owner(row.tenant_id, row.address)
