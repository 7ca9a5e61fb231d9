from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ilpkit.errors import (
    InvalidAddressError,
    InvalidErrorCodeError,
    InvalidTimestampError,
    LocalProtocolError,
    NonCanonicalLengthError,
    OversizedError,
    RemoteProtocolError,
    TruncatedError,
    UnexpectedPacketTypeError,
)
from ilpkit.ilp.packet import (
    DATA_BYTES_MAX,
    MESSAGE_BYTES_MAX,
    PACKET_BYTES_MAX,
    Fulfill,
    Packet,
    Prepare,
    Reject,
    decode_packet,
    decode_prepare,
    decode_reply,
    encode_fulfill,
    encode_prepare,
    encode_reject,
    encode_reply,
    patch_prepare,
)
from ilpkit.money import U64_MAX
from ilpkit.oer import encode_length, encode_var_octets

PREPARE = Prepare(107, 1_513_991_700_549, b"c" * 32, "example.alice", b"data")
FULFILL = Fulfill(b"f" * 32, b"data")
REJECT = Reject("F99", "g.bob", "no", b"data")

ADDRESSES = st.from_regex(r"\A(g|test[123]?|private)(\.[a-zA-Z0-9_~-]{1,30}){1,6}\Z")
AMOUNTS = st.integers(0, U64_MAX)
EXPIRIES = st.integers(0, 253_402_300_799_999)
DATA = st.binary(max_size=300)
PREPARES = st.builds(
    Prepare, AMOUNTS, EXPIRIES, st.binary(min_size=32, max_size=32), ADDRESSES, DATA
)
FULFILLS = st.builds(Fulfill, st.binary(min_size=32, max_size=32), DATA)
CODES = st.from_regex(r"\A[FTR][0-9]{2}\Z")
REJECTS = st.builds(Reject, CODES, ADDRESSES | st.just(""), st.text(max_size=80), DATA)
PACKETS = PREPARES | FULFILLS | REJECTS


def encode(packet: Packet) -> bytes:
    return encode_prepare(packet) if isinstance(packet, Prepare) else encode_reply(packet)


def assert_packet_or_f01(decode: Callable[[bytes], Packet], raw: bytes) -> None:
    try:
        packet = decode(raw)
    except RemoteProtocolError as error:
        code = error.ilp_code
    else:
        code = "F01"
        assert decode_packet(encode(packet)) == packet
    assert code == "F01"


def with_contents(raw: bytes, contents: bytes) -> bytes:
    return raw[:1] + encode_var_octets(contents)


@pytest.mark.property
@given(PACKETS, st.binary(max_size=5))
def test_packets_round_trip_and_trailing_bytes_are_ignored(packet: Packet, more: bytes) -> None:
    assert decode_packet(encode(packet) + more) == packet


@pytest.mark.parametrize("size", [0, 1, 69, 70, 71, 127, 128, 255, 256, 32_766, DATA_BYTES_MAX])
def test_data_of_any_length_up_to_the_limit_round_trips(size: int) -> None:
    for packet in (PREPARE, FULFILL, REJECT):
        full = packet._replace(data=bytes(size))
        assert decode_packet(encode(full)) == full


def test_the_largest_packet_of_each_type_stays_below_the_packet_limit() -> None:
    address = "g." + "a" * 1021
    for packet in (
        PREPARE._replace(destination=address, data=bytes(DATA_BYTES_MAX)),
        FULFILL._replace(data=bytes(DATA_BYTES_MAX)),
        Reject("F99", address, "m" * MESSAGE_BYTES_MAX, bytes(DATA_BYTES_MAX)),
    ):
        raw = encode(packet)
        assert len(raw) <= PACKET_BYTES_MAX
        assert decode_packet(raw) == packet


def test_fields_added_after_the_known_ones_are_ignored() -> None:
    for packet in (PREPARE, FULFILL, REJECT):
        raw = encode(packet)
        extended = with_contents(raw, raw[2:] + b"future")
        assert decode_packet(extended) == packet


