import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.errors import InvalidTokenError, LocalProtocolError
from ilpkit.ilp.condition import fulfills
from ilpkit.ilp.packet import Fulfill, Prepare, Reject, Reply, decode_prepare
from ilpkit.money import U64_MAX, Asset
from ilpkit.stream.credentials import CredentialsFactory, ReceiverCredentials
from ilpkit.stream.crypto import StreamKeys
from ilpkit.stream.frames import (
    CloseCode,
    ConnectionAssetDetails,
    ConnectionClose,
    ConnectionNewAddress,
    Frame,
    StreamData,
    StreamMaxMoney,
    StreamMoney,
    StreamReceipt,
)
from ilpkit.stream.packet import StreamPacket, decode_stream_packet, encode_stream_packet
from ilpkit.stream.receipts import Receipt, ReceiptSetup, verify_receipt
from ilpkit.stream.receiver import Incoming, Receiver, RefusalDialect

from tests.support.vectors import load_json

EXPIRY_MS = 1_800_000_000_000
FACTORY = CredentialsFactory(b"s" * 32, "test.server")
USD = Asset("USD", 2)
SETUP = ReceiptSetup(b"n" * 16, b"r" * 32)


def counted(size: int) -> bytes:
    """Randomness whose values don't matter to a test."""
    return bytes(range(size))


def receiver(dialect: RefusalDialect = RefusalDialect.APPLICATION_ERROR) -> Receiver:
    return Receiver(credentials=FACTORY, random_bytes=counted, dialect=dialect)


CREDENTIALS = FACTORY.make(counted, payment_tag="payment-1", asset=USD)
WITH_RECEIPTS = FACTORY.make(counted, payment_tag="payment-2", receipt_setup=SETUP)


def prepare(
    *frames: Frame,
    amount: int = 100,
    min_amount: int = 0,
    ilp_type: int = 12,
    credentials: ReceiverCredentials = CREDENTIALS,
    condition: bytes | None = None,
) -> Prepare:
    keys = StreamKeys(credentials.shared_secret)
    packet = StreamPacket(7, ilp_type, min_amount, frames)
    if ilp_type == 12:
        plaintext = encode_stream_packet(packet)
    else:
        plaintext = (
            b"\x01" + bytes((ilp_type,)) + encode_stream_packet(packet._replace(ilp_type=12))[2:]
        )
    data = keys.seal(plaintext, counted(12))
    return Prepare(
        amount, EXPIRY_MS, condition or keys.condition(data), credentials.ilp_address, data
    )


def opened(packet: Prepare, dialect: RefusalDialect = RefusalDialect.APPLICATION_ERROR) -> Incoming:
    incoming = receiver(dialect).open(packet)
    assert isinstance(incoming, Incoming)
    return incoming


def inside(reply: Reply, credentials: ReceiverCredentials = CREDENTIALS) -> StreamPacket:
    return decode_stream_packet(StreamKeys(credentials.shared_secret).open(reply.data))


def answer_like_javascript(subject: Receiver, packet: Prepare) -> Reply:
    """The npm receiver fulfills packets of amount zero by itself, without a receipt."""
    outcome = subject.open(packet)
    if isinstance(outcome, Reject):
        return outcome
    if not outcome.fulfillable:
        return outcome.refuse()
    return outcome.fulfill(total_received=packet.amount or None)


def exchanges() -> list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    vectors = load_json("generated", "stream-receiver.json")
    return [
        (vectors, case, exchange) for case in vectors["cases"] for exchange in case["exchanges"]
    ]


@pytest.mark.parametrize("number", range(24))
def test_replies_are_those_of_the_javascript_receiver(number: int) -> None:
    vectors, case, exchange = exchanges()[number]
    factory = CredentialsFactory(bytes.fromhex(vectors["serverSecret"]), vectors["serverAddress"])
    subject = Receiver(credentials=factory, random_bytes=counted, dialect=RefusalDialect.PRECISE)
    packet = decode_prepare(bytes.fromhex(exchange["prepare"]))
    reply = answer_like_javascript(subject, packet)
    keys = StreamKeys(bytes.fromhex(case["sharedSecret"]))
    assert keys.open(reply.data).hex() == exchange["replyStream"]["plaintext"]
    if exchange["replyType"] == "fulfill":
        assert isinstance(reply, Fulfill)
        assert reply.fulfillment.hex() == exchange["fulfillment"]
        assert fulfills(reply.fulfillment, packet.condition)
    else:
        assert isinstance(reply, Reject)
        assert (reply.code, reply.triggered_by) == (exchange["code"], "test.server")


