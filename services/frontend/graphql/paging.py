"""The five arguments of a page, as a service's page request."""

from enum import StrEnum
from typing import Final

from rafiki.common.v1 import paging_pb2
from servicekit.paging import invalid_page, page_size

PAGE_ARGUMENTS: Final = frozenset({"after", "before", "first", "last", "sortOrder"})


class SortOrder(StrEnum):
    """Whether the oldest or the newest comes first."""

    ASC = "ASC"
    DESC = "DESC"


def plan_page(
    *,
    after: str | None,
    before: str | None,
    first: int | None,
    last: int | None,
    sort_order: str | None,
) -> paging_pb2.PageRequest:
    """Ask a service for a page, as the original reads the five arguments; raises InvalidArgument.

    `after` goes forward from a row, `before` backward, neither starts at the list's beginning;
    where both are given, `after` holds.
    """
    if last is not None and before is None:
        raise invalid_page("last", "last needs before: there is nothing before the beginning")
    ascending = sort_order == SortOrder.ASC
    if after is None and before is not None:
        size = page_size(last, "last")
        return paging_pb2.PageRequest(cursor=before, last=size, ascending=ascending)
    size = page_size(first, "first")
    return paging_pb2.PageRequest(cursor=after, first=size, ascending=ascending)
