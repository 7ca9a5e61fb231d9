import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.errors import (
    EmptyIntegerError,
    InvalidTextError,
    LocalProtocolError,
    NonCanonicalLengthError,
    OverlongIntegerError,
    RemoteProtocolError,
    TruncatedError,
)
from ilpkit.money import U64_MAX
from ilpkit.stream.frames import (
    CloseCode,
    ConnectionAssetDetails,
    ConnectionClose,
    ConnectionDataBlocked,
    ConnectionMaxData,
    ConnectionMaxStreamId,
    ConnectionNewAddress,
    ConnectionStreamIdBlocked,
    Frame,
    StreamClose,
    StreamData,
    StreamDataBlocked,
    StreamMaxData,
    StreamMaxMoney,
    StreamMoney,
    StreamMoneyBlocked,
    StreamReceipt,
    decode_frames,
    encode_frames,
)

U8 = st.integers(0, 255)
U64 = st.integers(0, U64_MAX)
TEXT = st.text(max_size=30)
BYTES = st.binary(max_size=200)
FRAMES: st.SearchStrategy[Frame] = st.one_of(
    st.builds(ConnectionClose, U8, TEXT),
    st.builds(ConnectionNewAddress, TEXT),
    st.builds(ConnectionMaxData, U64),
    st.builds(ConnectionDataBlocked, U64),
    st.builds(ConnectionMaxStreamId, U64),
    st.builds(ConnectionStreamIdBlocked, U64),
    st.builds(ConnectionAssetDetails, TEXT, U8),
    st.builds(StreamClose, U64, U8, TEXT),
    st.builds(StreamMoney, U64, U64),
    st.builds(StreamMaxMoney, U64, U64, U64),
    st.builds(StreamMoneyBlocked, U64, U64, U64),
    st.builds(StreamData, U64, U64, BYTES),
    st.builds(StreamMaxData, U64, U64),
    st.builds(StreamDataBlocked, U64, U64),
    st.builds(StreamReceipt, U64, BYTES),
)
FRAME_LISTS = st.lists(FRAMES, max_size=6).map(tuple)
ONE_OF_EACH: tuple[Frame, ...] = (
    ConnectionClose(CloseCode.NO_ERROR, "bye"),
    ConnectionNewAddress("g.alice"),
    ConnectionMaxData(1),
    ConnectionDataBlocked(2),
    ConnectionMaxStreamId(3),
    ConnectionStreamIdBlocked(4),
    ConnectionAssetDetails("USD", 2),
    StreamClose(1, CloseCode.APPLICATION_ERROR, "why"),
    StreamMoney(1, 2),
    StreamMaxMoney(1, 2, 3),
    StreamMoneyBlocked(1, 2, 3),
    StreamData(1, 2, b"data"),
    StreamMaxData(1, 2),
    StreamDataBlocked(1, 2),
    StreamReceipt(1, b"receipt"),
)


def raw_frame(frame_type: int, contents: str) -> bytes:
    raw = bytes.fromhex(contents)
    return b"\x01\x01" + bytes((frame_type, len(raw))) + raw


@pytest.mark.property
@given(FRAME_LISTS, st.binary(max_size=5), st.binary(max_size=5))
def test_frames_round_trip_between_other_bytes(
    frames: tuple[Frame, ...], before: bytes, after: bytes
) -> None:
    raw = before + encode_frames(frames) + after
    assert decode_frames(raw, len(before)) == frames


def test_each_frame_type_is_known_once() -> None:
    assert len({frame.TYPE for frame in ONE_OF_EACH}) == len(ONE_OF_EACH) == 15
    assert decode_frames(encode_frames(ONE_OF_EACH)) == ONE_OF_EACH


def test_frames_of_two_types_with_equal_fields_differ() -> None:
    frames: set[Frame] = {ConnectionMaxData(1), ConnectionDataBlocked(1), ConnectionMaxData(1)}
    assert len(frames) == 2


