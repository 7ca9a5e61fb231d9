"""Connections: the five arguments as the services' page requests, and their answers."""

from typing import Any

import pytest
from rafiki.admin.v1 import asset_service_pb2
from rafiki.common.v1 import paging_pb2
from servicekit.errors import InvalidArgument

from services.frontend.graphql.paging import SortOrder, plan_page
from tests.support.admin_edge import AdminEdge
from tests.support.admin_messages import uuid

NOTHING: dict[str, Any] = {
    "after": None,
    "before": None,
    "first": None,
    "last": None,
    "sort_order": None,
}
ROW, OTHER = uuid(1), uuid(2)
Request = paging_pb2.PageRequest


@pytest.mark.parametrize("order", [None, SortOrder.DESC, SortOrder.ASC])
@pytest.mark.parametrize(
    ("asked", "request_"),
    [
        ({}, Request(first=20)),
        ({"first": 3}, Request(first=3)),
        ({"after": ROW}, Request(cursor=ROW, first=20)),
        ({"after": ROW, "first": 100}, Request(cursor=ROW, first=100)),
        ({"before": ROW}, Request(cursor=ROW, last=20)),
        ({"before": ROW, "last": 3}, Request(cursor=ROW, last=3)),
        # As in the original: `first` says nothing of a page before a row, and `after` holds.
        ({"before": ROW, "first": 3}, Request(cursor=ROW, last=20)),
        ({"after": ROW, "before": OTHER, "last": 5}, Request(cursor=ROW, first=20)),
    ],
)
def test_the_arguments_name_a_page_in_either_order(
    asked: dict[str, Any], request_: Request, order: SortOrder | None
) -> None:
    wanted = Request()
    wanted.CopyFrom(request_)
    wanted.ascending = order is SortOrder.ASC
    assert plan_page(**NOTHING | asked | {"sort_order": order}) == wanted


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"first": 0}, "first"),
        ({"first": 101}, "first"),
        ({"first": -1}, "first"),
        ({"last": 5}, "last"),
        ({"after": ROW, "last": 5}, "last"),
        ({"before": ROW, "last": 101}, "last"),
    ],
)
def test_sizes_and_ends_that_make_no_page_are_refused(asked: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        plan_page(**NOTHING | asked)
    assert refused.value.field == field


async def test_an_empty_page_stands_nowhere(edge: AdminEdge) -> None:
    edge.services.on("ListAssets", asset_service_pb2.ListAssetsResponse())
    query = "{ assets { pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } }"
    assert (await edge.data(query))["assets"]["pageInfo"] == {
        "startCursor": None,
        "endCursor": None,
        "hasNextPage": False,
        "hasPreviousPage": False,
    }
