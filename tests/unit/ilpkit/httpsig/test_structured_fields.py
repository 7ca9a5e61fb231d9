"""RFC 8941 parsing against the published structured field vectors."""

import base64
import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.httpsig.errors import InvalidStructuredField, UnsignableRequest
from ilpkit.httpsig.structured_fields import (
    FIELD_CHARACTERS_MAX,
    Decimal,
    InnerList,
    Item,
    Token,
    parse_dictionary,
    parse_item,
    parse_members,
    parse_parameters,
    serialise_bytes,
    serialise_string,
)

from tests.support.vectors import load_json

_FILES = (
    "binary",
    "boolean",
    "dictionary",
    "examples",
    "item",
    "key-generated",
    "number",
    "param-dict",
    "string",
    "string-generated",
    "token",
)


def _plain(value: Any) -> Any:
    """A parsed value in the notation of the vectors."""
    match value:
        case Item():
            return [_plain(value.value), _plain_parameters(value.parameters)]
        case InnerList():
            return [[_plain(item) for item in value.items], _plain_parameters(value.parameters)]
        case Token():
            return {"__type": "token", "value": value.value}
        case Decimal():
            return value.thousandths / 1000
        case bytes():
            return {"__type": "binary", "value": _base32(value)}
        case _:
            return value


def _plain_parameters(parameters: Any) -> list[Any]:
    return [[key, _plain(value)] for key, value in parameters.items()]


def _base32(value: bytes) -> str:
    return base64.b32encode(value).decode()


@pytest.mark.parametrize("name", _FILES)
def test_vectors_of_the_types_in_use(name: str) -> None:
    checked = 0
    for case in load_json("structured-fields", f"{name}.json"):
        kind = case["header_type"]
        if kind == "list":
            continue  # top-level lists occur in no field of ours
        raw = ", ".join(case["raw"])
        checked += 1
        try:
            if kind == "dictionary":
                members = parse_dictionary(raw, field="x")
                parsed: Any = [[key, _plain(member.value)] for key, member in members.items()]
            else:
                parsed = _plain(parse_item(raw, field="x"))
        except InvalidStructuredField:
            assert case.get("must_fail") or case.get("can_fail"), case["name"]
        else:
            assert not case.get("must_fail"), case["name"]
            assert parsed == case["expected"], case["name"]
    assert checked > 0


def test_a_member_keeps_its_raw_text() -> None:
    raw = 'sig1=("@method"   "@target-uri");keyid="k";  created=1'
    assert parse_members(f"a=1,{raw}", field="x")[1].raw == raw.removeprefix("sig1=")


def test_repeated_keys_are_all_reported_by_parse_members() -> None:
    assert [member.key for member in parse_members("a=1, a=2", field="x")] == ["a", "a"]


def test_an_overlong_field_is_refused_unread() -> None:
    with pytest.raises(InvalidStructuredField, match="at most"):
        parse_members("a" * (FIELD_CHARACTERS_MAX + 1), field="x")


def test_parameters_alone() -> None:
    assert parse_parameters(';created=1;keyid="k";b', field="x") == {
        "created": 1,
        "keyid": "k",
        "b": True,
    }
    with pytest.raises(InvalidStructuredField, match="the end of the field"):
        parse_parameters(";a=1 b", field="x")


def test_an_error_names_field_and_place() -> None:
    with pytest.raises(InvalidStructuredField) as caught:
        parse_item('"open', field="signature-input")
    assert caught.value.field == "signature-input"
    assert caught.value.expected == "a closed string of printable ASCII at character 0"


@pytest.mark.parametrize("text", ["a=1.2345", "a=1234567890123.1", "a=1.", "a=:YQ:", "a=-", "a=?2"])
def test_malformed_values(text: str) -> None:
    with pytest.raises(InvalidStructuredField):
        parse_members(text, field="x")


def test_a_string_outside_printable_ascii_is_not_serialised() -> None:
    with pytest.raises(UnsignableRequest):
        serialise_string("kéy")


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_strings_survive_the_round_trip(value: str) -> None:
    assert parse_item(serialise_string(value), field="x").value == value


@given(st.binary())
def test_bytes_survive_the_round_trip(value: bytes) -> None:
    assert parse_item(serialise_bytes(value), field="x").value == value


_FRAGMENTS = st.lists(
    st.sampled_from(['"', "(", ")", ";", "=", ",", " ", ":", "?1", "a", "k", "-1", ".5", "\\", "é"])
).map("".join)


@given(st.text() | _FRAGMENTS)
def test_any_text_parses_or_is_refused(text: str) -> None:
    for parse in (parse_members, parse_item, parse_parameters):
        with contextlib.suppress(InvalidStructuredField):
            parse(text, field="x")


_COMPONENT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=5)


@given(st.lists(_COMPONENT), st.booleans())
def test_inner_lists_of_strings_read_the_same_plain_or_spaced(
    values: list[str], spaced: bool
) -> None:
    listed = ("  " if spaced else " ").join(serialise_string(value) for value in values)
    parsed = parse_dictionary(f"a=({listed});b=1", field="x")["a"].value
    assert isinstance(parsed, InnerList)
    assert [item.value for item in parsed.items] == values
    assert dict(parsed.parameters) == {"b": 1}