def test_frames_of_unknown_types_are_skipped() -> None:
    raw = b"\x01\x03" + b"\x7f\x02xy" + b"\x11\x04\x01\x01\x01\x05" + b"\xff\x00"
    assert decode_frames(raw) == (StreamMoney(1, 5),)


@pytest.mark.parametrize("frame", ONE_OF_EACH)
def test_fields_added_after_the_known_ones_are_ignored(frame: Frame) -> None:
    contents = frame.encode_contents() + b"future"
    assert decode_frames(raw_frame(frame.TYPE, contents.hex())) == (frame,)


@pytest.mark.parametrize("frame", ONE_OF_EACH)
def test_a_frame_cut_anywhere_is_truncated(frame: Frame) -> None:
    contents = frame.encode_contents()
    for size in range(len(contents)):
        with pytest.raises(TruncatedError):
            decode_frames(raw_frame(frame.TYPE, contents[:size].hex()))


def test_fewer_frames_than_announced_are_truncated() -> None:
    with pytest.raises(TruncatedError):
        decode_frames(b"\x01\x02" + encode_frames((StreamMoney(1, 1),))[2:])
    with pytest.raises(TruncatedError):
        decode_frames(b"\x08" + b"\xff" * 8)
    with pytest.raises(TruncatedError):
        decode_frames(b"")


@pytest.mark.parametrize(
    ("frame_type", "contents", "error"),
    [
        (0x11, "000101", EmptyIntegerError),
        (0x11, "09010000000000000000" + "0101", OverlongIntegerError),
        (0x12, "0101" + "0101" + "09010000000000000000", OverlongIntegerError),
        (0x02, "02c328", InvalidTextError),
        (0x07, "01ff02", InvalidTextError),
        (0x14, "0101" + "0100" + "8101aa", NonCanonicalLengthError),
    ],
)
def test_a_malformed_field_has_a_named_error(
    frame_type: int, contents: str, error: type[RemoteProtocolError]
) -> None:
    with pytest.raises(error):
        decode_frames(raw_frame(frame_type, contents))


@pytest.mark.parametrize("frame_type", [0x12, 0x13])
def test_maxima_beyond_u64_saturate(frame_type: int) -> None:
    contents = "017b" + "09010000000000000000" + "0201c8"
    frame = decode_frames(raw_frame(frame_type, contents))[0]
    assert frame in {StreamMaxMoney(123, U64_MAX, 456), StreamMoneyBlocked(123, U64_MAX, 456)}


def test_broken_utf_8_in_an_error_message_is_left_out() -> None:
    assert decode_frames(raw_frame(0x01, "01036fff6b")) == (ConnectionClose(1, "ok"),)
    assert decode_frames(raw_frame(0x10, "010101036fff6b")) == (StreamClose(1, 1, "ok"),)


@pytest.mark.parametrize(
    "frame",
    [
        ConnectionClose(256),
        ConnectionClose(-1),
        ConnectionMaxData(-1),
        ConnectionAssetDetails("USD", 256),
        StreamMoney(1, U64_MAX + 1),
        StreamMaxMoney(1, U64_MAX + 1, 0),
        StreamData(1, 0, bytes(65_536)),
    ],
)
def test_we_never_write_a_frame_against_the_limits(frame: Frame) -> None:
    with pytest.raises(LocalProtocolError):
        encode_frames((frame,))


@pytest.mark.property
@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda raw: b"\x01\x05" + raw))
def test_any_bytes_are_frames_or_a_remote_error(raw: bytes) -> None:
    try:
        frames = decode_frames(raw)
    except RemoteProtocolError:
        return
    assert decode_frames(encode_frames(frames)) == frames


@pytest.mark.property
@given(FRAME_LISTS, st.data())
def test_mutated_frames_are_frames_or_a_remote_error(
    frames: tuple[Frame, ...], data: st.DataObject
) -> None:
    raw = bytearray(encode_frames(frames))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(U8)
    try:
        decoded = decode_frames(bytes(raw))
    except RemoteProtocolError:
        return
    assert decode_frames(encode_frames(decoded)) == decoded
