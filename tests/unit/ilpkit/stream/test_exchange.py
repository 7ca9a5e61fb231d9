import hashlib

import pytest
from ilpkit.ilp.packet import FULFILL_TYPE, PREPARE_TYPE, REJECT_TYPE, Fulfill, Reject
from ilpkit.stream.crypto import IV_BYTES, StreamKeys
from ilpkit.stream.exchange import AnswerKind, Exchange
from ilpkit.stream.frames import ConnectionMaxData, ConnectionMaxStreamId, Frame, StreamMoney
from ilpkit.stream.packet import (
    SEQUENCE_MAX,
    StreamPacket,
    decode_stream_packet,
    encode_stream_packet,
)

from tests.support.stream_wire import counted_bytes

KEYS = StreamKeys(bytes(range(32)))
MONEY: tuple[Frame, ...] = (StreamMoney(1, 1),)


def make_exchange(first_sequence: int = 7) -> Exchange:
    return Exchange(
        keys=KEYS,
        destination="test.receiver.token",
        random_bytes=counted_bytes(),
        first_sequence=first_sequence,
    )


def sealed(sequence: int, ilp_type: int, amount: int = 5) -> bytes:
    return KEYS.seal(
        encode_stream_packet(StreamPacket(sequence, ilp_type, amount, MONEY)), bytes(IV_BYTES)
    )


def test_a_request_commits_to_its_data() -> None:
    exchange = make_exchange()
    request = exchange.request(amount=100, minimum=99, expires_at_ms=123, frames=MONEY)
    prepare = request.prepare
    assert (prepare.amount, prepare.expires_at_ms) == (100, 123)
    assert prepare.destination == "test.receiver.token"
    assert request.fulfillment == KEYS.fulfillment(prepare.data)
    assert prepare.condition == hashlib.sha256(request.fulfillment).digest()
    said = decode_stream_packet(KEYS.open(prepare.data))
    opening = (ConnectionMaxStreamId(1), ConnectionMaxData(0))
    assert said == StreamPacket(7, PREPARE_TYPE, 99, opening + MONEY)
    assert exchange.next_sequence == 8


def test_a_request_that_only_asks_has_a_random_condition() -> None:
    exchange = make_exchange()
    request = exchange.request(
        amount=0, minimum=0, expires_at_ms=1, fulfillable=False, destination="test.elsewhere"
    )
    assert request.fulfillment == b""
    assert request.prepare.destination == "test.elsewhere"
    assert request.prepare.condition != KEYS.condition(request.prepare.data)
    for claimed in (b"", bytes(32), KEYS.fulfillment(request.prepare.data)):
        assert exchange.answer(request, Fulfill(claimed)).kind is AnswerKind.FORGED


def test_an_authentic_word_counts_and_ends_the_opening() -> None:
    exchange = make_exchange()
    request = exchange.request(amount=9, minimum=0, expires_at_ms=1, frames=MONEY)
    answer = exchange.answer(request, Fulfill(request.fulfillment, sealed(7, FULFILL_TYPE)))
    assert answer == (AnswerKind.FULFILLED, 5, MONEY)
    second = exchange.request(amount=9, minimum=0, expires_at_ms=1, frames=MONEY)
    assert decode_stream_packet(KEYS.open(second.prepare.data)).frames == MONEY
    refused = exchange.answer(second, Reject("F99", data=sealed(8, REJECT_TYPE)))
    assert refused == (AnswerKind.REJECTED, 5, MONEY)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        bytes(60),
        sealed(6, REJECT_TYPE),
        sealed(7, FULFILL_TYPE),
        sealed(7, PREPARE_TYPE),
        KEYS.seal(b"\x01", bytes(IV_BYTES)),
        StreamKeys(bytes(32)).seal(b"", bytes(IV_BYTES)),
    ],
)
def test_what_is_not_the_receivers_word_on_this_packet_is_left_out(data: bytes) -> None:
    exchange = make_exchange()
    request = exchange.request(amount=9, minimum=0, expires_at_ms=1)
    assert exchange.answer(request, Reject("F99", data=data)) == (AnswerKind.REJECTED, None, ())
    second = exchange.request(amount=9, minimum=0, expires_at_ms=1)
    assert len(decode_stream_packet(KEYS.open(second.prepare.data)).frames) == 2


def test_another_fulfillment_is_forged_whatever_its_data_says() -> None:
    exchange = make_exchange()
    request = exchange.request(amount=9, minimum=0, expires_at_ms=1)
    answer = exchange.answer(request, Fulfill(bytes(32), sealed(7, FULFILL_TYPE)))
    assert answer == (AnswerKind.FORGED, None, ())


def test_the_keys_are_exhausted_after_the_last_safe_packet() -> None:
    exchange = make_exchange(SEQUENCE_MAX - 1)
    assert not exchange.exhausted
    exchange.request(amount=0, minimum=0, expires_at_ms=1)
    assert exchange.exhausted
