import pytest
from ilpkit.errors import LocalProtocolError, TruncatedError
from ilpkit.ilp import error_codes
from ilpkit.ilp.error_codes import (
    ERROR_NAMES,
    AmountTooLarge,
    ErrorClass,
    decode_amount_too_large,
    encode_amount_too_large,
    error_class,
)
from ilpkit.money import U64_MAX


def test_each_constant_is_named_after_its_code_and_meaning() -> None:
    constants = {
        name: value
        for name, value in vars(error_codes).items()
        if name[0] in "FTR" and name[1:3].isdigit()
    }
    assert len(constants) == len(ERROR_NAMES) == 21
    for name, code in constants.items():
        assert name == f"{code}_{ERROR_NAMES[code].upper().replace(' ', '_')}"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("F99", ErrorClass.FINAL),
        ("T00", ErrorClass.TEMPORARY),
        ("R02", ErrorClass.RELATIVE),
        ("T77", ErrorClass.TEMPORARY),
        ("X00", ErrorClass.FINAL),
        ("", ErrorClass.FINAL),
    ],
)
def test_the_letter_is_the_class_and_unknown_ones_are_final(
    code: str, expected: ErrorClass
) -> None:
    assert error_class(code) is expected


def test_f08_carries_what_arrived_and_what_would_pass() -> None:
    details = AmountTooLarge(received_amount=U64_MAX, maximum_amount=1)
    raw = encode_amount_too_large(details)
    assert raw.hex() == "ffffffffffffffff0000000000000001"
    assert decode_amount_too_large(raw + b"more") == details


def test_f08_without_its_amounts_is_truncated() -> None:
    with pytest.raises(TruncatedError):
        decode_amount_too_large(bytes(15))


@pytest.mark.parametrize("details", [AmountTooLarge(-1, 0), AmountTooLarge(0, U64_MAX + 1)])
def test_our_own_f08_amounts_are_u64(details: AmountTooLarge) -> None:
    with pytest.raises(LocalProtocolError):
        encode_amount_too_large(details)
