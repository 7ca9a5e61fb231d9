import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.errors import InvalidReceiptError, LocalProtocolError, UnsupportedVersionError
from ilpkit.money import U64_MAX
from ilpkit.stream.receipts import Receipt, decode_receipt, encode_receipt, verify_receipt

from tests.support.vectors import load_json

SECRET = b"s" * 32
RECEIPT = Receipt(b"n" * 16, 1, 500)


def test_receipts_of_the_javascript_library_are_equal_byte_for_byte() -> None:
    cases = load_json("generated", "stream-receipts.json")["cases"]
    for case in cases:
        secret = bytes.fromhex(case["secret"])
        receipt = Receipt(
            bytes.fromhex(case["nonce"]), int(case["streamId"]), int(case["totalReceived"])
        )
        raw = encode_receipt(receipt, secret=secret)
        assert raw.hex() == case["receipt"]
        assert verify_receipt(raw, secret=secret) == decode_receipt(raw) == receipt
    assert len(cases) == 3


@pytest.mark.property
@given(st.integers(0, 57))
def test_a_receipt_changed_anywhere_does_not_verify(position: int) -> None:
    raw = bytearray(encode_receipt(RECEIPT, secret=SECRET))
    raw[position] ^= 0x80
    with pytest.raises(UnsupportedVersionError if position == 0 else InvalidReceiptError):
        verify_receipt(bytes(raw), secret=SECRET)


def test_a_receipt_verifies_with_its_own_secret() -> None:
    assert verify_receipt(encode_receipt(RECEIPT, secret=SECRET), secret=SECRET) == RECEIPT


def test_a_receipt_does_not_verify_with_another_secret() -> None:
    with pytest.raises(InvalidReceiptError):
        verify_receipt(encode_receipt(RECEIPT, secret=SECRET), secret=b"t" * 32)


def test_a_receipt_of_another_version_is_not_read() -> None:
    with pytest.raises(UnsupportedVersionError):
        decode_receipt(b"\x02" + bytes(57))


@pytest.mark.parametrize("size", [0, 57, 59])
def test_a_receipt_has_58_bytes(size: int) -> None:
    with pytest.raises(InvalidReceiptError):
        decode_receipt(b"\x01" * size)


@pytest.mark.parametrize(
    ("receipt", "secret"),
    [
        (RECEIPT._replace(nonce=bytes(15)), SECRET),
        (RECEIPT, bytes(31)),
        (RECEIPT._replace(stream_id=256), SECRET),
        (RECEIPT._replace(stream_id=-1), SECRET),
        (RECEIPT._replace(total_received=U64_MAX + 1), SECRET),
    ],
)
def test_we_never_write_a_receipt_against_the_limits(receipt: Receipt, secret: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        encode_receipt(receipt, secret=secret)
