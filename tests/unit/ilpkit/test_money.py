from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.errors import InvalidDecimalError, LocalProtocolError
from ilpkit.money import (
    U64_MAX,
    Amount,
    Asset,
    Ratio,
    ceil_div,
    ceil_rescale,
    floor_rescale,
)

USD = Asset("USD", 2)
EUR = Asset("EUR", 9)
POSITIVE = st.integers(1, 2**70)
VALUES = st.integers(0, U64_MAX)
RATIOS = st.builds(Ratio, POSITIVE, POSITIVE)


def fraction(ratio: Ratio) -> Fraction:
    return Fraction(ratio.numerator, ratio.denominator)


@pytest.mark.parametrize(("code", "scale"), [("USD", -1), ("USD", 256), ("", 2), ("é" * 128, 2)])
def test_an_asset_outside_the_wire_limits_is_our_error(code: str, scale: int) -> None:
    with pytest.raises(LocalProtocolError):
        Asset(code, scale)


@pytest.mark.parametrize("value", [-1, U64_MAX + 1])
def test_an_amount_is_a_u64(value: int) -> None:
    with pytest.raises(LocalProtocolError):
        Amount(value, USD)


def test_amounts_add_and_subtract_exactly() -> None:
    assert Amount(7, USD) + Amount(5, USD) == Amount(12, USD)
    assert Amount(7, USD) - Amount(5, USD) == Amount(2, USD)


def test_amounts_of_two_assets_do_not_mix() -> None:
    with pytest.raises(LocalProtocolError):
        Amount(1, USD) + Amount(1, EUR)
    with pytest.raises(LocalProtocolError):
        Amount(1, USD) - Amount(1, Asset("USD", 3))


def test_amounts_neither_overflow_nor_go_below_zero() -> None:
    with pytest.raises(LocalProtocolError):
        Amount(U64_MAX, USD) + Amount(1, USD)
    with pytest.raises(LocalProtocolError):
        Amount(1, USD) - Amount(2, USD)


@pytest.mark.parametrize(("numerator", "denominator"), [(0, 1), (1, 0), (-1, 1), (1, -1), (-1, -1)])
def test_a_ratio_is_positive(numerator: int, denominator: int) -> None:
    with pytest.raises(LocalProtocolError):
        Ratio(numerator, denominator)


def test_a_ratio_is_kept_in_lowest_terms() -> None:
    assert Ratio(50, 100) == Ratio(1, 2)
    assert hash(Ratio(50, 100)) == hash(Ratio(1, 2))


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        ("1", Ratio(1, 1)),
        ("1.0035", Ratio(10035, 10000)),
        ("0.000000001", Ratio(1, 10**9)),
        ("1e-7", Ratio(1, 10**7)),
        ("2.5E+3", Ratio(2500, 1)),
        ("007.10", Ratio(71, 10)),
        ("1e400", Ratio(10**400, 1)),
    ],
)
def test_a_decimal_is_read_exactly(text: str, ratio: Ratio) -> None:
    assert Ratio.of_decimal(text) == ratio


@pytest.mark.parametrize(
    "text",
    [
        *("", "-1", "+1", ".5", "1.", "1,5", "NaN", "Infinity", "1_000", " 1", "1 ", "0x1", "1\n"),
        *("0", "0.000", "1e401", "1e-401", "1e99999", "\u0661", "1" * 129),
    ],
)
def test_what_is_no_positive_decimal_is_refused(text: str) -> None:
    with pytest.raises(InvalidDecimalError):
        Ratio.of_decimal(text)


@pytest.mark.property
@given(RATIOS, VALUES)
def test_rounding_does_what_its_name_says(ratio: Ratio, value: int) -> None:
    product, quotient = value * fraction(ratio), value / fraction(ratio)
    assert ratio.floor_mul(value) <= product < ratio.floor_mul(value) + 1
    assert ratio.ceil_mul(value) - 1 < product <= ratio.ceil_mul(value)
    assert ratio.floor_div(value) <= quotient < ratio.floor_div(value) + 1
    assert ratio.ceil_div(value) - 1 < quotient <= ratio.ceil_div(value)


@pytest.mark.property
@given(RATIOS, RATIOS)
def test_ratios_multiply_divide_and_compare_exactly(left: Ratio, right: Ratio) -> None:
    assert fraction(left * right) == fraction(left) * fraction(right)
    assert fraction(left / right) == fraction(left) / fraction(right)
    assert left.inverse() * left == Ratio(1, 1)
    assert (left < right) == (fraction(left) < fraction(right))
    assert (left <= right) == (fraction(left) <= fraction(right))


@pytest.mark.property
@given(st.builds(Ratio, st.integers(1, 500), st.integers(1, 500)), st.integers(1, 60))
def test_the_best_ratio_below_with_a_small_denominator(ratio: Ratio, denominator_max: int) -> None:
    best = max(
        Fraction(ratio.floor_mul(denominator), denominator)
        for denominator in range(1, denominator_max + 1)
    )
    limited = ratio.floor_limited(denominator_max)
    assert (Fraction(0) if limited is None else fraction(limited)) == best


@pytest.mark.property
@given(RATIOS, st.integers(1, U64_MAX), st.data())
def test_a_ratio_with_a_small_denominator_rounds_down_as_the_exact_one(
    ratio: Ratio, denominator_max: int, data: st.DataObject
) -> None:
    limited = ratio.floor_limited(denominator_max)
    value = data.draw(st.integers(0, denominator_max))
    assert (0 if limited is None else limited.floor_mul(value)) == ratio.floor_mul(value)


def test_a_third_rounds_each_way() -> None:
    third = Ratio(1, 3)
    assert (third.floor_mul(10), third.ceil_mul(10)) == (3, 4)
    assert (Ratio(3, 1).floor_div(10), Ratio(3, 1).ceil_div(10)) == (3, 4)
    assert third.inverse() == Ratio(3, 1)
    assert third / Ratio(2, 3) == Ratio(1, 2)
    assert third < Ratio(1, 2)
    assert third <= Ratio(1, 3)


def test_values_are_not_negative() -> None:
    ratio = Ratio(1, 2)
    for operation in (ratio.floor_mul, ratio.ceil_mul, ratio.floor_div, ratio.ceil_div):
        with pytest.raises(LocalProtocolError):
            operation(-1)


def test_a_price_of_major_units_becomes_a_rate_of_smallest_units() -> None:
    # 1 USD = 0.9 EUR: one cent is nine million units at scale 9.
    assert Ratio.of_decimal("0.9").for_assets(USD, EUR) == Ratio(9_000_000, 1)
    assert Ratio(1, 1).for_assets(EUR, USD) == Ratio(1, 10**7)


def test_rescaling_names_its_rounding() -> None:
    assert floor_rescale(1_999, source=3, destination=2) == 199
    assert ceil_rescale(1_991, source=3, destination=2) == 200
    assert floor_rescale(5, source=2, destination=5) == 5_000
    assert ceil_rescale(5, source=0, destination=255) == 5 * 10**255


@pytest.mark.parametrize(("dividend", "quotient"), [(0, 0), (1, 1), (7, 3), (6, 2), (-1, 0)])
def test_ceil_div_rounds_up(dividend: int, quotient: int) -> None:
    assert ceil_div(dividend, 3) == quotient