def test_an_incoming_packet_tells_what_its_address_and_frames_say() -> None:
    money = StreamMoney(1, 1)
    incoming = opened(prepare(money, amount=100, min_amount=99))
    assert incoming.payment_tag == "payment-1"
    assert incoming.asset == USD
    assert (incoming.amount, incoming.min_amount, incoming.sequence) == (100, 99, 7)
    assert incoming.frames == (money,)
    assert incoming.fulfillable
    expected = hashlib.sha256(CREDENTIALS.ilp_address.encode()).hexdigest()
    assert incoming.connection_id == expected


def test_packets_to_deeper_segments_are_of_the_same_connection() -> None:
    packet = prepare()
    deeper = packet._replace(destination=packet.destination + ".x")
    assert opened(deeper).connection_id == opened(packet).connection_id


def test_a_fulfill_pays_the_condition_and_reports_what_was_received() -> None:
    packet = prepare(amount=100, min_amount=90)
    fulfill = opened(packet).fulfill(95)
    assert fulfills(fulfill.fulfillment, packet.condition)
    assert inside(fulfill) == StreamPacket(7, 13, 95)
    assert inside(opened(packet).fulfill()).prepare_amount == 100


def test_a_receipt_goes_out_only_where_the_address_asks_and_the_total_is_known() -> None:
    packet = prepare(credentials=WITH_RECEIPTS)
    (frame,) = inside(opened(packet).fulfill(total_received=700), WITH_RECEIPTS).frames
    assert isinstance(frame, StreamReceipt)
    assert verify_receipt(frame.receipt, secret=SETUP.secret) == Receipt(SETUP.nonce, 1, 700)
    assert inside(opened(packet).fulfill(), WITH_RECEIPTS).frames == ()
    assert inside(opened(prepare()).fulfill(total_received=700)).frames == ()


def test_a_maximum_is_announced_when_the_caller_has_one() -> None:
    fulfill = opened(prepare()).fulfill(total_received=100, receive_max=250)
    assert inside(fulfill).frames == (StreamMaxMoney(1, 250, 100),)
    probe = opened(prepare(condition=bytes(32)))
    assert inside(probe.refuse(receive_max=250)).frames == (StreamMaxMoney(1, 250, 0),)


def test_a_new_address_is_answered_with_the_asset() -> None:
    details = ConnectionAssetDetails("USD", 2)
    incoming = opened(prepare(ConnectionNewAddress("")))
    assert inside(incoming.fulfill()).frames == (details,)
    assert inside(incoming.decline()).frames == (details,)
    without_asset = prepare(ConnectionNewAddress("g.a"), credentials=WITH_RECEIPTS)
    assert inside(opened(without_asset).fulfill(), WITH_RECEIPTS).frames == ()


@pytest.mark.parametrize(
    ("dialect", "below_minimum", "wrong_condition"),
    [
        (RefusalDialect.APPLICATION_ERROR, "F99", "F99"),
        (RefusalDialect.PRECISE, "F04", "F05"),
    ],
)
def test_what_must_not_be_fulfilled_is_refused_in_the_chosen_dialect(
    dialect: RefusalDialect, below_minimum: str, wrong_condition: str
) -> None:
    too_little = opened(prepare(amount=89, min_amount=90), dialect)
    probe = opened(prepare(amount=89, min_amount=90, condition=bytes(32)), dialect)
    assert too_little.refuse().code == too_little.refusal_code == below_minimum
    assert probe.refuse().code == probe.refusal_code == wrong_condition
    for incoming in (too_little, probe):
        assert not incoming.fulfillable
        assert inside(incoming.refuse()) == StreamPacket(7, 14, 89)
        with pytest.raises(LocalProtocolError):
            incoming.fulfill()


def test_only_what_must_not_be_fulfilled_can_be_refused() -> None:
    with pytest.raises(LocalProtocolError):
        opened(prepare()).refuse()


