"""ILP packets as the JavaScript reference implementation writes and reads them."""

from base64 import b64decode
from datetime import datetime, timedelta
from typing import Any

import pytest
from ilpkit.errors import InvalidTimestampError, RemoteProtocolError
from ilpkit.ilp.packet import (
    Fulfill,
    Packet,
    Prepare,
    Reject,
    decode_packet,
    decode_prepare,
    encode_prepare,
    encode_reply,
)

from tests.support.vectors import load_json

# RFC 30 says that parsers must refuse these; the JavaScript decoder lets them roll over.
STRICTER_THAN_JAVASCRIPT = {"bad-month", "hour24", "second60"}


def epoch_ms(iso: str) -> int:
    epoch = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return (datetime.fromisoformat(iso) - epoch) // timedelta(milliseconds=1)


def encode(packet: Packet) -> bytes:
    return encode_prepare(packet) if isinstance(packet, Prepare) else encode_reply(packet)


def generated_packet(case: dict[str, Any]) -> Packet:
    data = bytes.fromhex(case["data"])
    match case["type"]:
        case "prepare":
            return Prepare(
                int(case["amount"]),
                epoch_ms(case["expiresAt"]),
                bytes.fromhex(case["executionCondition"]),
                case["destination"],
                data,
            )
        case "fulfill":
            return Fulfill(bytes.fromhex(case["fulfillment"]), data)
        case _:
            return Reject(case["code"], case["triggeredBy"], case["message"], data)


def test_generated_packets_are_equal_byte_for_byte() -> None:
    cases = load_json("generated", "ilp-packets.json")["cases"]
    for case in cases:
        raw, packet = bytes.fromhex(case["packet"]), generated_packet(case)
        assert decode_packet(raw) == packet, case["name"]
        assert encode(packet) == raw, case["name"]
    assert {case["type"] for case in cases} == {"prepare", "fulfill", "reject"}


@pytest.mark.parametrize("kind", ["prepare", "fulfill", "reject"])
def test_published_examples_are_equal_byte_for_byte(kind: str) -> None:
    example = load_json("ilp-packet", f"ilp_{kind}-example01.json")
    fields, raw = example["json"], bytes.fromhex(example["binary"])
    data = b64decode(fields["data"])
    packet: Packet
    if kind == "prepare":
        condition, iso = b64decode(fields["executionCondition"]), fields["expiresAt"]
        packet = Prepare(
            int(fields["amount"]), epoch_ms(iso), condition, fields["destination"], data
        )
    elif kind == "fulfill":
        packet = Fulfill(b64decode(fields["fulfillment"]), data)
    else:
        packet = Reject(fields["code"], fields["triggeredBy"], fields["message"], data)
    assert decode_packet(raw) == packet
    assert encode(packet) == raw


def test_decoding_agrees_with_javascript_but_for_impossible_dates() -> None:
    cases = load_json("generated", "ilp-packet-decode-behaviour.json")["cases"]
    for case in cases:
        raw = bytes.fromhex(case["packet"])
        if case["name"] in STRICTER_THAN_JAVASCRIPT:
            assert case["ok"]
            with pytest.raises(InvalidTimestampError):
                decode_packet(raw)
        elif case["ok"]:
            fields = case["decoded"]["data"]
            prepare = decode_prepare(raw)
            assert prepare.amount == int(fields["amount"])
            assert prepare.expires_at_ms == epoch_ms(fields["expiresAt"])
            assert prepare.destination == fields["destination"]
        else:
            with pytest.raises(RemoteProtocolError) as caught:
                decode_packet(raw)
            assert caught.value.ilp_code == "F01"
    assert len(cases) == 14
