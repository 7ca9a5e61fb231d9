"""Money as integers, rates as exact rationals; what rounds says which way in its name."""

import re
from dataclasses import dataclass
from itertools import repeat
from math import gcd, prod
from typing import Final, Self

from ilpkit.errors import InvalidDecimalError, LocalProtocolError

U64_MAX: Final = 2**64 - 1
ASSET_SCALE_MAX: Final = 255
ASSET_CODE_BYTES_MAX: Final = 255
"""An ILDCP or STREAM asset code travels in a VarOctetString; no known code is near this long."""
DECIMAL_CHARS_MAX: Final = 128
DECIMAL_EXPONENT_MAX: Final = 400
"""Bounds the digits that a short text such as `1e9999999` may ask for."""

_DECIMAL = re.compile(r"([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,4}))?")


@dataclass(frozen=True, slots=True)
class Asset:
    """A unit of account."""

    code: str
    scale: int
    """The power of ten between the major unit and the integer amounts."""

    def __post_init__(self) -> None:
        if not 0 <= self.scale <= ASSET_SCALE_MAX:
            raise LocalProtocolError(f"asset scale {self.scale} is outside 0..{ASSET_SCALE_MAX}")
        if not 1 <= len(self.code.encode()) <= ASSET_CODE_BYTES_MAX:
            raise LocalProtocolError(f"an asset code has 1..{ASSET_CODE_BYTES_MAX} bytes")


@dataclass(frozen=True, slots=True)
class Amount:
    """A u64 count of an asset's smallest unit."""

    value: int
    asset: Asset

    def __post_init__(self) -> None:
        if not 0 <= self.value <= U64_MAX:
            raise LocalProtocolError(f"amount {self.value} is outside the u64 range")

    def __add__(self, other: Self) -> "Amount":
        """The exact sum; raises `LocalProtocolError` for another asset or beyond u64."""
        return Amount(self.value + self._same_asset(other), self.asset)

    def __sub__(self, other: Self) -> "Amount":
        """The exact difference; raises `LocalProtocolError` for another asset or below zero."""
        return Amount(self.value - self._same_asset(other), self.asset)

    def _same_asset(self, other: Self) -> int:
        if other.asset != self.asset:
            raise LocalProtocolError(f"{other.asset} is not {self.asset}")
        return other.value


@dataclass(frozen=True, slots=True)
class Ratio:
    """An exact positive rational in lowest terms: a rate, a price, a share."""

    numerator: int
    denominator: int

    def __post_init__(self) -> None:
        if self.numerator <= 0 or self.denominator <= 0:
            raise LocalProtocolError(f"{self.numerator}/{self.denominator} is not positive")
        divisor = gcd(self.numerator, self.denominator)
        if divisor != 1:
            object.__setattr__(self, "numerator", self.numerator // divisor)
            object.__setattr__(self, "denominator", self.denominator // divisor)

    @classmethod
    def of_decimal(cls, text: str) -> Self:
        """The exact value of a positive decimal (`1.0035`, `1e-7`), or `InvalidDecimalError`."""
        match = _DECIMAL.fullmatch(text) if len(text) <= DECIMAL_CHARS_MAX else None
        if match is None:
            raise InvalidDecimalError("not a plain decimal number")
        whole, fraction, exponent_text = match[1], match[2] or "", match[3] or "0"
        exponent = int(exponent_text) - len(fraction)
        digits = int(whole + fraction)
        if digits == 0:
            raise InvalidDecimalError("a rate is greater than zero")
        if abs(exponent) > DECIMAL_EXPONENT_MAX:
            raise InvalidDecimalError(f"exponent beyond {DECIMAL_EXPONENT_MAX}")
        return cls(digits * _power_of_ten(exponent), _power_of_ten(-exponent))

    @classmethod
    def between_scales(cls, *, source: int, destination: int) -> Self:
        """What one unit at scale `source` is worth in units at scale `destination`."""
        return cls(_power_of_ten(destination - source), _power_of_ten(source - destination))

    def for_assets(self, source: Asset, destination: Asset) -> "Ratio":
        """This price of one major unit, as destination units per source unit."""
        return self * Ratio.between_scales(source=source.scale, destination=destination.scale)

    def inverse(self) -> "Ratio":
        """One over this."""
        return Ratio(self.denominator, self.numerator)

    def floor_limited(self, denominator_max: int) -> "Ratio | None":
        """The greatest ratio not above this with at most this denominator; None where it is zero.

        It is what packets of at most `denominator_max` units bring at this rate when each is
        rounded down: no split into such packets brings more, and packets of its denominator bring
        just it. For each value up to `denominator_max`, its `floor_mul` is this ratio's.
        """
        if self.denominator <= denominator_max:
            return self
        # Down the Stern-Brocot tree: low <= target < high are neighbours all the way, and a
        # fraction between neighbours has at least the sum of their denominators.
        low_n, low_d = self.numerator // self.denominator, 1
        high_n, high_d = low_n + 1, 1
        while low_d + high_d <= denominator_max:
            below = self.numerator * low_d - low_n * self.denominator
            above = high_n * self.denominator - self.numerator * high_d
            if below >= above:
                steps = min(below // above, (denominator_max - low_d) // high_d)
                low_n, low_d = low_n + steps * high_n, low_d + steps * high_d
            else:
                steps = min((above - 1) // below, (denominator_max - high_d) // low_d)
                high_n, high_d = high_n + steps * low_n, high_d + steps * low_d
        return Ratio(low_n, low_d) if low_n else None

    def floor_mul(self, value: int) -> int:
        """`value` times this, rounded down; `value` is not negative."""
        return _not_negative(value) * self.numerator // self.denominator

    def ceil_mul(self, value: int) -> int:
        """`value` times this, rounded up; `value` is not negative."""
        return ceil_div(_not_negative(value) * self.numerator, self.denominator)

    def floor_div(self, value: int) -> int:
        """`value` divided by this, rounded down; `value` is not negative."""
        return _not_negative(value) * self.denominator // self.numerator

    def ceil_div(self, value: int) -> int:
        """`value` divided by this, rounded up; `value` is not negative."""
        return ceil_div(_not_negative(value) * self.denominator, self.numerator)

    def __mul__(self, other: Self) -> "Ratio":
        return Ratio(self.numerator * other.numerator, self.denominator * other.denominator)

    def __truediv__(self, other: Self) -> "Ratio":
        return Ratio(self.numerator * other.denominator, self.denominator * other.numerator)

    def __lt__(self, other: Self) -> bool:
        return self.numerator * other.denominator < other.numerator * self.denominator

    def __le__(self, other: Self) -> bool:
        return self.numerator * other.denominator <= other.numerator * self.denominator


def ceil_div(dividend: int, divisor: int) -> int:
    """`dividend / divisor` rounded towards positive infinity; `divisor` is positive."""
    return -(-dividend // divisor)


def floor_rescale(value: int, *, source: int, destination: int) -> int:
    """`value` at asset scale `source`, at scale `destination`, rounded down."""
    return Ratio.between_scales(source=source, destination=destination).floor_mul(value)


def ceil_rescale(value: int, *, source: int, destination: int) -> int:
    """`value` at asset scale `source`, at scale `destination`, rounded up."""
    return Ratio.between_scales(source=source, destination=destination).ceil_mul(value)


def _power_of_ten(exponent: int) -> int:
    """Ten to the power, or one if that is negative."""
    return prod(repeat(10, exponent))


def _not_negative(value: int) -> int:
    if value < 0:
        raise LocalProtocolError(f"{value} is negative")
    return value
