from base64 import b64decode
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.errors import (
    LocalProtocolError,
    RemoteProtocolError,
    TruncatedError,
    UnsupportedVersionError,
)
from ilpkit.money import U64_MAX
from ilpkit.stream import frames
from ilpkit.stream.frames import Frame, StreamMoney
from ilpkit.stream.packet import StreamPacket, decode_stream_packet, encode_stream_packet

from tests.support.vectors import load_json

PACKET = StreamPacket(1, 12, 100, (StreamMoney(1, 1),))
PACKETS = st.builds(
    StreamPacket,
    st.integers(0, U64_MAX),
    st.sampled_from([12, 13, 14]),
    st.integers(0, U64_MAX),
    st.lists(st.builds(StreamMoney, st.integers(1, 9), st.integers(0, 9)), max_size=3).map(tuple),
)


def frame_of(case: dict[str, Any]) -> Frame:
    """A frame of the published vectors: the fields stand in the order of the wire."""
    frame_class = getattr(frames, case["name"])
    values = [value for key, value in case.items() if key not in {"type", "name"}]
    assert case["type"] == frame_class.TYPE
    return frame_class(*map(field_of, [field.name for field in fields(frame_class)], values))  # type: ignore[no-any-return] # chosen by name


def field_of(name: str, value: Any) -> Any:
    if name in {"data", "receipt"}:
        return b64decode(value)
    return int(value) if isinstance(value, str) and value.isdigit() else value


def test_published_packets_are_equal_byte_for_byte() -> None:
    cases = load_json("stream", "packets.json")
    for name, case in cases.items():
        packet, raw = case["packet"], b64decode(case["buffer"])
        expected = StreamPacket(
            int(packet["sequence"]),
            packet["packetType"],
            int(packet["amount"]),
            tuple(frame_of(frame) for frame in packet["frames"]),
        )
        assert decode_stream_packet(raw) == expected, name
        if not case.get("decode_only"):
            assert encode_stream_packet(expected) == raw, name
    assert len(cases) == 53


@pytest.mark.property
@given(PACKETS, st.integers(0, 100))
def test_packets_round_trip_and_padding_is_ignored(packet: StreamPacket, padding: int) -> None:
    raw = encode_stream_packet(packet, padding_bytes=padding)
    assert raw == encode_stream_packet(packet) + bytes(padding)
    assert decode_stream_packet(raw) == packet


def test_a_packet_cut_anywhere_is_truncated() -> None:
    raw = encode_stream_packet(PACKET)
    for size in range(len(raw)):
        with pytest.raises(TruncatedError):
            decode_stream_packet(raw[:size])


@pytest.mark.parametrize("version", [0, 2, 255])
def test_another_version_is_refused(version: int) -> None:
    with pytest.raises(UnsupportedVersionError):
        decode_stream_packet(bytes((version,)) + encode_stream_packet(PACKET)[1:])


def test_the_inner_packet_type_is_left_to_the_caller() -> None:
    raw = encode_stream_packet(PACKET)
    assert decode_stream_packet(raw[:1] + b"\x63" + raw[2:]) == PACKET._replace(ilp_type=0x63)


@pytest.mark.parametrize(
    "packet",
    [
        PACKET._replace(ilp_type=11),
        PACKET._replace(sequence=-1),
        PACKET._replace(prepare_amount=U64_MAX + 1),
    ],
)
def test_we_never_write_a_packet_against_the_limits(packet: StreamPacket) -> None:
    with pytest.raises(LocalProtocolError):
        encode_stream_packet(packet)


@pytest.mark.property
@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda raw: b"\x01\x0c\x01\x01" + raw))
def test_any_bytes_are_a_packet_or_a_remote_error(raw: bytes) -> None:
    try:
        packet = decode_stream_packet(raw)
    except RemoteProtocolError:
        return
    if packet.ilp_type in {12, 13, 14}:
        assert decode_stream_packet(encode_stream_packet(packet)) == packet
