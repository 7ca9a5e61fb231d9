"""Connections: the five arguments against the services' pages, both ways."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rafiki.common.v1 import paging_pb2
from servicekit.errors import InvalidArgument

from services.frontend.graphql.paging import PagePlan, SortOrder, plan_page
from tests.support.admin_messages import uuid

ARGUMENTS: dict[str, Any] = {
    "after": None,
    "before": None,
    "first": None,
    "last": None,
    "sort_order": None,
}
Row = str


def plan(**given: Any) -> PagePlan:
    return plan_page(**(ARGUMENTS | given))


def serve(rows: Sequence[Row], page: paging_pb2.PageRequest) -> tuple[list[Row], Any]:
    """Pages as the services make them: newest first, `last` backward from a cursor."""
    newest = sorted(rows, key=UUID, reverse=True)
    backward = page.HasField("last")
    assert not (backward and page.HasField("first"))
    assert page.HasField("cursor") or not backward
    if backward:
        beyond = [row for row in newest if UUID(row) > UUID(page.cursor)]
        found, more = beyond[-page.last :], len(beyond) > page.last
    else:
        since = UUID(page.cursor) if page.HasField("cursor") else UUID(int=2**128 - 1)
        beyond = [row for row in newest if UUID(row) < since]
        found, more = beyond[: page.first], len(beyond) > page.first
    came_from = page.HasField("cursor")
    info = paging_pb2.PageInfo(
        start_cursor=found[0] if found else None,
        end_cursor=found[-1] if found else None,
        has_next_page=came_from if backward else more,
        has_previous_page=more if backward else came_from,
    )
    return found, info


ROWS = [uuid(number) for number in range(1, 8)]


@pytest.mark.parametrize("order", [SortOrder.ASC, SortOrder.DESC, None])
@given(size=st.integers(1, 9))
def test_walking_forward_meets_every_row_once_in_order(order: SortOrder | None, size: int) -> None:
    wanted = sorted(ROWS, key=UUID, reverse=order is not SortOrder.ASC)
    met: list[Row] = []
    after: str | None = None
    while True:
        step = plan(after=after, first=size, sort_order=order)
        found, page = serve(ROWS, step.request)
        info = step.info(page)
        assert info.has_previous_page is (after is not None)
        ordered = step.in_order(found)
        met += ordered
        assert (info.start_cursor, info.end_cursor) == (ordered[0], ordered[-1])
        if not info.has_next_page:
            break
        after = info.end_cursor
    assert met == wanted


@pytest.mark.parametrize("order", [SortOrder.ASC, SortOrder.DESC])
@given(size=st.integers(1, 9))
def test_walking_backward_from_the_last_row_meets_every_other_one(
    order: SortOrder, size: int
) -> None:
    wanted = sorted(ROWS, key=UUID, reverse=order is not SortOrder.ASC)
    met: list[Row] = []
    before: str | None = wanted[-1]
    while before is not None:
        step = plan(before=before, last=size, sort_order=order)
        found, page = serve(ROWS, step.request)
        info = step.info(page)
        assert info.has_next_page
        met = [*step.in_order(found), *met]
        before = info.start_cursor if info.has_previous_page else None
    assert met == wanted[:-1]


def test_without_sizes_a_page_has_twenty() -> None:
    assert plan().request == paging_pb2.PageRequest(first=20)
    assert plan(before=uuid(1)).request == paging_pb2.PageRequest(cursor=uuid(1), last=20)


@pytest.mark.parametrize(
    ("given_", "field"),
    [
        ({"first": 0}, "first"),
        ({"first": 101}, "first"),
        ({"first": -1}, "first"),
        ({"last": 5}, "last"),
        ({"before": "x", "last": 101}, "last"),
    ],
)
def test_sizes_and_ends_that_make_no_page_are_refused(given_: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        plan(**given_)
    assert refused.value.field == field


def test_an_empty_page_has_no_cursors() -> None:
    step = plan(sort_order=SortOrder.ASC)
    info = step.info(paging_pb2.PageInfo(has_next_page=True))
    assert (info.start_cursor, info.end_cursor) == (None, None)
    assert not info.has_previous_page
