"""ILPv4 packets (RFC 27): type byte, then a VarOctetString with the contents.

Bytes after the envelope, and after the last known field inside it, are ignored (RFC 30,
extensibility). The code is written for speed because every packet of every payment passes here
several times; `bench/bench_codec.py` measures it.
"""

import struct
from typing import Final, NamedTuple

from ilpkit.errors import (
    InvalidErrorCodeError,
    LocalProtocolError,
    OversizedError,
    TruncatedError,
    UnexpectedPacketTypeError,
)
from ilpkit.ilp.address import decode_address, encode_address
from ilpkit.ilp.condition import CONDITION_BYTES, FULFILLMENT_BYTES
from ilpkit.ilp.timestamp import TIMESTAMP_BYTES, decode_timestamp, encode_timestamp
from ilpkit.money import U64_MAX
from ilpkit.oer import encode_length, read_length, read_var_octets

PREPARE_TYPE: Final = 12
FULFILL_TYPE: Final = 13
REJECT_TYPE: Final = 14

DATA_BYTES_MAX: Final = 32_767
MESSAGE_BYTES_MAX: Final = 8_191
ERROR_CODE_BYTES: Final = 3
PACKET_BYTES_MAX: Final = 44_000
"""No valid packet is longer: a Reject with a full message, address and data stays below it."""

_PREPARE_HEAD: Final = struct.Struct(">Q12s5s32s")
_PATCHED_HEAD: Final = struct.Struct(f">Q{TIMESTAMP_BYTES}s")
_PREPARE_FIXED: Final = struct.Struct(f">Q{TIMESTAMP_BYTES}s{CONDITION_BYTES}s")

# Two views of the same 57 bytes: decoding looks the date up by its minute.
assert _PREPARE_HEAD.size == _PREPARE_FIXED.size


class Prepare(NamedTuple):
    """An offer to pay `amount` for the preimage of `condition`, before `expires_at_ms`."""

    amount: int
    """In units of the account it travels on; a u64."""
    expires_at_ms: int
    """Milliseconds since the epoch."""
    condition: bytes
    destination: str
    data: bytes = b""


class Fulfill(NamedTuple):
    """The preimage that settles a Prepare."""

    fulfillment: bytes
    data: bytes = b""


class Reject(NamedTuple):
    """The end of a Prepare without payment."""

    code: str
    triggered_by: str = ""
    """The address of the node that refused; may be empty."""
    message: str = ""
    """For people; nothing may depend on it."""
    data: bytes = b""


Reply = Fulfill | Reject
Packet = Prepare | Fulfill | Reject


def encode_prepare(prepare: Prepare) -> bytes:
    """The bytes of a Prepare; `LocalProtocolError` if a field breaks its limits."""
    amount, expires_at_ms, condition, destination, data = prepare
    _check_amount(amount)
    if len(condition) != CONDITION_BYTES:
        raise LocalProtocolError(f"a condition has {CONDITION_BYTES} bytes")
    address = encode_address(destination)
    _check_data(data)
    head = _PREPARE_FIXED.pack(amount, encode_timestamp(expires_at_ms), condition)
    return _envelope(
        b"\x0c", head, encode_length(len(address)), address, encode_length(len(data)), data
    )


def decode_prepare(raw: bytes) -> Prepare:
    """A Prepare from a peer; a `RemoteProtocolError` with F01 if it is malformed."""
    start, end = _open_envelope(raw, PREPARE_TYPE)
    if end - start < _PREPARE_HEAD.size:
        raise TruncatedError("the fixed part of a Prepare is cut off")
    head: tuple[int, bytes, bytes, bytes] = _PREPARE_HEAD.unpack_from(raw, start)
    amount, minute, seconds, condition = head
    destination, cursor = read_var_octets(raw, start + _PREPARE_HEAD.size, end)
    return Prepare(
        amount,
        decode_timestamp(minute, seconds),
        condition,
        decode_address(destination),
        _read_data(raw, cursor, end),
    )


def patch_prepare(raw: bytes, *, amount: int, expires_at_ms: int) -> bytes:
    """The same Prepare with another amount and expiry; all else stays as it came.

    `raw` was accepted by `decode_prepare` before; bytes after its envelope are dropped.
    """
    _check_amount(amount)
    start, end = _open_envelope(raw, PREPARE_TYPE)
    if end - start < _PATCHED_HEAD.size:
        raise TruncatedError("the fixed part of a Prepare is cut off")
    head = _PATCHED_HEAD.pack(amount, encode_timestamp(expires_at_ms))
    return b"".join((raw[:start], head, raw[start + _PATCHED_HEAD.size : end]))


