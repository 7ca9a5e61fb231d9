"""Relay-like connections over the services' pages."""

from enum import Enum

import strawberry
from rafiki.common.v1 import paging_pb2
from servicekit.paging import invalid_page, page_size

from services.frontend.graphql.scalars import optional


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


def page_info(page: paging_pb2.PageInfo) -> PageInfo:
    """Where a page stands."""
    return PageInfo(
        start_cursor=optional(page, "start_cursor"),
        end_cursor=optional(page, "end_cursor"),
        has_next_page=page.has_next_page,
        has_previous_page=page.has_previous_page,
    )


def plan_page(
    *,
    after: str | None,
    before: str | None,
    first: int | None,
    last: int | None,
    sort_order: SortOrder | None,
) -> paging_pb2.PageRequest:
    """Ask a service for a page, as the original reads the five arguments; raises InvalidArgument.

    `after` goes forward from a row, `before` backward, neither starts at the list's beginning;
    where both are given, `after` holds.
    """
    if last is not None and before is None:
        raise invalid_page("last", "last needs before: there is nothing before the beginning")
    ascending = sort_order is SortOrder.ASC
    if after is None and before is not None:
        size = page_size(last, "last")
        return paging_pb2.PageRequest(cursor=before, last=size, ascending=ascending)
    size = page_size(first, "first")
    return paging_pb2.PageRequest(cursor=after, first=size, ascending=ascending)
