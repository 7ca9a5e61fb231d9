"""Our packet codec beside the npm package ilp-packet: same bytes, same fields."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ilpkit.errors import ProtocolError
from ilpkit.ilp.error_codes import ERROR_NAMES
from ilpkit.ilp.packet import (
    Fulfill,
    Packet,
    Prepare,
    Reject,
    decode_packet,
    encode_prepare,
    encode_reply,
)

from tests.differential.node_driver import NodeDriver

pytestmark = pytest.mark.differential

EXAMPLES = 150
settled = settings(max_examples=EXAMPLES, deadline=None)
LAST_MS = 253_402_300_799_999
"""The end of the year 9999, the last that an ILP timestamp can name."""

segments = st.text("abcxyzABCXYZ0189_~-", min_size=1, max_size=30)
schemes = st.sampled_from(
    ["g", "private", "example", "peer", "self", "test", "test1", "test2", "test3", "local"]
)
addresses = st.builds(
    lambda scheme, rest: ".".join((scheme, *rest)),
    schemes,
    st.lists(segments, min_size=1, max_size=6),
)
octets = st.binary(max_size=300) | st.binary(min_size=120, max_size=135)
hashes = st.binary(min_size=32, max_size=32)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
prepares = st.builds(
    Prepare,
    st.integers(0, 2**64 - 1),
    st.integers(1, LAST_MS),  # their reader takes the epoch itself for no date
    hashes,
    addresses,
    octets,
)
replies = st.builds(Fulfill, hashes, octets) | st.builds(
    Reject, st.sampled_from(sorted(ERROR_NAMES)), st.just("") | addresses, texts, octets
)
packets = prepares | replies


def encode(packet: Packet) -> bytes:
    return encode_prepare(packet) if isinstance(packet, Prepare) else encode_reply(packet)


def fields(packet: Packet) -> dict[str, Any]:
    """The packet as driver.js names it."""
    named = {
        key: value.hex() if isinstance(value, bytes) else value
        for key, value in packet._asdict().items()
    }
    if isinstance(packet, Prepare):
        named["amount"] = str(packet.amount)
    kind = {Prepare: 12, Fulfill: 13, Reject: 14}[type(packet)]
    return {"type": kind, "fields": named}


@settled
@given(packet=packets)
def test_both_write_the_same_bytes(node: NodeDriver, packet: Packet) -> None:
    (theirs,) = node("ilp_packet.encode", packets=[fields(packet)])
    assert encode(packet).hex() == theirs


@settled
@given(packet=packets)
def test_both_read_the_same_fields(node: NodeDriver, packet: Packet) -> None:
    raw = encode(packet)
    assert decode_packet(raw) == packet
    (theirs,) = node("ilp_packet.decode", packets=[raw.hex()])
    assert theirs == fields(packet)


def broken(draw: st.DrawFn) -> bytes:
    """A valid packet with some bytes changed, cut off or added."""
    raw = bytearray(encode(draw(packets)))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(0, len(raw) - 1)))
        change = draw(st.sampled_from(["set", "cut", "add"]))
        if change == "set" and raw:
            raw[place] = draw(st.integers(0, 255))
        elif change == "add":
            raw.insert(place, draw(st.integers(0, 255)))
        else:
            del raw[place:]
    return bytes(raw)


def decode_or_none(raw: bytes) -> Packet | None:
    try:
        return decode_packet(raw)
    except ProtocolError:
        return None


@settled
@given(raw=st.composite(broken)())
def test_what_both_accept_they_read_alike(node: NodeDriver, raw: bytes) -> None:
    (theirs,) = node("ilp_packet.decode", packets=[raw.hex()])
    ours = decode_or_none(raw)
    if ours is None or theirs is None:
        return
    expected = fields(ours)
    if isinstance(ours, Reject):
        # Broken UTF-8: we leave it out, they put a replacement character there.
        expected["fields"]["message"] = theirs["fields"]["message"]
    assert theirs == expected
