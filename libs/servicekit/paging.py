"""Pages of lists: which one a caller asks for, and where one stands in its list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from uuid import UUID

from servicekit.errors import InvalidArgument

PAGE_SIZE_DEFAULT: Final = 20
PAGE_SIZE_MAX: Final = 100

T = TypeVar("T")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageQuery:
    """Which page: forward from the list's beginning or a cursor, or backward from a cursor."""

    cursor: UUID | None
    """The id of a row; the page begins, or backward ends, next to it."""
    size: int
    backward: bool
    ascending: bool = False
    """Whether the oldest row is the first of the list, not the newest."""

    @classmethod
    def of(
        cls, *, cursor: str | None, first: int | None, last: int | None, ascending: bool = False
    ) -> "PageQuery":
        """Check what a caller asked for; raises InvalidArgument INVALID_PAGE."""
        if first is not None and last is not None:
            raise invalid_page("first", "give first or last, not both")
        if last is not None and cursor is None:
            raise invalid_page("last", "last needs a cursor to go backward from")
        size, field = (first, "first") if last is None else (last, "last")
        return cls(
            cursor=None if cursor is None else _cursor(cursor),
            size=page_size(size, field),
            backward=last is not None,
            ascending=ascending,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """A page in the list's order, and where it stands; an empty one stands nowhere."""

    items: Sequence[T]
    start_cursor: str | None
    end_cursor: str | None
    has_next: bool
    has_previous: bool

    def of(self, items: Sequence[Other]) -> "Page[Other]":
        """The same page, of what was made of each item."""
        return Page(
            items=items,
            start_cursor=self.start_cursor,
            end_cursor=self.end_cursor,
            has_next=self.has_next,
            has_previous=self.has_previous,
        )


def page_size(size: int | None, field: str) -> int:
    """The size of a page that was asked for in a field; raises InvalidArgument INVALID_PAGE."""
    if size is None:
        return PAGE_SIZE_DEFAULT
    if not 1 <= size <= PAGE_SIZE_MAX:
        raise invalid_page(field, f"{field} lies between 1 and {PAGE_SIZE_MAX}")
    return size


def invalid_page(field: str, message: str) -> InvalidArgument:
    """The arguments make no page."""
    return InvalidArgument("INVALID_PAGE", message, field=field, metadata={"field": field})


def _cursor(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise invalid_page("cursor", "cursor is none that this server gave out") from None
