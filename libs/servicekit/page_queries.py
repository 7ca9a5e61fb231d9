"""Pages out of Postgres: one statement a page, and one more where a cursor is given.

A list is ordered by its *place*: columns that no two rows share the values of, the last of which is
the id. Ids are time-ordered, so for most lists the place is the id alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Exists, Row, Select, or_, select, tuple_

from servicekit.database import ReadSession
from servicekit.paging import Page, PageQuery

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A list: its rows, and what they are ordered by."""

    rows: Select[Any]
    place: Sequence[ColumnElement[Any]]

    def page(self, query: PageQuery) -> Select[Any]:
        """The rows beyond the cursor, nearest first: one more than the page, if there are so many.

        The row too many tells whether the list goes on.
        """
        ascending = query.ascending != query.backward
        statement = self.rows
        if query.cursor is not None:
            edge = self._edge(query)
            here = tuple_(*self.place)
            statement = statement.where(here > edge if ascending else here < edge)
        order = [column.asc() if ascending else column.desc() for column in self.place]
        return statement.order_by(*order).limit(query.size + 1)

    def behind(self, query: PageQuery) -> Exists:
        """Whether there are rows at the cursor or on its other side.

        The cursor's own row may be gone, or not of this list, so it proves nothing.
        """
        edge, here = self._edge(query), tuple_(*self.place)
        other = here <= edge if query.ascending != query.backward else here >= edge
        rows = self.rows.with_only_columns(*self.place, maintain_column_froms=True)
        return rows.where(other).exists()

    def _edge(self, query: PageQuery) -> ColumnElement[Any]:
        """The cursor's place: its id, after what the row of that id has in the other columns."""
        *others, own_id = self.place
        row = [
            select(column).where(own_id == query.cursor).correlate(None).scalar_subquery()
            for column in others
        ]
        return tuple_(*row, query.cursor)


async def fetch_page(
    session: ReadSession, listed: Listed, query: PageQuery, build: Callable[[Row[Any]], T]
) -> Page[T]:
    """One page of a list."""
    return await fetch_cut(session, listed.page(query), [listed], query, build)


async def fetch_cut(
    session: ReadSession,
    cut: Select[Any],
    lists: Sequence[Listed],
    query: PageQuery,
    build: Callable[[Row[Any]], T],
) -> Page[T]:
    """One page of several lists merged, out of the rows that `Listed.page` cuts from them."""
    rows = (await session.execute(cut)).all()
    found, beyond = list(rows[: query.size]), len(rows) > query.size
    behind = False
    if found and query.cursor is not None:
        others = or_(*(listed.behind(query) for listed in lists))
        behind = bool(await session.scalar(select(others)))
    if query.backward:
        found.reverse()
    return Page(
        items=[build(row) for row in found],
        start_cursor=str(found[0].id) if found else None,
        end_cursor=str(found[-1].id) if found else None,
        has_next=behind if query.backward else beyond,
        has_previous=beyond if query.backward else behind,
    )
