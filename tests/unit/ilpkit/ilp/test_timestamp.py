from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.errors import InvalidTimestampError, LocalProtocolError
from ilpkit.ilp.timestamp import decode_timestamp, encode_timestamp

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MS_MIN = (datetime(1, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
MS_MAX = (datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC) - EPOCH) // timedelta(
    milliseconds=1
)


def decode(digits: bytes) -> int:
    return decode_timestamp(digits[:12], digits[12:])


@pytest.mark.parametrize(
    ("digits", "iso"),
    [
        (b"20171224161432279", "2017-12-24T16:14:32.279+00:00"),
        (b"20171224161432270", "2017-12-24T16:14:32.270+00:00"),
        (b"20171224161432200", "2017-12-24T16:14:32.200+00:00"),
        (b"20171224161432000", "2017-12-24T16:14:32.000+00:00"),
        (b"20161231235959852", "2016-12-31T23:59:59.852+00:00"),
        (b"20171225000000000", "2017-12-25T00:00:00.000+00:00"),
        (b"99991224161432279", "9999-12-24T16:14:32.279+00:00"),
        (b"20160229235959999", "2016-02-29T23:59:59.999+00:00"),
        (b"00010101000000000", "0001-01-01T00:00:00.000+00:00"),
    ],
)
def test_valid_timestamps_of_rfc_30(digits: bytes, iso: str) -> None:
    epoch_ms = (datetime.fromisoformat(iso) - EPOCH) // timedelta(milliseconds=1)
    assert decode(digits) == epoch_ms
    assert encode_timestamp(epoch_ms) == digits


@pytest.mark.parametrize(
    "digits",
    [
        b"20171224235312.43",
        b"20171324161432200",
        b"20171224240000000",
        b"20161231235960852",
        b"20171224230000000.",
        b"2017122421531",
        b"201712242153",
        b"2017122421",
        b"20170229000000000",
        b"20171200000000000",
        b"20170012000000000",
        b"20171224126000000",
        b"00000101000000000",
        b"2017122416143220a",
        b"2017122416143_200",
        b"2017122 161432200",
        b"+0171224161432200",
        b"-0171224161432200",
        b"\xb2017122416143220",
    ],
)
def test_invalid_timestamps_of_rfc_30_and_more(digits: bytes) -> None:
    with pytest.raises(InvalidTimestampError):
        decode(digits)


@pytest.mark.parametrize("epoch_ms", [MS_MIN - 1, MS_MAX + 1, 10**30, -(10**30)])
def test_our_own_timestamps_have_four_digits_of_years(epoch_ms: int) -> None:
    with pytest.raises(LocalProtocolError):
        encode_timestamp(epoch_ms)


@pytest.mark.property
@given(st.integers(MS_MIN, MS_MAX))
def test_timestamps_round_trip(epoch_ms: int) -> None:
    assert decode(encode_timestamp(epoch_ms)) == epoch_ms


@pytest.mark.property
@given(st.text("0123456789", min_size=17, max_size=17) | st.binary(min_size=17, max_size=17))
def test_any_seventeen_bytes_are_a_timestamp_or_a_named_error(digits: bytes | str) -> None:
    raw = digits if isinstance(digits, bytes) else digits.encode()
    try:
        epoch_ms = decode(raw)
    except InvalidTimestampError:
        return
    assert encode_timestamp(epoch_ms) == raw
