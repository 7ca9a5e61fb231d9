import base64

import pytest
from servicekit.errors import InvalidArgument
from servicekit.paging import decode_cursor, encode_cursor


def test_a_cursor_comes_back_as_it_went() -> None:
    cursor = encode_cursor("é/?", 7)
    assert cursor.isascii()
    assert not set(cursor) & set("+/=")
    assert decode_cursor(cursor, [str, int]) == ("é/?", 7)


@pytest.mark.parametrize(
    "cursor", ["", "é", "####", "bm90IGpzb24", encode_cursor("a"), encode_cursor(1, "a"), "A" * 600]
)
def test_what_is_no_cursor_of_this_list_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        decode_cursor(cursor, [str, int])
    assert error.value.reason == "INVALID_PAGE"


def test_a_cursor_of_another_version_is_refused() -> None:
    of_version_2 = base64.urlsafe_b64encode(b'[2,"a"]').rstrip(b"=").decode()
    with pytest.raises(InvalidArgument):
        decode_cursor(of_version_2, [str])
