"""What the fuzzer calls with arbitrary bytes: each decoder, and the laws of what it reads.

A target may end with a `RemoteProtocolError`; anything else it raises is a bug.
"""

from collections.abc import Callable, Mapping

from ilpkit.errors import InvalidTokenError, ProtocolError, RemoteProtocolError
from ilpkit.ilp.ccp import (
    CcpMode,
    CcpRoute,
    RouteControl,
    RouteProperty,
    RouteUpdate,
    decode_route_control,
    decode_route_update,
    encode_route_control,
    encode_route_update,
)
from ilpkit.ilp.error_codes import decode_amount_too_large, encode_amount_too_large
from ilpkit.ilp.http_rules import read_prepare_headers, read_prepare_response
from ilpkit.ilp.ildcp import (
    PEER_PROTOCOL_FULFILLMENT,
    make_ildcp_request,
    make_ildcp_response,
    read_ildcp_response,
)
from ilpkit.ilp.packet import (
    Fulfill,
    Packet,
    Prepare,
    Reject,
    decode_packet,
    decode_prepare,
    decode_reply,
    encode_prepare,
    encode_reply,
    patch_prepare,
)
from ilpkit.money import Asset, Ratio
from ilpkit.oer import Reader
from ilpkit.stream.credentials import CredentialsFactory
from ilpkit.stream.crypto import StreamKeys
from ilpkit.stream.frames import (
    ConnectionClose,
    ConnectionNewAddress,
    StreamData,
    StreamMaxMoney,
    StreamMoney,
    decode_frames,
    encode_frames,
)
from ilpkit.stream.packet import StreamPacket, decode_stream_packet, encode_stream_packet
from ilpkit.stream.receipts import Receipt, decode_receipt, encode_receipt, verify_receipt
from ilpkit.stream.receiver import Receiver

_FACTORY = CredentialsFactory(b"s" * 32, "test.server")
_CREDENTIALS = _FACTORY.make(bytes, payment_tag="tag", asset=Asset("USD", 2))
_KEYS = StreamKeys(_CREDENTIALS.shared_secret)
_RECEIVER = Receiver(credentials=_FACTORY, random_bytes=bytes)


def _encode(packet: Packet) -> bytes:
    return encode_prepare(packet) if isinstance(packet, Prepare) else encode_reply(packet)


def fuzz_packet(data: bytes) -> None:
    packet = decode_packet(data)
    assert decode_packet(_encode(packet)) == packet


def fuzz_patch(data: bytes) -> None:
    prepare = decode_prepare(data)
    patched = decode_prepare(patch_prepare(data, amount=7, expires_at_ms=8))
    assert patched == prepare._replace(amount=7, expires_at_ms=8)


def fuzz_reply(data: bytes) -> None:
    reply = decode_reply(data)
    assert decode_reply(encode_reply(reply)) == reply


def fuzz_frames(data: bytes) -> None:
    frames = decode_frames(data)
    assert decode_frames(encode_frames(frames)) == frames


def fuzz_stream_packet(data: bytes) -> None:
    packet = decode_stream_packet(data)
    if packet.ilp_type in {12, 13, 14}:
        assert decode_stream_packet(encode_stream_packet(packet)) == packet


def fuzz_sealed_data(data: bytes) -> None:
    _KEYS.open(data)
    raise AssertionError("arbitrary bytes must not be authentic")


def fuzz_token(data: bytes) -> None:
    try:
        _FACTORY.open_segment(data.decode("latin-1"))
    except InvalidTokenError:
        return
    raise AssertionError("arbitrary text must not be a token")


def fuzz_receiver(data: bytes) -> None:
    """The bytes are the plaintext of an authentic packet."""
    sealed = _KEYS.seal(data, bytes(12))
    prepare = Prepare(5, 0, _KEYS.condition(sealed), _CREDENTIALS.ilp_address, sealed)
    outcome = _RECEIVER.open(prepare)
    if isinstance(outcome, Reject):
        return
    reply = outcome.fulfill() if outcome.fulfillable else outcome.refuse()
    assert decode_stream_packet(_KEYS.open(reply.data)).sequence == outcome.sequence


