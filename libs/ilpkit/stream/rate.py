"""What a path's exchange rate can be, as exact bounds that each authentic reply narrows.

Rules of this file:
- A rate is destination units per source unit, as exact integers; each division names its rounding.
- A packet of *source* units of which *received* arrived shows received/source <= rate <
  (received+1)/source, because the path rounds down. Bounds are the intersection of what is shown.
- An observation outside the bounds means that the rate moved: the bounds start anew from it.

Source: RFC 0029 section 5.4 (exchange rates); rounding over several hops can lose more than one
unit, so the bounds are estimates there. They size packets; what guards the money is each packet's
minimum.
"""

from typing import Final, Self, final

from ilpkit.money import Ratio, ceil_div

_EXACT_BITS: Final = 65
"""An exact rate's upper bound is above it by less than any packet amount (below 2**64) can show."""


def minimum_delivery(amount: int, min_rate: Ratio | None) -> int:
    """The least that must arrive of `amount`: ceil(amount x min_rate), or zero without a rate."""
    return 0 if min_rate is None else min_rate.ceil_mul(amount)


@final
class RateBounds:
    """low <= rate < high, where high may be unknown."""

    __slots__ = ("_high_d", "_high_n", "_last", "_low_d", "_low_n", "version")

    def __init__(self, *, low: Ratio | None = None, high: Ratio | None = None) -> None:
        self._low_n, self._low_d = (0, 1) if low is None else (low.numerator, low.denominator)
        self._high_n, self._high_d = (0, 0) if high is None else (high.numerator, high.denominator)
        self._last = (-1, -1)
        self.version = 0
        """Changes whenever a bound does."""

    @classmethod
    def exact(cls, rate: Ratio) -> Self:
        """The bounds of a path that surely delivers floor(amount x rate)."""
        scale = 1 << _EXACT_BITS
        return cls(low=rate, high=Ratio(rate.numerator * scale + 1, rate.denominator * scale))

    @property
    def known(self) -> bool:
        """Whether both bounds are known."""
        return self._high_d > 0

    @property
    def low(self) -> Ratio | None:
        """The least that the rate can be; None where it can be zero."""
        return Ratio(self._low_n, self._low_d) if self._low_n else None

    @property
    def high(self) -> Ratio | None:
        """What the rate is below; None while nothing is known."""
        return Ratio(self._high_n, self._high_d) if self._high_d else None

    def observe(self, *, source: int, received: int) -> None:
        """Narrow the bounds by one authentic reply: `received` of `source` units arrived."""
        if not source or (source, received) == self._last:
            return
        self._last = (source, received)
        raises_low = received * self._low_d > self._low_n * source
        lowers_high = not self.known or (received + 1) * self._high_d < self._high_n * source
        moved = self.known and (
            (received + 1) * self._low_d <= self._low_n * source
            or received * self._high_d >= self._high_n * source
        )
        if raises_low or lowers_high or moved:
            self.version += 1
        if raises_low or moved:
            self._low_n, self._low_d = received, source
        if lowers_high or moved:
            self._high_n, self._high_d = received + 1, source

    def delivery_least(self, source: int) -> int:
        """The least that `source` units can deliver: rounded down."""
        return source * self._low_n // self._low_d

    def delivery_most(self, source: int) -> int:
        """The most that `source` units can deliver: below the upper bound, so rounded up less one.

        The upper bound must be known.
        """
        return max(0, ceil_div(source * self._high_n, self._high_d) - 1)

    def source_surely(self, delivery: int) -> int | None:
        """The least that surely delivers `delivery`: rounded up; None if no amount does."""
        return ceil_div(delivery * self._low_d, self._low_n) if self._low_n else None

    def source_possibly(self, delivery: int) -> int:
        """The least source amount that may deliver `delivery`: above the division, so one more.

        The upper bound must be known.
        """
        return delivery * self._high_d // self._high_n + 1

    def source_without_excess(self, delivery: int) -> int:
        """The greatest source amount that can't deliver more than `delivery`: rounded down.

        The upper bound must be known.
        """
        return (delivery + 1) * self._high_d // self._high_n
