"""SQL over incoming and outgoing payments together."""

from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from servicekit.database import ReadSession
from sqlalchemy import Row, Select, Table, literal, select, union_all

from services.backend.incoming_payments.tables import incoming_payments
from services.backend.outgoing_payments.tables import outgoing_payments
from services.backend.paging import Page, PageQuery, fetch_page


class Kind(StrEnum):
    """Which way the money goes."""

    INCOMING = "INCOMING"
    OUTGOING = "OUTGOING"


class PaymentKey(NamedTuple):
    """A payment of either kind."""

    id: UUID
    kind: Kind


async def page(
    session: ReadSession,
    query: PageQuery,
    *,
    tenant_id: UUID | None,
    wallet_address_id: UUID | None,
) -> Page[PaymentKey]:
    """A page of payments of both kinds, newest first.

    Ids are ordered by time, an outgoing payment's by its quote's, so one order holds for both.
    """
    both = union_all(
        _keys(incoming_payments, Kind.INCOMING, tenant_id, wallet_address_id),
        _keys(outgoing_payments, Kind.OUTGOING, tenant_id, wallet_address_id),
    ).subquery("payments")
    statement = select(both.c.id, both.c.kind)
    return await fetch_page(session, statement, both.c.id, query, _key)


def _keys(
    table: Table, kind: Kind, tenant_id: UUID | None, wallet_address_id: UUID | None
) -> Select[Any]:
    keys = select(table.c.id, literal(kind.value).label("kind"))
    if tenant_id is not None:
        keys = keys.where(table.c.tenant_id == tenant_id)
    if wallet_address_id is not None:
        keys = keys.where(table.c.wallet_address_id == wallet_address_id)
    return keys


def _key(row: Row[Any]) -> PaymentKey:
    return PaymentKey(row.id, Kind(row.kind))
