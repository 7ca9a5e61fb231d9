"""Cursors of the feed."""

import pytest
from servicekit.errors import InvalidArgument

from services.backend.events.servicer import CURSOR_MAX, parse_cursor


def test_a_cursor_is_a_place_in_the_feed() -> None:
    assert parse_cursor(None) == 0
    assert parse_cursor("0") == 0
    assert parse_cursor(str(CURSOR_MAX)) == CURSOR_MAX


@pytest.mark.parametrize("text", ["", "-1", "1.0", "x", "\u0663", str(CURSOR_MAX + 1), "1" * 40])
def test_what_was_never_given_out_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        parse_cursor(text)
    assert refused.value.reason == "INVALID_PAGE"
    assert refused.value.field == "cursor"
