"""SQL over incoming and outgoing payments together."""

from collections.abc import Mapping
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
    Each kind is cut to a page of its own first: Postgres would sort all of both otherwise.
    """
    of_these = {"tenant_id": tenant_id, "wallet_address_id": wallet_address_id}
    both = union_all(
        _keys(incoming_payments, Kind.INCOMING, query, of_these),
        _keys(outgoing_payments, Kind.OUTGOING, query, of_these),
    ).subquery("payments")
    statement = select(both.c.id, both.c.kind)
    return await fetch_page(session, statement, both.c.id, query, _key)


def _keys(
    table: Table, kind: Kind, query: PageQuery, of_these: Mapping[str, UUID | None]
) -> Select[Any]:
    column = table.c.id
    keys = select(column, literal(kind.value).label("kind"))
    for name, wanted in of_these.items():
        if wanted is not None:
            keys = keys.where(table.c[name] == wanted)
    if query.cursor is not None:
        keys = keys.where(column > query.cursor if query.backward else column < query.cursor)
    order = column.asc() if query.backward else column.desc()
    cut = keys.order_by(order).limit(query.size + 1).subquery()
    return select(cut.c.id, cut.c.kind)


def _key(row: Row[Any]) -> PaymentKey:
    return PaymentKey(row.id, Kind(row.kind))
