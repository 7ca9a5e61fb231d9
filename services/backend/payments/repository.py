"""SQL over incoming and outgoing payments together."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from servicekit.database import ReadSession
from servicekit.page_queries import Listed, fetch_cut
from servicekit.paging import Page, PageQuery
from sqlalchemy import Row, Table, literal, select, union_all

from services.backend.incoming_payments.tables import incoming_payments
from services.backend.outgoing_payments.tables import outgoing_payments


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
    kinds = [
        _keys(incoming_payments, Kind.INCOMING, of_these),
        _keys(outgoing_payments, Kind.OUTGOING, of_these),
    ]
    cuts = [kind.page(query).subquery() for kind in kinds]
    both = union_all(*(select(cut.c.id, cut.c.kind) for cut in cuts)).subquery("payments")
    merged = Listed(rows=select(both.c.id, both.c.kind), place=(both.c.id,))
    return await fetch_cut(session, merged.page(query), kinds, query, _key)


def _keys(table: Table, kind: Kind, of_these: Mapping[str, UUID | None]) -> Listed:
    keys = select(table.c.id, literal(kind.value).label("kind"))
    for name, wanted in of_these.items():
        if wanted is not None:
            keys = keys.where(table.c[name] == wanted)
    return Listed(rows=keys, place=(table.c.id,))


def _key(row: Row[Any]) -> PaymentKey:
    return PaymentKey(row.id, Kind(row.kind))
