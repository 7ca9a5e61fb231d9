"""STREAM frames (RFC 29 section 5.3): type byte, then a VarOctetString with the contents.

Frames of an unknown type are skipped, and so are bytes after the last known field of a frame. An
error message is for people: broken UTF-8 in it is left out. Text that means something (asset codes,
addresses) must be valid.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, Protocol

from ilpkit.errors import InvalidTextError, LocalProtocolError, TruncatedError
from ilpkit.oer import (
    encode_length,
    encode_var_octets,
    encode_var_uint,
    read_length,
    read_var_octets,
    read_var_uint,
    read_var_uint_saturating,
)


class CloseCode(IntEnum):
    """Why a connection or stream was closed; peers may send values beyond these."""

    NO_ERROR = 1
    INTERNAL_ERROR = 2
    ENDPOINT_BUSY = 3
    FLOW_CONTROL_ERROR = 4
    STREAM_ID_ERROR = 5
    STREAM_STATE_ERROR = 6
    FRAME_FORMAT_ERROR = 7
    PROTOCOL_VIOLATION = 8
    APPLICATION_ERROR = 9


class Frame(Protocol):
    """What all frames have in common."""

    TYPE: ClassVar[int]

    def encode_contents(self) -> bytes:
        """The bytes inside the frame; `LocalProtocolError` if a field breaks its limits."""
        ...


@dataclass(frozen=True, slots=True)
class ConnectionClose:
    """The connection is over."""

    TYPE: ClassVar[int] = 0x01
    error_code: int
    error_message: str = ""

    def encode_contents(self) -> bytes:
        """Code u8, message."""
        return _u8(self.error_code) + encode_var_octets(self.error_message.encode())


def _decode_connection_close(data: bytes, offset: int, end: int) -> ConnectionClose:
    code, offset = _read_u8(data, offset, end)
    return ConnectionClose(code, _read_message(data, offset, end))


@dataclass(frozen=True, slots=True)
class ConnectionNewAddress:
    """Where the sender of the frame can be reached; empty where it can't."""

    TYPE: ClassVar[int] = 0x02
    source_account: str

    def encode_contents(self) -> bytes:
        """The address."""
        return encode_var_octets(self.source_account.encode())


def _decode_connection_new_address(data: bytes, offset: int, end: int) -> ConnectionNewAddress:
    return ConnectionNewAddress(_read_text(data, offset, end)[0])


@dataclass(frozen=True, slots=True)
class ConnectionMaxData:
    """How many bytes of data the connection may carry in all."""

    TYPE: ClassVar[int] = 0x03
    max_offset: int

    def encode_contents(self) -> bytes:
        """The offset."""
        return encode_var_uint(self.max_offset)


def _decode_connection_max_data(data: bytes, offset: int, end: int) -> ConnectionMaxData:
    return ConnectionMaxData(read_var_uint(data, offset, end)[0])


@dataclass(frozen=True, slots=True)
class ConnectionDataBlocked:
    """How many bytes of data the sender of the frame would like to send in all."""

    TYPE: ClassVar[int] = 0x04
    max_offset: int

    def encode_contents(self) -> bytes:
        """The offset."""
        return encode_var_uint(self.max_offset)


def _decode_connection_data_blocked(data: bytes, offset: int, end: int) -> ConnectionDataBlocked:
    return ConnectionDataBlocked(read_var_uint(data, offset, end)[0])


@dataclass(frozen=True, slots=True)
class ConnectionMaxStreamId:
    """The highest stream that the peer may open."""

    TYPE: ClassVar[int] = 0x05
    max_stream_id: int

    def encode_contents(self) -> bytes:
        """The stream."""
        return encode_var_uint(self.max_stream_id)


def _decode_connection_max_stream_id(data: bytes, offset: int, end: int) -> ConnectionMaxStreamId:
    return ConnectionMaxStreamId(read_var_uint(data, offset, end)[0])


@dataclass(frozen=True, slots=True)
class ConnectionStreamIdBlocked:
    """The highest stream that the sender of the frame would like to open."""

    TYPE: ClassVar[int] = 0x06
    max_stream_id: int

    def encode_contents(self) -> bytes:
        """The stream."""
        return encode_var_uint(self.max_stream_id)


def _decode_connection_stream_id_blocked(
    data: bytes, offset: int, end: int
) -> ConnectionStreamIdBlocked:
    return ConnectionStreamIdBlocked(read_var_uint(data, offset, end)[0])


@dataclass(frozen=True, slots=True)
class ConnectionAssetDetails:
    """The asset that the sender of the frame counts in."""

    TYPE: ClassVar[int] = 0x07
    asset_code: str
    asset_scale: int

    def encode_contents(self) -> bytes:
        """Code, scale u8."""
        return encode_var_octets(self.asset_code.encode()) + _u8(self.asset_scale)