def test_a_zero_packet_below_its_minimum_is_refused() -> None:
    assert opened(prepare(amount=0, min_amount=1)).refusal_code == "F99"
    assert opened(prepare(amount=0, min_amount=0)).fulfillable


def test_a_decline_can_close_carry_data_and_name_its_code() -> None:
    incoming = opened(prepare())
    reject = incoming.decline("T04", message="no liquidity")
    assert (reject.code, reject.triggered_by, reject.message) == (
        "T04",
        "test.server",
        "no liquidity",
    )
    assert inside(reject) == StreamPacket(7, 14, 100)
    final = incoming.decline(frames=(StreamMoney(1, 1),), data=b"over", close=True)
    assert final.code == "F99"
    assert inside(final).frames == (
        ConnectionClose(CloseCode.NO_ERROR),
        StreamData(1, 0, b"over"),
        StreamMoney(1, 1),
    )


def test_a_closing_sender_gets_its_close_echoed() -> None:
    reject = receiver().open(prepare(ConnectionNewAddress(""), ConnectionClose(9, "stop")))
    assert isinstance(reject, Reject)
    assert reject.code == "F99"
    assert inside(reject).frames == (ConnectionClose(CloseCode.NO_ERROR),)


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        (prepare()._replace(destination="test.other.abc"), "F02"),
        (prepare()._replace(destination="test.server"), "F02"),
        (prepare()._replace(destination="test.server.abcd"), "F06"),
        (prepare()._replace(destination=WITH_RECEIPTS.ilp_address), "F06"),
        (prepare()._replace(data=b""), "F06"),
        (prepare()._replace(data=bytes(60)), "F06"),
        (prepare(ilp_type=13), "F00"),
        (prepare(ilp_type=0), "F00"),
    ],
)
def test_what_is_not_an_authentic_prepare_is_rejected_at_once(packet: Prepare, code: str) -> None:
    reject = receiver().open(packet)
    assert isinstance(reject, Reject)
    assert (reject.code, reject.triggered_by, reject.data) == (code, "test.server", b"")


@pytest.mark.parametrize("plaintext", [b"", b"\x02\x0c\x01\x01\x01\x01\x01\x00", b"\x01\x0c\x01"])
def test_authentic_nonsense_is_unexpected(plaintext: bytes) -> None:
    data = StreamKeys(CREDENTIALS.shared_secret).seal(plaintext, bytes(12))
    reject = receiver().open(prepare()._replace(data=data))
    assert isinstance(reject, Reject)
    assert reject.code == "F06"


def test_connections_forgotten_are_opened_again() -> None:
    subject = Receiver(credentials=FACTORY, random_bytes=counted, connections_max=1)
    for _ in range(2):
        for credentials in (CREDENTIALS, WITH_RECEIPTS):
            incoming = subject.open(prepare(credentials=credentials))
            assert isinstance(incoming, Incoming)
            assert incoming.fulfillable


def test_an_address_can_be_looked_up_without_a_packet() -> None:
    subject = receiver()
    connection = subject.connection_of(CREDENTIALS.ilp_address)
    assert connection.details.payment_tag == "payment-1"
    assert connection is subject.connection_of(CREDENTIALS.ilp_address)
    with pytest.raises(InvalidTokenError):
        subject.connection_of("test.server.abcd")


@pytest.mark.property
@given(
    st.integers(0, U64_MAX),
    st.sampled_from([CREDENTIALS.ilp_address, "test.server.abcd", "g.x", "test.server"]),
    st.binary(max_size=80),
)
def test_any_prepare_is_answered(amount: int, destination: str, data: bytes) -> None:
    outcome = receiver().open(Prepare(amount, EXPIRY_MS, bytes(32), destination, data))
    assert isinstance(outcome, Reject)


@pytest.mark.property
@given(st.binary(max_size=60))
def test_any_authentic_plaintext_is_answered_and_never_fulfilled_by_mistake(
    plaintext: bytes,
) -> None:
    data = StreamKeys(CREDENTIALS.shared_secret).seal(plaintext, bytes(12))
    outcome = receiver().open(prepare(condition=bytes(32))._replace(data=data))
    assert isinstance(outcome, Reject) or not outcome.fulfillable
