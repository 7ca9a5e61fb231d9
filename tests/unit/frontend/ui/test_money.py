import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.frontend.ui.money import (
    UINT64_MAX,
    AmountRefused,
    format_units,
    parse_units,
    plain_units,
)


@pytest.mark.parametrize(
    ("units", "scale", "text"),
    [
        (0, 0, "0"),
        (5, 2, "0.05"),
        (123_456_789, 2, "1,234,567.89"),
        (5_000, 0, "5,000"),
        (UINT64_MAX, 19, "1.8446744073709551615"),
    ],
)
def test_amounts_are_written_with_all_their_places(units: int, scale: int, text: str) -> None:
    assert format_units(units, scale) == text


@given(units=st.integers(0, UINT64_MAX), scale=st.integers(0, 255))
def test_what_is_shown_is_read_back_exactly(units: int, scale: int) -> None:
    whole = plain_units(units, scale)
    assert parse_units(whole, scale) == units
    assert parse_units(format_units(units, scale), scale) == units


@pytest.mark.parametrize(
    ("text", "scale", "units"),
    [
        ("12", 2, 1_200),
        ("12.5", 2, 1_250),
        (" 1,000.05 ", 2, 100_005),
        ("1,234,567", 2, 123_456_700),
        ("1,234", 0, 1_234),
    ],
)
def test_decimals_are_read_exactly(text: str, scale: int, units: int) -> None:
    assert parse_units(text, scale) == units


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("", 2),
        ("abc", 2),
        ("-1", 2),
        ("1.234", 2),
        ("1.", 2),
        (".5", 2),
        ("1e3", 2),
        ("1.5", 0),
        ("1,5", 2),
        ("1,50", 2),
        ("1,234", 2),
        ("1,234", 3),
        ("12,34,567", 2),
        ("1,,000.00", 2),
        ("1.000,50", 2),
        (",5", 2),
        ("1,5", 0),
        ("\u0661", 0),
        (str(UINT64_MAX + 1), 0),
        ("184467440737095516.16", 2),
    ],
)
def test_what_is_no_amount_of_the_asset_is_refused(text: str, scale: int) -> None:
    with pytest.raises(AmountRefused):
        parse_units(text, scale)
