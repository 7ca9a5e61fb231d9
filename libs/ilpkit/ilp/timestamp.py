"""ILP timestamps (RFC 30): 17 digits `YYYYMMDDHHmmSSfff` in UTC, as epoch milliseconds.

Dates are strict as RFC 30 asks: month 13, hour 24 and second 60 are refused. The JavaScript decoder
rolls them over to the next year, day or minute (`tests/unit/ilpkit/ilp/test_packet_vectors.py`).

Packets expire seconds ahead, so that almost all of them share their first twelve digits within a
minute: both directions of that part are remembered.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from ilpkit.errors import InvalidTimestampError, LocalProtocolError

TIMESTAMP_BYTES: Final = 17
MINUTE_BYTES: Final = 12
SECONDS_BYTES: Final = TIMESTAMP_BYTES - MINUTE_BYTES
REMEMBERED_MINUTES_MAX: Final = 256

_MS_PER_MINUTE: Final = 60_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE: Final = timedelta(minutes=1)


def decode_timestamp(minute: bytes, rest: bytes) -> int:
    """Epoch milliseconds of twelve digits and five more, or `InvalidTimestampError`."""
    if len(rest) != SECONDS_BYTES or not rest.isdigit():
        raise InvalidTimestampError("a timestamp has 17 digits")
    ms = int(rest)
    if ms >= _MS_PER_MINUTE:
        raise InvalidTimestampError("a minute has 60 seconds; leap seconds are smeared")
    return _minute_start_ms(minute) + ms


def encode_timestamp(epoch_ms: int) -> bytes:
    """The 17 digits; `LocalProtocolError` outside the years 1 to 9999."""
    minute, ms = divmod(epoch_ms, _MS_PER_MINUTE)
    return _minute_digits(minute) % ms


@lru_cache(maxsize=REMEMBERED_MINUTES_MAX)
def _minute_start_ms(minute: bytes) -> int:
    if len(minute) != MINUTE_BYTES or not minute.isdigit():
        raise InvalidTimestampError("a timestamp has digits only")
    try:
        start = datetime(
            int(minute[:4]),
            int(minute[4:6]),
            int(minute[6:8]),
            int(minute[8:10]),
            int(minute[10:]),
            tzinfo=UTC,
        )
    except ValueError:
        raise InvalidTimestampError("no such date") from None
    return (start - _EPOCH) // _MINUTE * _MS_PER_MINUTE


@lru_cache(maxsize=REMEMBERED_MINUTES_MAX)
def _minute_digits(minute: int) -> bytes:
    """The first twelve digits, followed by the format of the last five."""
    try:
        start = _EPOCH + minute * _MINUTE
    except OverflowError:
        raise LocalProtocolError(f"minute {minute} is outside the years 1 to 9999") from None
    digits = f"{start.year:04}{start.month:02}{start.day:02}{start.hour:02}{start.minute:02}"
    return digits.encode("ascii") + b"%05d"
