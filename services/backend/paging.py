"""Pages of rows whose ids are time-ordered: newest first, by an opaque cursor."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from servicekit.database import ReadSession
from servicekit.errors import InvalidArgument
from sqlalchemy import ColumnElement, Row, Select

PAGE_SIZE_DEFAULT: Final = 20
PAGE_SIZE_MAX: Final = 100

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageQuery:
    """Which page: forward from the newest or from a cursor, or backward from a cursor."""

    cursor: UUID | None
    size: int
    backward: bool

    @classmethod
    def of(cls, *, cursor: str | None, first: int | None, last: int | None) -> "PageQuery":
        """Check what a caller asked for; raises InvalidArgument INVALID_PAGE."""
        if first is not None and last is not None:
            raise _invalid("first", "give first or last, not both")
        if last is not None and cursor is None:
            raise _invalid("last", "last needs a cursor to go backward from")
        size = last if last is not None else first
        field = "last" if last is not None else "first"
        if size is not None and not 1 <= size <= PAGE_SIZE_MAX:
            raise _invalid(field, f"{field} lies between 1 and {PAGE_SIZE_MAX}")
        return cls(
            cursor=None if cursor is None else _cursor(cursor),
            size=PAGE_SIZE_DEFAULT if size is None else size,
            backward=last is not None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """A page, newest first, and where it stands in its list."""

    items: Sequence[T]
    start_cursor: str | None
    end_cursor: str | None
    has_next: bool
    has_previous: bool


async def fetch_page(
    session: ReadSession,
    statement: Select[Any],
    id_column: ColumnElement[UUID],
    query: PageQuery,
    build: Callable[[Row[Any]], T],
) -> Page[T]:
    """Run a list query for one page.

    One row more than the page tells whether the list goes on; a cursor proves that there is
    something on its other side, since it was once the edge of a page.
    """
    if query.cursor is not None:
        beyond = id_column > query.cursor if query.backward else id_column < query.cursor
        statement = statement.where(beyond)
    order = id_column.asc() if query.backward else id_column.desc()
    rows = list((await session.execute(statement.order_by(order).limit(query.size + 1))).all())
    return page_of([(row.id, build(row)) for row in rows], query)


def page_of(found: Sequence[tuple[UUID, T]], query: PageQuery) -> Page[T]:
    """The page of what was read for it: items by id, one more than its size if there are so many.

    `found` is in the order of reading, which is oldest first for a page that goes backward.
    """
    more = len(found) > query.size
    items = list(found[: query.size])
    if query.backward:
        items.reverse()
    came_from = query.cursor is not None
    return Page(
        items=[item for _, item in items],
        start_cursor=str(items[0][0]) if items else None,
        end_cursor=str(items[-1][0]) if items else None,
        has_next=came_from if query.backward else more,
        has_previous=more if query.backward else came_from,
    )


def _cursor(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _invalid("cursor", "cursor is none that this server gave out") from None


def _invalid(field: str, message: str) -> InvalidArgument:
    return InvalidArgument("INVALID_PAGE", message, field=field, metadata={"field": field})
