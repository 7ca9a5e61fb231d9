"""Relay-like connections over the services' pages.

The services list newest first and page backward from a cursor. Ascending order is the same list
read from its other end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

import strawberry
from rafiki.common.v1 import paging_pb2
from servicekit.errors import InvalidArgument

from services.frontend.graphql.scalars import optional

PAGE_SIZE_DEFAULT: Final = 20
PAGE_SIZE_MAX: Final = 100
# Ids are time-ordered UUIDs, so that every row lies after this one.
_BEFORE_ALL: Final = "00000000-0000-0000-0000-000000000000"

Item = TypeVar("Item")


@strawberry.enum
class SortOrder(Enum):
    """Whether the oldest or the newest comes first."""

    ASC = "ASC"
    DESC = "DESC"


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Where a page stands in its list."""

    end_cursor: str | None
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePlan:
    """What to ask a service for, and how to read its answer."""

    request: paging_pb2.PageRequest
    ascending: bool
    from_end: bool
    """Whether an ascending list is read from its beginning."""

    def in_order(self, items: Sequence[Item]) -> Sequence[Item]:
        """A page's items in the order that was asked for."""
        return items[::-1] if self.ascending else items

    def info(self, page: paging_pb2.PageInfo) -> PageInfo:
        """Where the page stands in the order that was asked for."""
        start, end = optional(page, "start_cursor"), optional(page, "end_cursor")
        if not self.ascending:
            return PageInfo(
                start_cursor=start,
                end_cursor=end,
                has_next_page=page.has_next_page,
                has_previous_page=page.has_previous_page,
            )
        return PageInfo(
            start_cursor=end,
            end_cursor=start,
            has_next_page=page.has_previous_page,
            has_previous_page=page.has_next_page and not self.from_end,
        )


def plan_page(
    *,
    after: str | None,
    before: str | None,
    first: int | None,
    last: int | None,
    sort_order: SortOrder | None,
) -> PagePlan:
    """Plan a page as the original reads the five arguments; raises InvalidArgument.

    `after` goes forward from a row, `before` backward, neither starts at the list's beginning.
    """
    ascending = sort_order is SortOrder.ASC
    if last is not None and before is None:
        raise _invalid("last", "last needs before: there is nothing before the beginning")
    forward = after is not None or before is None
    size = _size(first, "first") if forward else _size(last, "last")
    cursor = after if forward else before
    from_end = ascending and cursor is None
    if from_end:
        cursor = _BEFORE_ALL
    # Forward in ascending order is backward in the services' order.
    request = (
        paging_pb2.PageRequest(cursor=cursor, first=size)
        if forward != ascending
        else paging_pb2.PageRequest(cursor=cursor, last=size)
    )
    return PagePlan(request=request, ascending=ascending, from_end=from_end)


def _size(size: int | None, field: str) -> int:
    if size is None:
        return PAGE_SIZE_DEFAULT
    if not 1 <= size <= PAGE_SIZE_MAX:
        raise _invalid(field, f"{field} lies between 1 and {PAGE_SIZE_MAX}")
    return size


def _invalid(field: str, message: str) -> InvalidArgument:
    return InvalidArgument("INVALID_PAGE", message, field=field, metadata={"field": field})