def _decode_connection_asset_details(data: bytes, offset: int, end: int) -> ConnectionAssetDetails:
    code, offset = _read_text(data, offset, end)
    return ConnectionAssetDetails(code, _read_u8(data, offset, end)[0])


@dataclass(frozen=True, slots=True)
class StreamClose:
    """A stream is over."""

    TYPE: ClassVar[int] = 0x10
    stream_id: int
    error_code: int
    error_message: str = ""

    def encode_contents(self) -> bytes:
        """Stream, code u8, message."""
        return b"".join(
            (
                encode_var_uint(self.stream_id),
                _u8(self.error_code),
                encode_var_octets(self.error_message.encode()),
            )
        )


def _decode_stream_close(data: bytes, offset: int, end: int) -> StreamClose:
    stream_id, offset = read_var_uint(data, offset, end)
    code, offset = _read_u8(data, offset, end)
    return StreamClose(stream_id, code, _read_message(data, offset, end))


@dataclass(frozen=True, slots=True)
class StreamMoney:
    """The part of the packet's amount that is for one stream, in shares of all parts."""

    TYPE: ClassVar[int] = 0x11
    stream_id: int
    shares: int

    def encode_contents(self) -> bytes:
        """Stream, shares."""
        return encode_var_uint(self.stream_id) + encode_var_uint(self.shares)


def _decode_stream_money(data: bytes, offset: int, end: int) -> StreamMoney:
    stream_id, offset = read_var_uint(data, offset, end)
    return StreamMoney(stream_id, read_var_uint(data, offset, end)[0])


@dataclass(frozen=True, slots=True)
class StreamMaxMoney:
    """How much the sender of the frame takes on a stream in all, and how much it has."""

    TYPE: ClassVar[int] = 0x12
    stream_id: int
    receive_max: int
    """In the units of the frame's sender; the largest u64 stands for anything beyond."""
    total_received: int

    def encode_contents(self) -> bytes:
        """Stream, maximum, total."""
        return _three_uints(self.stream_id, self.receive_max, self.total_received)


def _decode_stream_max_money(data: bytes, offset: int, end: int) -> StreamMaxMoney:
    stream_id, offset = read_var_uint(data, offset, end)
    receive_max, offset = read_var_uint_saturating(data, offset, end)
    return StreamMaxMoney(stream_id, receive_max, read_var_uint(data, offset, end)[0])


@dataclass(frozen=True, slots=True)
class StreamMoneyBlocked:
    """How much the sender of the frame wants to send on a stream in all, and has sent."""

    TYPE: ClassVar[int] = 0x13
    stream_id: int
    send_max: int
    """In the units of the frame's sender; the largest u64 stands for anything beyond."""
    total_sent: int

    def encode_contents(self) -> bytes:
        """Stream, maximum, total."""
        return _three_uints(self.stream_id, self.send_max, self.total_sent)


def _decode_stream_money_blocked(data: bytes, offset: int, end: int) -> StreamMoneyBlocked:
    stream_id, offset = read_var_uint(data, offset, end)
    send_max, offset = read_var_uint_saturating(data, offset, end)
    return StreamMoneyBlocked(stream_id, send_max, read_var_uint(data, offset, end)[0])


@dataclass(frozen=True, slots=True)
class StreamData:
    """Bytes of a stream, starting at an offset."""

    TYPE: ClassVar[int] = 0x14
    stream_id: int
    offset: int
    data: bytes

    def encode_contents(self) -> bytes:
        """Stream, offset, data."""
        return b"".join(
            (
                encode_var_uint(self.stream_id),
                encode_var_uint(self.offset),
                encode_var_octets(self.data),
            )
        )


def _decode_stream_data(data: bytes, offset: int, end: int) -> StreamData:
    stream_id, offset = read_var_uint(data, offset, end)
    stream_offset, offset = read_var_uint(data, offset, end)
    return StreamData(stream_id, stream_offset, read_var_octets(data, offset, end)[0])


@dataclass(frozen=True, slots=True)
class StreamMaxData:
    """How many bytes of data a stream may carry in all."""

    TYPE: ClassVar[int] = 0x15
    stream_id: int
    max_offset: int

    def encode_contents(self) -> bytes:
        """Stream, offset."""
        return encode_var_uint(self.stream_id) + encode_var_uint(self.max_offset)


def _decode_stream_max_data(data: bytes, offset: int, end: int) -> StreamMaxData:
    stream_id, offset = read_var_uint(data, offset, end)
    return StreamMaxData(stream_id, read_var_uint(data, offset, end)[0])


