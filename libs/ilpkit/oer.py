"""Bounded canonical OER (RFC 30): the primitives that ILP, ILDCP, CCP and STREAM are made of.

Length determinants must be in their shortest form, which the reference JavaScript reader insists on
too. A VarUInt may have leading zeros within its eight bytes, because that reader takes them; we
never write them.
"""

from typing import Final, final

from ilpkit.errors import (
    EmptyIntegerError,
    LocalProtocolError,
    NonCanonicalLengthError,
    OverlongIntegerError,
    OversizedError,
    TruncatedError,
)
from ilpkit.money import U64_MAX

VAR_OCTETS_BYTES_MAX: Final = 65_535
"""The longest VarOctetString read or written here: two length bytes hold every packet."""
VAR_UINT_BYTES_MAX: Final = 8

_SHORT_LENGTH_MAX: Final = 127
_U8_MAX: Final = 0xFF
_LONG_FORM: Final = 0x80
_ONE_BYTE_LENGTH: Final = 0x81
_TWO_BYTE_LENGTH: Final = 0x82
_SMALL_VAR_UINTS: Final = tuple(bytes((1, value)) for value in range(256))


def read_length(data: bytes, offset: int, end: int) -> tuple[int, int]:
    """The length determinant at `offset` and the offset after it; its content lies within `end`."""
    if offset >= end:
        raise TruncatedError("no length determinant")
    length = data[offset]
    offset += 1
    if length > _SHORT_LENGTH_MAX:
        length, offset = _read_long_length(data, offset, end, length)
    if length > end - offset:
        raise TruncatedError(f"{length} bytes announced, {end - offset} present")
    return length, offset


def _read_long_length(data: bytes, offset: int, end: int, form: int) -> tuple[int, int]:
    size = form - _LONG_FORM
    if size > end - offset:
        raise TruncatedError("the length determinant is cut off")
    length = int.from_bytes(data[offset : offset + size], "big")
    if length <= _SHORT_LENGTH_MAX or data[offset] == 0:
        raise NonCanonicalLengthError(f"length {length} written in {size} bytes")
    if length > VAR_OCTETS_BYTES_MAX:
        raise OversizedError(f"a field of {length} bytes")
    return length, offset + size


def read_var_octets(data: bytes, offset: int, end: int) -> tuple[bytes, int]:
    """The VarOctetString at `offset` and the offset after it."""
    if offset < end and (length := data[offset]) <= _SHORT_LENGTH_MAX:
        start = offset + 1
        stop = start + length
        if stop <= end:
            return data[start:stop], stop
    length, start = read_length(data, offset, end)
    stop = start + length
    return data[start:stop], stop


def read_var_uint(data: bytes, offset: int, end: int) -> tuple[int, int]:
    """The VarUInt at `offset`, at most a u64, and the offset after it."""
    if end - offset > 1 and data[offset] == 1:
        return data[offset + 1], offset + 2
    length, start = read_length(data, offset, end)
    if length == 0:
        raise EmptyIntegerError("an integer of no bytes")
    if length > VAR_UINT_BYTES_MAX:
        raise OverlongIntegerError(f"an integer of {length} bytes")
    stop = start + length
    return int.from_bytes(data[start:stop], "big"), stop


def read_var_uint_saturating(data: bytes, offset: int, end: int) -> tuple[int, int]:
    """As `read_var_uint`, but what is longer than a u64 counts as the largest u64."""
    length, start = read_length(data, offset, end)
    if length > VAR_UINT_BYTES_MAX:
        return U64_MAX, start + length
    return read_var_uint(data, offset, end)


def encode_length(length: int) -> bytes:
    """The shortest length determinant; `LocalProtocolError` above `VAR_OCTETS_BYTES_MAX`."""
    if length <= _SHORT_LENGTH_MAX:
        return length.to_bytes(1, "big")
    if length <= _U8_MAX:
        return bytes((_ONE_BYTE_LENGTH, length))
    if length <= VAR_OCTETS_BYTES_MAX:
        return bytes((_TWO_BYTE_LENGTH, length >> 8, length & 0xFF))
    raise LocalProtocolError(f"a field of {length} bytes")


