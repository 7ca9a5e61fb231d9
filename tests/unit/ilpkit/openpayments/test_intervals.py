"""Repeating intervals: calendar rules, and the constant-time search against counting."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import count, takewhile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ilpkit.openpayments.errors import InvalidInterval
from ilpkit.openpayments.intervals import (
    Duration,
    RepeatingInterval,
    Window,
    parse_interval,
)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _window(interval: str, now: str) -> tuple[str, str] | None:
    window = parse_interval(interval).window_at(_utc(now))
    if window is None:
        return None
    return window.start.isoformat()[:19], window.end.isoformat()[:19]


@pytest.mark.parametrize(
    ("interval", "now", "start", "end"),
    [
        ("R/2026-01-01T00:00:00Z/P1M", "2026-01-01", "2026-01-01", "2026-02-01"),
        ("R/2026-01-01T00:00:00Z/P1M", "2026-01-31T23:59:59", "2026-01-01", "2026-02-01"),
        ("R/2026-01-01T00:00:00Z/P1M", "2026-02-01", "2026-02-01", "2026-03-01"),
        ("R/2026-01-31T00:00:00Z/P1M", "2026-02-28", "2026-02-28", "2026-03-31"),
        ("R/2026-01-31T00:00:00Z/P1M", "2026-03-30", "2026-02-28", "2026-03-31"),
        ("R/2024-01-31T00:00:00Z/P1M", "2024-02-29", "2024-02-29", "2024-03-31"),
        ("R/2024-02-29T00:00:00Z/P1Y", "2028-02-29", "2028-02-29", "2029-02-28"),
        ("R-1/2000-01-01T00:00:00Z/P1D", "2026-07-09T12:00", "2026-07-09", "2026-07-10"),
        ("R/2026-01-01T00:00:00+02:00/P1D", "2025-12-31T23:00", "2025-12-31T22", "2026-01-01T22"),
        ("R/2026-01-01T00:00:00-0230/P1D", "2026-01-01T03:00", "2026-01-01T02:30", None),
        ("R/2026-01-01/P1W", "2026-01-08", "2026-01-08", "2026-01-15"),
        ("R/2026-01-01T06:30/PT90M", "2026-01-01T08:00", "2026-01-01T08", "2026-01-01T09:30"),
        ("R/P1M/2026-03-31T00:00:00Z", "2026-02-28", "2026-02-28", "2026-03-31"),
        ("R/P1M/2026-03-31T00:00:00Z", "2026-02-27T23:59:59", "2026-01-31", "2026-02-28"),
        ("R0/2026-01-01T00:00:00Z/P1D", "2026-01-01", "2026-01-01", "2026-01-02"),
        ("R1/P1D/2026-01-03T00:00:00Z", "2026-01-01", "2026-01-01", "2026-01-02"),
        (
            "R/2026-01-01T00:00:00Z/2026-02-01T00:00:00Z",
            "2026-03-01",
            "2026-02-01",
            "2026-03-04",
        ),
        ("R/2026-01-01T00:00:00Z/P1000Y", "2030-01-01", "2026-01-01", "3026-01-01"),
    ],
)
def test_the_window_around_a_moment(interval: str, now: str, start: str, end: str | None) -> None:
    window = _window(interval, now)
    assert window is not None
    assert window[0] == _utc(start).isoformat()[:19]
    if end is not None:
        assert window[1] == _utc(end).isoformat()[:19]


@pytest.mark.parametrize(
    ("interval", "now"),
    [
        ("R/2026-01-01T00:00:00Z/P1M", "2025-12-31T23:59:59"),
        ("R0/2026-01-01T00:00:00Z/P1D", "2026-01-02"),
        ("R1/2026-01-01T00:00:00Z/P1D", "2026-01-03"),
        ("R/P1M/2026-03-31T00:00:00Z", "2026-03-31"),
        ("R1/P1D/2026-01-03T00:00:00Z", "2025-12-31T23:59:59"),
        ("R/9999-12-31T00:00:00Z/P1M", "2026-01-01"),
    ],
)
def test_outside_every_window(interval: str, now: str) -> None:
    assert _window(interval, now) is None


@pytest.mark.parametrize("repetition", ["R", "R-1", "R5", "R000000005", "R999999999"])
def test_repetition_forms(repetition: str) -> None:
    assert _window(f"{repetition}/2026-01-01T00:00:00Z/P1D", "2026-01-05") is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "R/2026-01-01T00:00:00Z",
        "R/2026-01-01T00:00:00Z/P1M/P1M",
        "5/2026-01-01T00:00:00Z/P1M",
        "R-2/2026-01-01T00:00:00Z/P1M",
        "R1234567890/2026-01-01T00:00:00Z/P1M",
        "R/P1M/P1M",
        "R/2026-01-01T00:00:00Z/P",
        "R/2026-01-01T00:00:00Z/PT",
        "R/2026-01-01T00:00:00Z/P1DT",
        "R/2026-01-01T00:00:00Z/P0D",
        "R/2026-01-01T00:00:00Z/P0.5D",
        "R/2026-01-01T00:00:00Z/P-1D",
        "R/2026-01-01T00:00:00Z/P1003Y",
        "R/2026-01-01T00:00:00Z/P999999999W",
        "R/2026-02-30T00:00:00Z/P1D",
        "R/2026-01-01T24:00:00Z/P1D",
        "R/0001-01-01T00:00:00+05:00/P1D",
        "R/yesterday/P1D",
        "R/2026-01-01T00:00:00Z/tomorrow",
        "R/2026-01-01T00:00:00Z/2026-01-01T00:00:00Z",
        "R/2026-01-02T00:00:00Z/2026-01-01T00:00:00Z",
        "R/2026-01-01T00:00:00Z/P1D" + " " * 200,
    ],
)
def test_what_is_no_interval(text: str) -> None:
    with pytest.raises(InvalidInterval, match="send for example R11/"):
        parse_interval(text)


def test_now_may_be_in_any_zone() -> None:
    now = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert parse_interval("R/2026-01-01T00:00:00Z/P1D").window_at(now) is None


def test_the_calendar_ends_without_an_error() -> None:
    last = datetime(9999, 12, 31, 12, tzinfo=UTC)
    by_month = parse_interval("R/9999-12-01T00:00:00Z/P1M").window_at(last)
    by_day = parse_interval("R/9999-12-31T00:00:00Z/P2D").window_at(last)
    assert by_month is not None
    assert by_day is not None
    assert by_month.end.year == by_day.end.year == 9999
    first = datetime(1, 1, 1, 12, tzinfo=UTC)
    before = parse_interval("R/P1M/0001-01-15T00:00:00Z").window_at(first)
    assert before is not None
    assert before.start.year == 1


_MOMENTS = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - the zone is given beside it
    max_value=datetime(2060, 1, 1),  # noqa: DTZ001 - the zone is given beside it
    timezones=st.just(UTC),
)
_DURATIONS = st.builds(
    Duration,
    months=st.integers(0, 30),
    time=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=70)),
).filter(lambda duration: duration.months > 0 or duration.time >= timedelta(days=5))


def _counted(interval: RepeatingInterval, now: datetime) -> Window | None:
    """The same answer, found by walking from the anchor."""
    allowed = takewhile(
        lambda index: interval.repetitions is None or index <= interval.repetitions, count()
    )
    for index in allowed:
        window = interval._window(index)
        if window.start <= now < window.end:
            return window
        if (window.end <= now) if interval.backwards else (window.start > now):
            return None
    return None


@given(_MOMENTS, _DURATIONS, st.none() | st.integers(0, 50), st.booleans(), _MOMENTS)
@example(
    datetime(1990, 1, 31, tzinfo=UTC), Duration(1, timedelta(0)), None, False, _utc("2059-02-28")
)
def test_the_search_finds_what_counting_finds(
    anchor: datetime,
    duration: Duration,
    repetitions: int | None,
    backwards: bool,
    now: datetime,
) -> None:
    interval = RepeatingInterval(anchor, duration, repetitions, backwards)
    assert interval.window_at(now) == _counted(interval, now)


@given(st.datetimes(timezones=st.just(UTC)), st.integers(1, 12000), st.booleans(), st.data())
def test_monthly_windows_tile_the_calendar(
    anchor: datetime, months: int, backwards: bool, data: st.DataObject
) -> None:
    now = data.draw(st.datetimes(timezones=st.just(UTC)))
    window = RepeatingInterval(anchor, Duration(months, timedelta(0)), None, backwards).window_at(
        now
    )
    if window is None:
        assert (now >= anchor) is backwards
    else:
        assert window.start <= now < window.end


@given(st.text(alphabet="RPTYMWDHSZ0123456789/-:+. ") | st.text())
def test_any_text_is_an_interval_or_refused(text: str) -> None:
    try:
        interval = parse_interval(text)
    except InvalidInterval:
        return
    interval.window_at(_utc("2026-01-01"))
