"""ISO 8601 repeating intervals, as grants use them to reset a spending limit.

Forms: `R[n]/start/duration`, `R[n]/duration/end`, `R[n]/start/end`. `R` and `R-1` repeat without
end; n repetitions are n + 1 windows. Windows are half-open and in UTC. Months and years are counted
from the anchor, so that a monthly window from 31 January starts on the last day of each short month
and on the 31st again after it. `start/end` repeats its length in seconds. No search depends on n.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ilpkit.openpayments.errors import InvalidInterval

INTERVAL_CHARACTERS_MAX: Final = 128
REPETITION_DIGITS_MAX: Final = 9
DURATION_NUMBER_DIGITS_MAX: Final = 9
DURATION_DAYS_MAX: Final = 366 * 1000
"""A thousand years: a longer window never ends for any purpose of money."""

_MONTHS_PER_YEAR = 12
_MEAN_MONTH = timedelta(days=146097) / (400 * _MONTHS_PER_YEAR)
_ESTIMATE_ERROR_MAX = 2
"""Windows by which dividing by the mean length can miss: clipped month ends shift less than one."""

_REPETITIONS = re.compile(rf"R(-1|[0-9]{{0,{REPETITION_DIGITS_MAX}}})")
_NUMBER = rf"([0-9]{{1,{DURATION_NUMBER_DIGITS_MAX}}})"
_DURATION = re.compile(
    rf"""
    P(?=[0-9T])(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?
    (?:T(?=[0-9])(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?
    """,
    re.VERBOSE,
)
_MOMENT = re.compile(
    r"""
    ([0-9]{4})-([0-9]{2})-([0-9]{2})
    (?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?)?
    (?:Z|([+-])([0-9]{2}):?([0-9]{2}))?
    """,
    re.VERBOSE,
)
_MICROSECOND_DIGITS = 6
_LATEST = datetime.max.replace(tzinfo=UTC)
_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time that contains its start and not its end, both UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Duration:
    """Calendar months and exact time; the months are added first."""

    months: int
    time: timedelta


@dataclass(frozen=True, slots=True)
class RepeatingInterval:
    """A parsed interval; `window_at` answers the only question that grants ask."""

    anchor: datetime
    """Where the first window starts, or the last one ends if `backwards`."""
    duration: Duration
    repetitions: int | None
    """None is without end."""
    backwards: bool

    def window_at(self, now: datetime) -> Window | None:
        """The window that contains `now` (aware), or None. Constant time."""
        elapsed = self.anchor - now if self.backwards else now - self.anchor
        mean = self.duration.months * _MEAN_MONTH + self.duration.time
        estimate = elapsed // mean
        for index in range(estimate - _ESTIMATE_ERROR_MAX, estimate + _ESTIMATE_ERROR_MAX + 1):
            window = self._window(index) if self._exists(index) else None
            if window is not None and window.start <= now < window.end:
                return window
        return None

    def _exists(self, index: int) -> bool:
        return index >= 0 and (self.repetitions is None or index <= self.repetitions)

    def _window(self, index: int) -> Window:
        if self.backwards:
            return Window(start=self._edge(-index - 1), end=self._edge(-index))
        return Window(start=self._edge(index), end=self._edge(index + 1))

    def _edge(self, count: int) -> datetime:
        """The anchor moved by `count` durations, held within the calendar."""
        limit = _LATEST if count > 0 else _EARLIEST
        month = self.anchor.year * _MONTHS_PER_YEAR + self.anchor.month - 1
        year, month = divmod(month + count * self.duration.months, _MONTHS_PER_YEAR)
        if not _EARLIEST.year <= year <= _LATEST.year:
            return limit
        day = min(self.anchor.day, calendar.monthrange(year, month + 1)[1])
        try:
            return self.anchor.replace(year=year, month=month + 1, day=day) + (
                count * self.duration.time
            )
        except OverflowError:
            return limit


def parse_interval(text: str) -> RepeatingInterval:
    """A repeating interval from its text. Raises InvalidInterval.

    A moment without offset is UTC; a date alone is its midnight. Durations take whole numbers.
    """
    parts = text.split("/") if len(text) <= INTERVAL_CHARACTERS_MAX else []
    if len(parts) != 3:  # noqa: PLR2004 - repetition, and the two ends of the interval
        raise _invalid("is not R/start/duration, R/duration/end or R/start/end")
    repetition = _REPETITIONS.fullmatch(parts[0])
    if repetition is None:
        raise _invalid("does not start with R, a number of repetitions, and /")
    repetitions = None if repetition[1] in ("", "-1") else int(repetition[1])
    first, second = parts[1], parts[2]
    if first.startswith("P"):
        return RepeatingInterval(_moment(second), _duration(first), repetitions, backwards=True)
    start = _moment(first)
    if second.startswith("P"):
        return RepeatingInterval(start, _duration(second), repetitions, backwards=False)
    length = _moment(second) - start
    if length <= timedelta(0):
        raise _invalid("ends before it starts")
    return RepeatingInterval(start, Duration(0, length), repetitions, backwards=False)


def _invalid(limit: str) -> InvalidInterval:
    return InvalidInterval(
        field="interval", limit=limit, remedy="send for example R11/2026-01-31T00:00:00Z/P1M"
    )


def _duration(text: str) -> Duration:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise _invalid("has a duration that is not like P1Y2M3W4DT5H6M7S in whole numbers")
    years, months, weeks, days, hours, minutes, seconds = (
        int(part or 0) for part in match.groups()
    )
    total_months = years * _MONTHS_PER_YEAR + months
    try:
        time = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        total = total_months * _MEAN_MONTH + time
    except OverflowError:
        total = timedelta.max
        time = total
    if not timedelta(0) < total <= timedelta(days=DURATION_DAYS_MAX):
        raise _invalid(
            f"has a duration that is not between one second and {DURATION_DAYS_MAX} days"
        )
    return Duration(total_months, time)


def _moment(text: str) -> datetime:
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise _invalid("has a moment that is not like 2026-01-31T00:00:00Z")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction = (match[7] or "").ljust(_MICROSECOND_DIGITS, "0")[:_MICROSECOND_DIGITS]
    offset = timedelta(hours=int(match[9] or 0), minutes=int(match[10] or 0))
    try:
        local = datetime(year, month, day, hour, minute, second, int(fraction), tzinfo=UTC)
        return local + offset if match[8] == "-" else local - offset
    except (ValueError, OverflowError):
        raise _invalid("has a moment that is not on the calendar") from None
