"""Numbers in a client's JSON stay what they are, or are refused with their place."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.openpayments.bodies import validate_body
from ilpkit.openpayments.errors import InvalidBody
from ilpkit.openpayments.incoming_payment import CREATE_INCOMING_PAYMENT
from ilpkit.openpayments.json_text import inexact_number, json_object


def refused(text: str) -> bool:
    """Whether a number in a body is refused for its digits."""
    try:
        json_object(f'{{"n":{text}}}'.encode(), exact_numbers=True)
    except InvalidBody as invalid:
        return invalid.field == "n"
    return False


KEPT = [
    "0",
    "-0",
    "0.0",
    "0e99",
    "9007199254740992",
    "9007199254740994",
    "1e20",
    "0.1",
    "1.50",
    "1E23",
    "100000000000000000000",
    "-1e-7",
    "123456789012345680000",
    "5e-324",
]
CHANGED = [
    "9007199254740993",
    "-9007199254740993",
    "18446744073709551615",
    "0.12345678901234567890",
    "1e-999999999",
    "1.0000000000000000000001",
    "2e-324",
]


@pytest.mark.parametrize("text", KEPT)
def test_a_number_that_a_double_keeps_is_taken(text: str) -> None:
    assert not refused(text)


@pytest.mark.parametrize("text", [*CHANGED, "1" + "0" * 400])
def test_a_number_that_a_double_does_not_keep_is_refused(text: str) -> None:
    assert refused(text)


@pytest.mark.property
@given(st.integers(-(2**80), 2**80), st.integers(-30, 30))
def test_it_is_taken_exactly_when_the_double_prints_as_the_same_number(
    mantissa: int, exponent: int
) -> None:
    for text in (str(mantissa), f"{mantissa}e{exponent}"):
        assert refused(text) == (Fraction(text) != Fraction(repr(float(text))))


@pytest.mark.property
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_a_client_with_doubles_writes_is_taken(number: float) -> None:
    assert not refused(json.dumps(number))


def test_the_place_is_named() -> None:
    body = (
        b'{"walletAddress":"https://a.example/alice",'
        b'"metadata":{"order":{"lines":[1,{"id":9007199254740993}]}}}'
    )
    with pytest.raises(InvalidBody) as invalid:
        validate_body(CREATE_INCOMING_PAYMENT, body)
    assert invalid.value.field == "metadata.order.lines[1].id"
    assert "string" in invalid.value.remedy


def test_parsed_values_are_judged_alike() -> None:
    assert inexact_number({"a": [1, 2**53 + 1]}, "metadata") == "metadata.a[1]"
    assert inexact_number({"a": [1, 2**53, True, None, "x", 0.5]}) is None