@pytest.mark.property
@given(PREPARES, AMOUNTS, EXPIRIES, st.binary(max_size=3))
def test_a_patched_prepare_differs_in_amount_and_expiry_only(
    prepare: Prepare, amount: int, expires_at_ms: int, more: bytes
) -> None:
    raw = patch_prepare(encode(prepare) + more, amount=amount, expires_at_ms=expires_at_ms)
    assert raw == encode(prepare._replace(amount=amount, expires_at_ms=expires_at_ms))


@pytest.mark.parametrize("size", [0, 60, 300])
def test_patching_finds_the_amount_behind_every_envelope_length(size: int) -> None:
    prepare = PREPARE._replace(data=bytes(size))
    raw = patch_prepare(encode(prepare), amount=5, expires_at_ms=6)
    assert decode_prepare(raw) == prepare._replace(amount=5, expires_at_ms=6)


def test_patching_takes_prepares_only() -> None:
    with pytest.raises(UnexpectedPacketTypeError):
        patch_prepare(encode(FULFILL), amount=1, expires_at_ms=1)
    with pytest.raises(TruncatedError):
        patch_prepare(with_contents(encode(PREPARE), bytes(24)), amount=1, expires_at_ms=1)
    with pytest.raises(LocalProtocolError):
        patch_prepare(encode(PREPARE), amount=-1, expires_at_ms=1)
    with pytest.raises(LocalProtocolError):
        patch_prepare(encode(PREPARE), amount=1, expires_at_ms=10**18)


@pytest.mark.parametrize(
    "packet",
    [
        PREPARE._replace(amount=-1),
        PREPARE._replace(amount=U64_MAX + 1),
        PREPARE._replace(condition=bytes(31)),
        PREPARE._replace(destination="nowhere"),
        PREPARE._replace(destination=""),
        PREPARE._replace(expires_at_ms=10**18),
        PREPARE._replace(data=bytes(DATA_BYTES_MAX + 1)),
        FULFILL._replace(fulfillment=bytes(33)),
        FULFILL._replace(data=bytes(DATA_BYTES_MAX + 1)),
        REJECT._replace(code="F9"),
        REJECT._replace(code="F9€"),
        REJECT._replace(triggered_by="nobody"),
        REJECT._replace(message="ä" * 4096),
        REJECT._replace(data=bytes(DATA_BYTES_MAX + 1)),
    ],
)
def test_we_never_write_a_packet_against_the_limits(packet: Packet) -> None:
    with pytest.raises(LocalProtocolError):
        encode(packet)


def test_the_empty_packet_is_truncated() -> None:
    for decode in (decode_packet, decode_prepare, decode_reply):
        with pytest.raises((TruncatedError, UnexpectedPacketTypeError)):
            decode(b"")


def test_a_packet_of_another_type_is_refused() -> None:
    with pytest.raises(UnexpectedPacketTypeError):
        decode_prepare(encode(FULFILL))
    with pytest.raises(UnexpectedPacketTypeError):
        decode_reply(encode(PREPARE))
    with pytest.raises(UnexpectedPacketTypeError):
        decode_packet(b"\x01" + encode(PREPARE)[1:])


@pytest.mark.parametrize("packet", [PREPARE, FULFILL, REJECT])
def test_a_packet_cut_anywhere_is_truncated(packet: Packet) -> None:
    raw = encode(packet)
    for size in range(len(raw)):
        with pytest.raises(TruncatedError):
            decode_packet(raw[:size]) if size else decode_prepare(b"")


@pytest.mark.parametrize("packet", [PREPARE, FULFILL, REJECT])
def test_contents_cut_anywhere_are_truncated(packet: Packet) -> None:
    raw = encode(packet)
    contents = raw[2:]
    for size in range(len(contents)):
        with pytest.raises(TruncatedError):
            decode_packet(with_contents(raw, contents[:size]))