@dataclass(frozen=True, slots=True)
class StreamDataBlocked:
    """How many bytes of data the sender of the frame would like to send on a stream in all."""

    TYPE: ClassVar[int] = 0x16
    stream_id: int
    max_offset: int

    def encode_contents(self) -> bytes:
        """Stream, offset."""
        return encode_var_uint(self.stream_id) + encode_var_uint(self.max_offset)


def _decode_stream_data_blocked(data: bytes, offset: int, end: int) -> StreamDataBlocked:
    stream_id, offset = read_var_uint(data, offset, end)
    return StreamDataBlocked(stream_id, read_var_uint(data, offset, end)[0])


@dataclass(frozen=True, slots=True)
class StreamReceipt:
    """Proof for a third party of how much a stream received; gone from RFC 29, still in use."""

    TYPE: ClassVar[int] = 0x17
    stream_id: int
    receipt: bytes

    def encode_contents(self) -> bytes:
        """Stream, receipt."""
        return encode_var_uint(self.stream_id) + encode_var_octets(self.receipt)


def _decode_stream_receipt(data: bytes, offset: int, end: int) -> StreamReceipt:
    stream_id, offset = read_var_uint(data, offset, end)
    return StreamReceipt(stream_id, read_var_octets(data, offset, end)[0])


_DECODERS: Final[dict[int, Callable[[bytes, int, int], Frame]]] = {
    ConnectionClose.TYPE: _decode_connection_close,
    ConnectionNewAddress.TYPE: _decode_connection_new_address,
    ConnectionMaxData.TYPE: _decode_connection_max_data,
    ConnectionDataBlocked.TYPE: _decode_connection_data_blocked,
    ConnectionMaxStreamId.TYPE: _decode_connection_max_stream_id,
    ConnectionStreamIdBlocked.TYPE: _decode_connection_stream_id_blocked,
    ConnectionAssetDetails.TYPE: _decode_connection_asset_details,
    StreamClose.TYPE: _decode_stream_close,
    StreamMoney.TYPE: _decode_stream_money,
    StreamMaxMoney.TYPE: _decode_stream_max_money,
    StreamMoneyBlocked.TYPE: _decode_stream_money_blocked,
    StreamData.TYPE: _decode_stream_data,
    StreamMaxData.TYPE: _decode_stream_max_data,
    StreamDataBlocked.TYPE: _decode_stream_data_blocked,
    StreamReceipt.TYPE: _decode_stream_receipt,
}


_NO_FRAMES: Final = encode_var_uint(0)


def encode_frames(frames: Sequence[Frame]) -> bytes:
    """The number of frames, then each of them."""
    if not frames:
        return _NO_FRAMES
    parts: list[bytes] = []
    for frame in frames:
        contents = frame.encode_contents()
        parts += (_u8(frame.TYPE), encode_length(len(contents)), contents)
    return encode_var_uint(len(parts) // 3) + b"".join(parts)


def decode_frames(data: bytes, offset: int = 0, end: int | None = None) -> tuple[Frame, ...]:
    """What `encode_frames` wrote at `offset`, without frames of unknown types.

    Bytes after the last frame are padding and ignored. Raises a `RemoteProtocolError` with F01.
    """
    limit = len(data) if end is None else end
    count, cursor = read_var_uint(data, offset, limit)
    frames: list[Frame] = []
    for _ in range(count):
        if cursor >= limit:
            raise TruncatedError(f"{count} frames announced, {len(frames)} present")
        decode = _DECODERS.get(data[cursor])
        length, start = read_length(data, cursor + 1, limit)
        cursor = start + length
        if decode is not None:
            frames.append(decode(data, start, cursor))
    return tuple(frames)


def _three_uints(first: int, second: int, third: int) -> bytes:
    return encode_var_uint(first) + encode_var_uint(second) + encode_var_uint(third)


def _u8(value: int) -> bytes:
    if not 0 <= value <= 0xFF:  # noqa: PLR2004 - the range of a byte
        raise LocalProtocolError(f"{value} does not fit a byte")
    return value.to_bytes(1, "big")


def _read_u8(data: bytes, offset: int, end: int) -> tuple[int, int]:
    if offset >= end:
        raise TruncatedError("a byte is missing")
    return data[offset], offset + 1


def _read_text(data: bytes, offset: int, end: int) -> tuple[str, int]:
    raw, offset = read_var_octets(data, offset, end)
    try:
        return raw.decode("utf-8"), offset
    except UnicodeDecodeError:
        raise InvalidTextError("not UTF-8") from None


def _read_message(data: bytes, offset: int, end: int) -> str:
    return read_var_octets(data, offset, end)[0].decode("utf-8", "ignore")
