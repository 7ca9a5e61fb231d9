"""Field types: moments and the frozen base."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.openpayments.incoming_payment import CreateIncomingPayment
from ilpkit.openpayments.wire import format_timestamp, parse_timestamp
from pydantic import ValidationError


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-12T23:20:50Z", datetime(2026, 3, 12, 23, 20, 50, tzinfo=UTC)),
        ("2026-03-12t23:20:50.5z", datetime(2026, 3, 12, 23, 20, 50, 500000, tzinfo=UTC)),
        ("2026-03-12T23:20:50.1234567+01:00", datetime(2026, 3, 12, 22, 20, 50, 123456, UTC)),
        ("2026-03-12T23:20:50-01:30", datetime(2026, 3, 13, 0, 50, 50, tzinfo=UTC)),
    ],
)
def test_moments(text: str, moment: datetime) -> None:
    assert parse_timestamp(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-03-12",
        "2026-03-12T23:20:50",
        "2026-03-12 23:20:50Z",
        "2026-13-12T23:20:50Z",
        "2026-03-12T23:20:60Z",
        "2026-03-12T23:20:50+24:00",
        "0001-01-01T00:00:00+01:00",
        "२०२६-03-12T23:20:50Z",
        "1700000000",
    ],
)
def test_what_is_no_moment(text: str) -> None:
    assert parse_timestamp(text) is None


@given(st.datetimes(timezones=st.just(UTC)))
def test_moments_are_written_in_milliseconds_and_read_back(moment: datetime) -> None:
    read = parse_timestamp(format_timestamp(moment))
    assert read is not None
    assert timedelta(0) <= moment - read < timedelta(milliseconds=1)


def test_moments_are_written_in_utc() -> None:
    local = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert format_timestamp(local) == "2026-01-01T00:00:00.000Z"


def test_shapes_are_frozen_and_need_aware_moments() -> None:
    body = CreateIncomingPayment(wallet_address="https://a.example", incoming_amount=None)
    with pytest.raises(ValidationError):
        body.wallet_address = "https://b.example"  # type: ignore[misc]  # the point of the test
    with pytest.raises(ValidationError):
        CreateIncomingPayment(
            wallet_address="https://a.example",
            expires_at=datetime(2026, 1, 1),  # noqa: DTZ001 - the point of the test
        )
