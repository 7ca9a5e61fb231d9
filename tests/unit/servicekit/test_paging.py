from typing import Any
from uuid import UUID

import pytest
from servicekit.errors import InvalidArgument
from servicekit.paging import PageQuery

NOTHING: dict[str, Any] = {"cursor": None, "first": None, "last": None}


def test_a_page_is_of_twenty_from_the_newest_row_on_where_nothing_is_said() -> None:
    assert PageQuery.of(**NOTHING) == PageQuery(
        cursor=None, size=20, backward=False, ascending=False
    )


def test_a_page_ends_before_a_cursor_or_begins_after_it() -> None:
    cursor = UUID(int=7)
    before = PageQuery.of(**NOTHING | {"cursor": str(cursor), "last": 100})
    after = PageQuery.of(**NOTHING | {"cursor": str(cursor), "first": 1}, ascending=True)
    assert (before.cursor, before.size, before.backward) == (cursor, 100, True)
    assert (after.cursor, after.size, after.backward, after.ascending) == (cursor, 1, False, True)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"first": 0}, "first"),
        ({"first": 101}, "first"),
        ({"last": 5}, "last"),
        ({"cursor": str(UUID(int=7)), "last": 0}, "last"),
        ({"cursor": str(UUID(int=7)), "first": 1, "last": 1}, "first"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": ""}, "cursor"),
    ],
)
def test_what_makes_no_page_is_refused_by_its_field(asked: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        PageQuery.of(**NOTHING | asked)
    assert (refused.value.reason, refused.value.field) == ("INVALID_PAGE", field)
