"""SQL for outgoing payments."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from servicekit.commands import FactsChanged
from servicekit.database import Database, ReadSession, WriteSession
from servicekit.page_queries import Listed, fetch_page
from servicekit.paging import Page, PageQuery
from servicekit.statements import prepared
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Row,
    Select,
    Uuid,
    bindparam,
    func,
    insert,
    null,
    select,
    update,
)

from services.backend.outgoing_payments.model import OutgoingPayment, State
from services.backend.outgoing_payments.tables import outgoing_payments as table
from services.backend.quotes.errors import invalid_quote
from services.backend.quotes.repository import quote_of_row
from services.backend.quotes.tables import quotes

_QUOTE_PREFIX: Final = "quote_"
_OWN: Final = [name for name in OutgoingPayment.__dataclass_fields__ if name != "quote"]
_DECIDED: Final = (
    "state",
    "error",
    "metadata",
    "data_to_transmit",
    "due_at",
    "claims",
    "lease_until",
    "updated_at",
)
"""What is decided of a payment when it leaves FUNDING."""


def joined_columns() -> list[ColumnElement[Any]]:
    """The columns of a payment and its quote, as `payment_of_row` takes them."""
    return [*table.c, *(column.label(f"{_QUOTE_PREFIX}{column.name}") for column in quotes.c)]


def _joined() -> Select[Any]:
    return select(*joined_columns()).join(quotes, quotes.c.id == table.c.id)


_ADD: Final = prepared(insert(table), columns=_OWN)
_GET: Final = prepared(_joined().where(table.c.id == bindparam("payment_id")))
_BY_IDS: Final = prepared(
    _joined().where(table.c.id == func.any(bindparam("ids", type_=ARRAY(Uuid))))
)
_LEAVE_FUNDING: Final = prepared(
    update(table).where(table.c.id == bindparam("payment_id"), table.c.state == State.FUNDING),
    columns=_DECIDED,
)
_NOTE_DEPOSIT_RETURNED: Final = prepared(
    update(table)
    .where(table.c.id == bindparam("payment_id"), table.c.state == State.CANCELLED)
    .values(due_at=null())
)


def add(session: WriteSession, payment: OutgoingPayment) -> None:
    """Insert a payment; InvalidArgument is raised when its quote was used before."""
    session.add(
        _ADD,
        {name: getattr(payment, name) for name in _OWN},
        constraint="pk_outgoing_payments",
        refused=lambda: invalid_quote("was used before"),
    )


async def get(database: Database, payment_id: UUID) -> OutgoingPayment | None:
    """One payment, of any tenant."""
    async with database.read() as session:
        row = (await session.execute(_GET, {"payment_id": payment_id})).one_or_none()
    return None if row is None else payment_of_row(row)


async def by_ids(database: Database, ids: Sequence[UUID]) -> list[OutgoingPayment]:
    """Payments by id, in no order."""
    async with database.read() as session:
        rows = await session.execute(_BY_IDS, {"ids": list(ids)})
    return [payment_of_row(row) for row in rows.all()]


async def page(
    session: ReadSession,
    query: PageQuery,
    *,
    tenant_id: UUID | None = None,
    wallet_address_id: UUID | None = None,
    client: str | None = None,
    receiver: str | None = None,
    states: Sequence[State] = (),
) -> Page[OutgoingPayment]:
    """A page of payments, newest first."""
    statement = _joined()
    if tenant_id is not None:
        statement = statement.where(table.c.tenant_id == tenant_id)
    if wallet_address_id is not None:
        statement = statement.where(table.c.wallet_address_id == wallet_address_id)
    if client is not None:
        statement = statement.where(table.c.client == client)
    if receiver is not None:
        statement = statement.where(quotes.c.receiver == receiver)
    if states:
        statement = statement.where(table.c.state.in_(states))
    return await fetch_page(
        session, Listed(rows=statement, place=(table.c.id,)), query, payment_of_row
    )


def leave_funding(session: WriteSession, payment: OutgoingPayment) -> None:
    """Write what became of a payment that waits for funds; FactsChanged when it does no more."""
    values = {name: getattr(payment, name) for name in _DECIDED}
    session.add(_LEAVE_FUNDING, {**values, "payment_id": payment.id}, rows=1, refused=FactsChanged)


async def note_deposit_returned(database: Database, payment_id: UUID) -> None:
    """Nothing is left to do for a cancelled payment."""
    await database.write_one(_NOTE_DEPOSIT_RETURNED, {"payment_id": payment_id})


async def make_due(session: WriteSession, ids: Sequence[UUID], at: datetime) -> None:
    """Let a worker look at payments whose account in the ledger has changed, or may have."""
    statement = (
        update(table)
        .where(table.c.id.in_(ids), table.c.state != State.FUNDING)
        .values(due_at=func.least(table.c.due_at, at))
    )
    await session.execute(statement)


def payment_of_row(row: Row[Any]) -> OutgoingPayment:
    """A payment from its columns and its quote's."""
    fields: dict[str, Any] = {name: getattr(row, name) for name in _OWN}
    fields["state"] = State(fields["state"])
    return OutgoingPayment(**fields, quote=quote_of_row(_QuoteColumns(row)))  # type: ignore[arg-type] # reads attributes as a row does


class _QuoteColumns:
    """The quote's columns of a joined row, under their own names."""

    def __init__(self, row: Row[Any]) -> None:
        self._row = row

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, f"{_QUOTE_PREFIX}{name}")
