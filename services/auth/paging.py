"""Pages of rows whose ids are time-ordered: newest first, by an opaque cursor."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar
from uuid import UUID

from servicekit.errors import InvalidArgument

PAGE_SIZE_DEFAULT: Final = 20
PAGE_SIZE_MAX: Final = 100


class Identified(Protocol):
    """What can be paged."""

    @property
    def id(self) -> UUID:
        """Time-ordered."""
        ...


Item = TypeVar("Item", bound=Identified)


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
        if size is not None and not 1 <= size <= PAGE_SIZE_MAX:
            field = "last" if last is not None else "first"
            raise _invalid(field, f"{field} lies between 1 and {PAGE_SIZE_MAX}")
        return cls(
            cursor=None if cursor is None else _cursor(cursor),
            size=PAGE_SIZE_DEFAULT if size is None else size,
            backward=last is not None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """A page, newest first, and where it stands in its list."""

    items: Sequence[Item]
    has_next: bool
    has_previous: bool

    @property
    def start_cursor(self) -> str | None:
        """Cursor of the first item."""
        return str(self.items[0].id) if self.items else None

    @property
    def end_cursor(self) -> str | None:
        """Cursor of the last item."""
        return str(self.items[-1].id) if self.items else None


async def fetch_page(
    query: PageQuery, fetch: Callable[[int], Awaitable[Sequence[Item]]]
) -> Page[Item]:
    """The page out of up to `size + 1` items beyond the cursor, nearest first.

    The item too many tells whether the list goes on; a cursor proves that there is something on
    its other side, since it was once the edge of a page.
    """
    found = list(await fetch(query.size + 1))
    more = len(found) > query.size
    items = found[: query.size]
    if query.backward:
        items.reverse()
    came_from = query.cursor is not None
    return Page(
        items=items,
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