def encode_fulfill(fulfill: Fulfill) -> bytes:
    """The bytes of a Fulfill; `LocalProtocolError` if a field breaks its limits."""
    fulfillment, data = fulfill
    if len(fulfillment) != FULFILLMENT_BYTES:
        raise LocalProtocolError(f"a fulfillment has {FULFILLMENT_BYTES} bytes")
    _check_data(data)
    return _envelope(b"\x0d", fulfillment, encode_length(len(data)), data)


def encode_reject(reject: Reject) -> bytes:
    """The bytes of a Reject; `LocalProtocolError` if a field breaks its limits."""
    code, triggered_by, message, data = reject
    if not _is_error_code(raw_code := code.encode()):
        raise LocalProtocolError(f"{code!r} is not an ILP error code")
    address = encode_address(triggered_by) if triggered_by else b""
    text = message.encode()
    if len(text) > MESSAGE_BYTES_MAX:
        raise LocalProtocolError(f"a message of {len(text)} bytes")
    _check_data(data)
    return _envelope(
        b"\x0e",
        raw_code,
        encode_length(len(address)),
        address,
        encode_length(len(text)),
        text,
        encode_length(len(data)),
        data,
    )


def encode_reply(reply: Reply) -> bytes:
    """The bytes of whichever reply it is."""
    return encode_fulfill(reply) if isinstance(reply, Fulfill) else encode_reject(reply)


def decode_reply(raw: bytes) -> Reply:
    """A Fulfill or Reject from a peer; a `RemoteProtocolError` with F01 for anything else."""
    if raw[:1] == b"\x0d":
        return _decode_fulfill(raw)
    return _decode_reject(raw)


def decode_packet(raw: bytes) -> Packet:
    """Any packet from a peer; a `RemoteProtocolError` with F01 if it is malformed."""
    if raw[:1] == b"\x0c":
        return decode_prepare(raw)
    return decode_reply(raw)


def _decode_fulfill(raw: bytes) -> Fulfill:
    start, end = _open_envelope(raw, FULFILL_TYPE)
    cursor = start + FULFILLMENT_BYTES
    if cursor > end:
        raise TruncatedError("the fulfillment is cut off")
    return Fulfill(raw[start:cursor], _read_data(raw, cursor, end))


def _decode_reject(raw: bytes) -> Reject:
    start, end = _open_envelope(raw, REJECT_TYPE)
    cursor = start + ERROR_CODE_BYTES
    if cursor > end:
        raise TruncatedError("the error code is cut off")
    code = raw[start:cursor]
    if not _is_error_code(code):
        raise InvalidErrorCodeError("an ILP error code is three letters or digits")
    address, cursor = read_var_octets(raw, cursor, end)
    text, cursor = read_var_octets(raw, cursor, end)
    if len(text) > MESSAGE_BYTES_MAX:
        raise OversizedError(f"a message of {len(text)} bytes")
    # The message is for people: losing the code of a Reject over a broken character would turn a
    # final error into one that is retried. Leaving bytes out never makes the text longer.
    return Reject(
        code.decode("ascii"),
        decode_address(address) if address else "",
        text.decode("utf-8", "ignore"),
        _read_data(raw, cursor, end),
    )


def _open_envelope(raw: bytes, packet_type: int) -> tuple[int, int]:
    """Where the contents start and end."""
    if not raw:
        raise TruncatedError("an empty packet")
    if raw[0] != packet_type:
        raise UnexpectedPacketTypeError(f"packet type {raw[0]} where {packet_type} belongs")
    length, start = read_length(raw, 1, len(raw))
    return start, start + length


def _envelope(packet_type: bytes, *fields: bytes) -> bytes:
    contents = b"".join(fields)
    return b"".join((packet_type, encode_length(len(contents)), contents))


def _read_data(raw: bytes, cursor: int, end: int) -> bytes:
    length, start = read_length(raw, cursor, end)
    if length > DATA_BYTES_MAX:
        raise OversizedError(f"data of {length} bytes")
    return raw[start : start + length]


def _is_error_code(code: bytes) -> bool:
    return len(code) == ERROR_CODE_BYTES and code.isalnum()


def _check_amount(amount: int) -> None:
    if not 0 <= amount <= U64_MAX:
        raise LocalProtocolError(f"amount {amount} is outside the u64 range")


def _check_data(data: bytes) -> None:
    if len(data) > DATA_BYTES_MAX:
        raise LocalProtocolError(f"data of {len(data)} bytes, at most {DATA_BYTES_MAX} allowed")