def encode_var_octets(content: bytes) -> bytes:
    """Length determinant and content."""
    return encode_length(len(content)) + content


def encode_var_uint(value: int) -> bytes:
    """Length determinant and minimal big-endian bytes; zero is `01 00`."""
    if 0 <= value <= _U8_MAX:
        return _SMALL_VAR_UINTS[value]
    if not 0 <= value <= U64_MAX:
        raise LocalProtocolError(f"{value} is outside the u64 range")
    size = (value.bit_length() + 7) >> 3
    return size.to_bytes(1, "big") + value.to_bytes(size, "big")


@final
class Reader:
    """A cursor over bytes that never leaves `end`; bad input raises a `RemoteProtocolError`."""

    __slots__ = ("_data", "_end", "_offset")

    def __init__(self, data: bytes, offset: int = 0, end: int | None = None) -> None:
        self._data: Final = data
        self._offset = offset
        self._end: Final = len(data) if end is None else end

    @property
    def remaining(self) -> int:
        """How many bytes are left."""
        return self._end - self._offset

    def read_u8(self) -> int:
        """One byte."""
        return self._read_uint(1)

    def read_u16(self) -> int:
        """Two bytes, big-endian."""
        return self._read_uint(2)

    def read_u32(self) -> int:
        """Four bytes, big-endian."""
        return self._read_uint(4)

    def read_u64(self) -> int:
        """Eight bytes, big-endian."""
        return self._read_uint(8)

    def read_octets(self, length: int) -> bytes:
        """Exactly `length` bytes."""
        start = self._offset
        stop = start + length
        if stop > self._end:
            raise TruncatedError(f"{length} bytes wanted, {self._end - start} present")
        self._offset = stop
        return self._data[start:stop]

    def read_var_octets(self, length_max: int = VAR_OCTETS_BYTES_MAX) -> bytes:
        """A VarOctetString; `OversizedError` above `length_max` bytes."""
        content, self._offset = read_var_octets(self._data, self._offset, self._end)
        if len(content) > length_max:
            raise OversizedError(f"a field of {len(content)} bytes, at most {length_max} allowed")
        return content

    def read_var_uint(self) -> int:
        """A VarUInt, at most a u64."""
        value, self._offset = read_var_uint(self._data, self._offset, self._end)
        return value

    def read_var_uint_saturating(self) -> int:
        """A VarUInt; longer ones count as the largest u64."""
        value, self._offset = read_var_uint_saturating(self._data, self._offset, self._end)
        return value

    def _read_uint(self, size: int) -> int:
        return int.from_bytes(self.read_octets(size), "big")


@final
class Writer:
    """Builds bytes; each method raises `LocalProtocolError` for a value that does not fit."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def to_bytes(self) -> bytes:
        """What was written so far."""
        return bytes(self._buffer)

    def write_u8(self, value: int) -> None:
        """One byte."""
        self._write_uint(value, 1)

    def write_u16(self, value: int) -> None:
        """Two bytes, big-endian."""
        self._write_uint(value, 2)

    def write_u32(self, value: int) -> None:
        """Four bytes, big-endian."""
        self._write_uint(value, 4)

    def write_u64(self, value: int) -> None:
        """Eight bytes, big-endian."""
        self._write_uint(value, 8)

    def write_octets(self, content: bytes) -> None:
        """The bytes themselves, without a length."""
        self._buffer += content

    def write_var_octets(self, content: bytes) -> None:
        """A VarOctetString."""
        self._buffer += encode_length(len(content))
        self._buffer += content

    def write_var_uint(self, value: int) -> None:
        """A VarUInt."""
        self._buffer += encode_var_uint(value)

    def _write_uint(self, value: int, size: int) -> None:
        try:
            self._buffer += value.to_bytes(size, "big")
        except OverflowError:
            raise LocalProtocolError(f"{value} does not fit {size} bytes") from None