def fuzz_receipt(data: bytes) -> None:
    decode_receipt(data)
    verify_receipt(data, secret=bytes(32))


def fuzz_ildcp(data: bytes) -> None:
    configuration = read_ildcp_response(Fulfill(PEER_PROTOCOL_FULFILLMENT, data))
    assert read_ildcp_response(make_ildcp_response(configuration)) == configuration


def fuzz_route_control(data: bytes) -> None:
    control = decode_route_control(data)
    assert decode_route_control(encode_route_control(control)) == control


def fuzz_route_update(data: bytes) -> None:
    update = decode_route_update(data)
    assert decode_route_update(encode_route_update(update)) == update


def fuzz_amount_too_large(data: bytes) -> None:
    assert data.startswith(encode_amount_too_large(decode_amount_too_large(data)))


def fuzz_http_response(data: bytes) -> None:
    reader = Reader(data)
    read_prepare_response(reader.read_u16(), reader.read_octets(reader.remaining))


def fuzz_http_headers(data: bytes) -> None:
    names = ("content-type", "authorization", "callback-url", "request-id")
    read_prepare_headers(dict(zip(names, data.decode("latin-1").split("\n"), strict=False)))


def fuzz_decimal(data: bytes) -> None:
    assert Ratio.of_decimal(data.decode("latin-1")).floor_mul(0) == 0


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    name.removeprefix("fuzz_"): target
    for name, target in list(globals().items())
    if name.startswith("fuzz_")
}


def run(target: Callable[[bytes], None], data: bytes) -> str:
    """Runs a target; the name of the error that it may end with, or an empty string."""
    try:
        target(data)
    except RemoteProtocolError as error:
        return type(error).__name__
    except ProtocolError as error:
        raise AssertionError(f"our fault for the peer's bytes: {error}") from error
    return ""


def seeds() -> Mapping[str, list[bytes]]:
    """Well-formed input for the targets that can have some."""
    frames = (
        StreamMoney(1, 1),
        ConnectionNewAddress("g.a"),
        StreamMaxMoney(1, 2**64 - 1, 3),
        StreamData(1, 0, b"data"),
        ConnectionClose(1, "bye"),
    )
    stream_packets = [
        encode_stream_packet(StreamPacket(1, 12, 0)),
        encode_stream_packet(StreamPacket(300, 12, 5, frames[:-1])),
        encode_stream_packet(StreamPacket(2, 12, 5, frames), padding_bytes=9),
    ]
    prepares = [
        encode_prepare(make_ildcp_request(now_ms=0)),
        encode_prepare(Prepare(2**64 - 1, 1_800_000_000_123, bytes(32), "g.a", bytes(300))),
    ]
    replies = [
        encode_reply(Fulfill(bytes(32), b"data")),
        encode_reply(Reject("F08", "g.a", "too much", bytes(16))),
    ]
    route = CcpRoute("g.a", ("g.b",), bytes(32), (RouteProperty(1, b"x"),))
    update = RouteUpdate(bytes(16), 1, 0, 1, 30_000, "g.b", (route,), ("g.c",))
    configuration = b"\x03g.a\x02\x03USD"
    return {
        "packet": prepares + replies,
        "patch": prepares,
        "reply": replies,
        "frames": [encode_frames(frames)],
        "stream_packet": stream_packets,
        "receiver": stream_packets,
        "receipt": [encode_receipt(Receipt(bytes(16), 1, 5), secret=bytes(32))],
        "ildcp": [configuration],
        "route_control": [encode_route_control(RouteControl(CcpMode.SYNC, bytes(16), 1, ("a",)))],
        "route_update": [encode_route_update(update)],
        "amount_too_large": [bytes(16)],
        "http_response": [b"\x00\xc8" + reply for reply in replies] + [b"\x00\xca"],
        "http_headers": [
            b"\n".join(
                (
                    b"application/octet-stream",
                    b"Bearer a",
                    b"https://a.example/ilp",
                    b"42ee09c8-a6de-4ae3-8a47-4732b0cbb07b",
                )
            )
        ],
        "decimal": [b"1.0035", b"2e-7"],
    }