@pytest.mark.parametrize("packet", [PREPARE, FULFILL, REJECT])
def test_an_envelope_length_not_in_its_shortest_form_is_refused(packet: Packet) -> None:
    raw = encode(packet)
    with pytest.raises(NonCanonicalLengthError):
        decode_packet(raw[:1] + b"\x81" + raw[1:])


@pytest.mark.parametrize(
    "head",
    [bytes(57) + b"\x06test.a", b"f" * 32, b"F99\x00\x00"],
    ids=["prepare", "fulfill", "reject"],
)
def test_data_beyond_its_limit_is_oversized(head: bytes) -> None:
    types = {65: b"\x0c", 32: b"\x0d", 5: b"\x0e"}
    if head[:1] == b"\x00":
        head = head[:8] + b"20260101000000000" + head[25:]
    data = encode_var_octets(bytes(DATA_BYTES_MAX + 1))
    raw = types.get(len(head), b"\x0c") + encode_var_octets(head + data)
    with pytest.raises(OversizedError):
        decode_packet(raw)


def test_a_message_beyond_its_limit_is_oversized() -> None:
    message = encode_var_octets(bytes(MESSAGE_BYTES_MAX + 1))
    with pytest.raises(OversizedError):
        decode_reply(b"\x0e" + encode_var_octets(b"F99\x00" + message + b"\x00"))


def test_a_packet_beyond_two_length_bytes_is_oversized() -> None:
    with pytest.raises(OversizedError):
        decode_packet(b"\x0c\x83\x01\x00\x00" + bytes(65_536))
    with pytest.raises(LocalProtocolError):
        encode_length(65_536)


def test_a_prepare_with_an_impossible_date_or_address_is_refused() -> None:
    raw = encode(PREPARE)
    with pytest.raises(InvalidTimestampError):
        decode_prepare(raw[:10] + b"20171301000000000" + raw[27:])
    with pytest.raises(InvalidAddressError):
        decode_prepare(raw.replace(b"example.alice", b"example.alice"[::-1]))


@pytest.mark.parametrize("code", [b"F\x00\x00", b"F 9", b"\xff99", "é9".encode()])
def test_an_error_code_of_other_than_letters_and_digits_is_refused(code: bytes) -> None:
    with pytest.raises(InvalidErrorCodeError):
        decode_reply(b"\x0e" + encode_var_octets(code + bytes(3)))


def test_a_reject_of_an_invalid_origin_is_refused() -> None:
    with pytest.raises(InvalidAddressError):
        decode_reply(b"\x0e" + encode_var_octets(b"F99\x01x\x00\x00"))


def test_broken_utf_8_in_a_message_is_left_out() -> None:
    raw = b"\x0e" + encode_var_octets(
        b"F99\x00" + encode_var_octets(b"caf\xc3\xa9 \xff\xc3!") + b"\x00"
    )
    reject = decode_reply(raw)
    assert reject == Reject("F99", "", "café !")
    assert isinstance(reject, Reject)
    assert decode_reply(encode_reject(reject)) == reject


def test_a_reply_is_encoded_by_its_type() -> None:
    assert encode_reply(FULFILL) == encode_fulfill(FULFILL)
    assert encode_reply(REJECT) == encode_reject(REJECT)


@pytest.mark.property
@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda raw: b"\x0c" + raw))
@example(b"\x0e\x83\xff\xff\xff")
def test_any_bytes_are_a_packet_or_a_remote_error(raw: bytes) -> None:
    for decode in (decode_packet, decode_prepare, decode_reply):
        assert_packet_or_f01(decode, raw)


@pytest.mark.property
@given(PACKETS, st.data())
def test_a_mutated_packet_is_a_packet_or_a_remote_error(
    packet: Packet, data: st.DataObject
) -> None:
    raw = bytearray(encode(packet))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    start = data.draw(st.integers(0, len(raw)))
    del raw[start : start + data.draw(st.integers(0, 4))]
    assert_packet_or_f01(decode_packet, bytes(raw))
