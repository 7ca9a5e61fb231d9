"""Each page of a list is the slice that a plain sort gives: at its ends, empty, off the list."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from servicekit.database import Database, ReadSession
from servicekit.page_queries import Listed, fetch_cut, fetch_page
from servicekit.paging import Page, PageQuery
from servicekit.tables import new_metadata, uuid_primary_key
from sqlalchemy import Column, DateTime, Integer, Table, insert, select, text, union_all
from sqlalchemy.schema import CreateTable

_TABLE = Table(
    "listed",
    new_metadata(),
    uuid_primary_key(),
    Column("kind", Integer, nullable=False),
    Column("made", DateTime(timezone=True), nullable=False),
)
_START = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Item:
    """A row; `made` repeats, and runs against the ids."""

    number: int

    @property
    def id(self) -> UUID:
        return UUID(int=self.number)

    @property
    def kind(self) -> int:
        return self.number % 3

    @property
    def made(self) -> datetime:
        return _START - timedelta(days=self.number // 4)


ROWS = [Item(number) for number in range(10, 26, 2)]
# Rows, and ids before, between and after all of them.
CURSORS = [None, *(UUID(int=number) for number in range(9, 27))]
QUERIES = [
    PageQuery(cursor=cursor, size=size, backward=backward, ascending=ascending)
    for cursor, size, backward, ascending in product(
        CURSORS, (1, 2, 7, 8, 9), (False, True), (False, True)
    )
    if cursor is not None or not backward
]


@pytest.fixture
async def session(database_url: str) -> AsyncIterator[ReadSession]:
    database = Database(database_url)
    async with database.write() as writing:
        await writing.execute(text("DROP TABLE IF EXISTS listed"))
        await writing.execute(CreateTable(_TABLE))
        values = [{"id": row.id, "kind": row.kind, "made": row.made} for row in ROWS]
        await writing.execute(insert(_TABLE), values)
    async with database.read() as reading:
        yield reading
    await database.close()


def sliced(rows: Sequence[Item], query: PageQuery, place: Any, edge: Any) -> Page[UUID]:
    """The same page out of a plain sort."""
    ordered = sorted(rows, key=place, reverse=not query.ascending)

    def follows(row: Item) -> bool:
        return bool(place(row) > edge) if query.ascending else bool(place(row) < edge)

    if query.cursor is None:
        start, end = 0, query.size
    elif edge is None:
        start = end = 0
    elif query.backward:
        end = sum(1 for row in ordered if not follows(row) and place(row) != edge)
        start = max(end - query.size, 0)
    else:
        start = sum(1 for row in ordered if not follows(row))
        end = start + query.size
    items = [row.id for row in ordered[start:end]]
    return Page(
        items=items,
        start_cursor=str(items[0]) if items else None,
        end_cursor=str(items[-1]) if items else None,
        has_next=bool(items) and end < len(ordered),
        has_previous=bool(items) and start > 0,
    )


@pytest.mark.parametrize("kinds", [{0, 1, 2}, {1}, set()], ids=["all", "some", "none"])
async def test_a_list_by_id(session: ReadSession, kinds: set[int]) -> None:
    rows = [row for row in ROWS if row.kind in kinds]
    listed = Listed(
        rows=select(_TABLE).where(_TABLE.c.kind.in_(sorted(kinds))), place=(_TABLE.c.id,)
    )
    for query in QUERIES:
        found = await fetch_page(session, listed, query, lambda row: row.id)
        assert found == sliced(rows, query, lambda row: row.id, query.cursor), query


async def test_a_list_by_another_column_first(session: ReadSession) -> None:
    listed = Listed(rows=select(_TABLE), place=(_TABLE.c.made, _TABLE.c.id))
    made = {row.id: row.made for row in ROWS}
    for query in QUERIES:
        found = await fetch_page(session, listed, query, lambda row: row.id)
        cursor = query.cursor
        edge = (made[cursor], cursor) if cursor is not None and cursor in made else None
        assert found == sliced(ROWS, query, lambda row: (row.made, row.id), edge), query


async def test_two_lists_in_one(session: ReadSession) -> None:
    lists = [
        Listed(rows=select(_TABLE.c.id).where(_TABLE.c.kind == kind), place=(_TABLE.c.id,))
        for kind in (0, 2)
    ]
    rows = [row for row in ROWS if row.kind != 1]
    for query in QUERIES:
        cuts = [listed.page(query).subquery() for listed in lists]
        both = union_all(*(select(cut.c.id) for cut in cuts)).subquery()
        cut = Listed(rows=select(both.c.id), place=(both.c.id,)).page(query)
        found = await fetch_cut(session, cut, lists, query, lambda row: row.id)
        assert found == sliced(rows, query, lambda row: row.id, query.cursor), query
