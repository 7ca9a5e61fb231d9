"""ILP error codes (RFC 27 section 3.4): names, classes, and the data of F08."""

import struct
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from ilpkit.errors import LocalProtocolError, TruncatedError
from ilpkit.money import U64_MAX

F00_BAD_REQUEST: Final = "F00"
F01_INVALID_PACKET: Final = "F01"
F02_UNREACHABLE: Final = "F02"
F03_INVALID_AMOUNT: Final = "F03"
F04_INSUFFICIENT_DESTINATION_AMOUNT: Final = "F04"
F05_WRONG_CONDITION: Final = "F05"
F06_UNEXPECTED_PAYMENT: Final = "F06"
F07_CANNOT_RECEIVE: Final = "F07"
F08_AMOUNT_TOO_LARGE: Final = "F08"
F99_APPLICATION_ERROR: Final = "F99"
T00_INTERNAL_ERROR: Final = "T00"
T01_PEER_UNREACHABLE: Final = "T01"
T02_PEER_BUSY: Final = "T02"
T03_CONNECTOR_BUSY: Final = "T03"
T04_INSUFFICIENT_LIQUIDITY: Final = "T04"
T05_RATE_LIMITED: Final = "T05"
T99_APPLICATION_ERROR: Final = "T99"
R00_TRANSFER_TIMED_OUT: Final = "R00"
R01_INSUFFICIENT_SOURCE_AMOUNT: Final = "R01"
R02_INSUFFICIENT_TIMEOUT: Final = "R02"
R99_APPLICATION_ERROR: Final = "R99"

ERROR_NAMES: Final = MappingProxyType(
    {
        F00_BAD_REQUEST: "Bad Request",
        F01_INVALID_PACKET: "Invalid Packet",
        F02_UNREACHABLE: "Unreachable",
        F03_INVALID_AMOUNT: "Invalid Amount",
        F04_INSUFFICIENT_DESTINATION_AMOUNT: "Insufficient Destination Amount",
        F05_WRONG_CONDITION: "Wrong Condition",
        F06_UNEXPECTED_PAYMENT: "Unexpected Payment",
        F07_CANNOT_RECEIVE: "Cannot Receive",
        F08_AMOUNT_TOO_LARGE: "Amount Too Large",
        F99_APPLICATION_ERROR: "Application Error",
        T00_INTERNAL_ERROR: "Internal Error",
        T01_PEER_UNREACHABLE: "Peer Unreachable",
        T02_PEER_BUSY: "Peer Busy",
        T03_CONNECTOR_BUSY: "Connector Busy",
        T04_INSUFFICIENT_LIQUIDITY: "Insufficient Liquidity",
        T05_RATE_LIMITED: "Rate Limited",
        T99_APPLICATION_ERROR: "Application Error",
        R00_TRANSFER_TIMED_OUT: "Transfer Timed Out",
        R01_INSUFFICIENT_SOURCE_AMOUNT: "Insufficient Source Amount",
        R02_INSUFFICIENT_TIMEOUT: "Insufficient Timeout",
        R99_APPLICATION_ERROR: "Application Error",
    }
)


class ErrorClass(StrEnum):
    """What a sender may do about a Reject."""

    FINAL = "F"
    """Sending the same packet again won't help."""
    TEMPORARY = "T"
    """The same packet may pass later."""
    RELATIVE = "R"
    """A packet with more amount or time may pass."""


def error_class(code: str) -> ErrorClass:
    """The class of any code; an unknown letter counts as final, so that nobody retries it."""
    letter = code[:1]
    if letter == "T":
        return ErrorClass.TEMPORARY
    return ErrorClass.RELATIVE if letter == "R" else ErrorClass.FINAL


class AmountTooLarge(NamedTuple):
    """Data of an F08 Reject, in units of the connector that made it."""

    received_amount: int
    """What arrived there."""
    maximum_amount: int
    """What would have passed."""


_AMOUNT_TOO_LARGE: Final = struct.Struct(">QQ")


def encode_amount_too_large(details: AmountTooLarge) -> bytes:
    """Two u64; `LocalProtocolError` if one does not fit."""
    if not all(0 <= amount <= U64_MAX for amount in details):
        raise LocalProtocolError(f"{details} is outside the u64 range")
    return _AMOUNT_TOO_LARGE.pack(*details)


def decode_amount_too_large(data: bytes) -> AmountTooLarge:
    """The data of an F08 Reject; `TruncatedError` where a connector sent none."""
    if len(data) < _AMOUNT_TOO_LARGE.size:
        raise TruncatedError("F08 without its two amounts")
    amounts: tuple[int, int] = _AMOUNT_TOO_LARGE.unpack_from(data)
    return AmountTooLarge(*amounts)
