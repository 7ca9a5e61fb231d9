"""The plaintext of a STREAM packet (RFC 29 section 5.2).

Version u8, ILP packet type u8, sequence VarUInt, amount VarUInt, frames, padding.
`ilpkit.stream.crypto` seals it.
"""

from typing import Final, NamedTuple

from ilpkit.errors import LocalProtocolError, TruncatedError, UnsupportedVersionError
from ilpkit.ilp.packet import FULFILL_TYPE, PREPARE_TYPE, REJECT_TYPE
from ilpkit.oer import encode_var_uint, read_var_uint
from ilpkit.stream.frames import Frame, decode_frames, encode_frames

STREAM_VERSION: Final = 1
SEQUENCE_MAX: Final = 2**31
"""A connection ends before this many packets: one key must not seal more (RFC 29)."""

_HEAD_BYTES: Final = 2
_HEADS: Final = {
    packet_type: bytes((STREAM_VERSION, packet_type))
    for packet_type in (PREPARE_TYPE, FULFILL_TYPE, REJECT_TYPE)
}


class StreamPacket(NamedTuple):
    """What both ends of a connection say to each other inside an ILP packet."""

    sequence: int
    """Counted by the sender; a reply repeats it."""
    ilp_type: int
    """The type of the ILP packet around it: 12, 13 or 14, as the encrypting side knows it."""
    prepare_amount: int
    """On a Prepare the least that the receiver may accept, on a reply what the receiver got."""
    frames: tuple[Frame, ...] = ()


def encode_stream_packet(packet: StreamPacket, *, padding_bytes: int = 0) -> bytes:
    """The plaintext, followed by zeros; `LocalProtocolError` if a field breaks its limits."""
    sequence, ilp_type, prepare_amount, frames = packet
    return b"".join(
        (
            encode_stream_head(sequence, ilp_type, prepare_amount),
            encode_frames(frames),
            bytes(padding_bytes),
        )
    )


def encode_stream_head(sequence: int, ilp_type: int, prepare_amount: int) -> bytes:
    """All before the frames, for who has them encoded; `LocalProtocolError` as above."""
    head = _HEADS.get(ilp_type)
    if head is None:
        raise LocalProtocolError(f"{ilp_type} is not an ILP packet type")
    return head + encode_var_uint(sequence) + encode_var_uint(prepare_amount)


def decode_stream_packet(data: bytes) -> StreamPacket:
    """The packet inside a plaintext; a `RemoteProtocolError` with F01 if it is malformed.

    The ILP type is returned as it came: comparing it with the packet around is the caller's duty.
    """
    end = len(data)
    if end < _HEAD_BYTES:
        raise TruncatedError("the head of a STREAM packet is cut off")
    if data[0] != STREAM_VERSION:
        raise UnsupportedVersionError(f"STREAM version {data[0]}")
    sequence, offset = read_var_uint(data, _HEAD_BYTES, end)
    prepare_amount, offset = read_var_uint(data, offset, end)
    return StreamPacket(sequence, data[1], prepare_amount, decode_frames(data, offset, end))
