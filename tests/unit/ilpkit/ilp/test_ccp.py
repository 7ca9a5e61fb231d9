from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.errors import (
    InvalidAddressError,
    InvalidTextError,
    LocalProtocolError,
    OversizedError,
    RemoteProtocolError,
    TruncatedError,
    UnexpectedPeerPacketError,
)
from ilpkit.ilp.ccp import (
    LIST_ITEMS_MAX,
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

from tests.support.vectors import load_json

ROUTE = CcpRoute("g.a", ("g.a", "g.b"), bytes(32), (RouteProperty(1, b"x"),))
UPDATE = RouteUpdate(bytes(16), 3, 2, 3, 30_000, "g.speaker", (ROUTE,), ("g.gone",))
CONTROL = RouteControl(CcpMode.SYNC, bytes(16), 7, ("foo",))

U32 = st.integers(0, 2**32 - 1)
ADDRESSES = st.sampled_from(["g.a", "test.a.b", "example.hop-1"])
IDS = st.binary(min_size=16, max_size=16)
PROPERTIES = st.builds(
    RouteProperty,
    *(st.integers(0, 2**16 - 1), st.binary(max_size=20)),
    *(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
)
ROUTES = st.builds(
    CcpRoute,
    ADDRESSES | st.sampled_from(["", "g"]),
    st.lists(ADDRESSES, max_size=3).map(tuple),
    st.binary(min_size=32, max_size=32),
    st.lists(PROPERTIES, max_size=3).map(tuple),
)
UPDATES = st.builds(
    RouteUpdate,
    *(IDS, U32, U32, U32, U32, ADDRESSES),
    st.lists(ROUTES, max_size=3).map(tuple),
    st.lists(ADDRESSES, max_size=3).map(tuple),
)
CONTROLS = st.builds(
    RouteControl, st.sampled_from(CcpMode), IDS, U32, st.lists(st.text(max_size=9)).map(tuple)
)


def property_of(fields: dict[str, Any]) -> RouteProperty:
    utf8 = fields["isUtf8"]
    return RouteProperty(
        fields["id"],
        fields["value"].encode() if utf8 else bytes.fromhex(fields["value"]),
        is_optional=fields["isOptional"],
        is_transitive=fields["isTransitive"],
        is_partial=fields["isPartial"],
        is_utf8=utf8,
    )


def route_of(fields: dict[str, Any]) -> CcpRoute:
    return CcpRoute(
        fields["prefix"],
        tuple(fields["path"]),
        bytes.fromhex(fields["auth"]),
        tuple(map(property_of, fields["props"])),
    )


def update_of(fields: dict[str, Any]) -> RouteUpdate:
    return RouteUpdate(
        UUID(fields["routingTableId"]).bytes,
        fields["currentEpochIndex"],
        fields["fromEpochIndex"],
        fields["toEpochIndex"],
        fields["holdDownTime"],
        fields["speaker"],
        tuple(map(route_of, fields["newRoutes"])),
        tuple(fields["withdrawnRoutes"]),
    )


def control_of(fields: dict[str, Any]) -> RouteControl:
    return RouteControl(
        CcpMode(fields["mode"]),
        UUID(fields["lastKnownRoutingTableId"]).bytes,
        fields["lastKnownEpoch"],
        tuple(fields["features"]),
    )


def test_messages_are_those_of_the_javascript_library() -> None:
    seen = []
    for case in load_json("generated", "ccp.json")["cases"]:
        seen.append(case["type"])
        if case["type"] == "control":
            control, raw = control_of(case["value"]), bytes.fromhex(case["payload"])
            assert encode_route_control(control) == raw
            assert decode_route_control(raw) == control
        elif case["type"] == "update":
            update, raw = update_of(case["value"]), bytes.fromhex(case["payload"])
            assert encode_route_update(update) == raw
            assert decode_route_update(raw) == update
    assert seen == ["control", "control", "update", "response"]


@pytest.mark.property
@given(CONTROLS, UPDATES, st.binary(max_size=4))
def test_messages_round_trip_and_later_fields_are_ignored(
    control: RouteControl, update: RouteUpdate, more: bytes
) -> None:
    assert decode_route_control(encode_route_control(control) + more) == control
    assert decode_route_update(encode_route_update(update) + more) == update


def test_a_message_cut_anywhere_is_truncated() -> None:
    for raw, decode in (
        (encode_route_control(CONTROL), decode_route_control),
        (encode_route_update(UPDATE), decode_route_update),
    ):
        for size in range(len(raw)):
            with pytest.raises(TruncatedError):
                decode(raw[:size])


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(UnexpectedPeerPacketError):
        decode_route_control(b"\x02" + encode_route_control(CONTROL)[1:])


def test_more_items_than_allowed_are_refused() -> None:
    raw = encode_route_control(CONTROL._replace(features=()))
    with pytest.raises(OversizedError):
        decode_route_control(raw[:-2] + b"\x02" + (LIST_ITEMS_MAX + 1).to_bytes(2, "big"))
    with pytest.raises(LocalProtocolError):
        encode_route_control(CONTROL._replace(features=("",) * (LIST_ITEMS_MAX + 1)))


def test_broken_text_and_addresses_are_refused() -> None:
    with pytest.raises(InvalidTextError):
        decode_route_control(encode_route_control(CONTROL)[:-3] + b"\xff\xff\xff")
    raw = encode_route_update(UPDATE)
    for address in (b"g.gone", b"g.b", b"g.speaker"):
        with pytest.raises(InvalidAddressError):
            decode_route_update(raw.replace(address, address[::-1]))


@pytest.mark.parametrize(
    "update",
    [
        UPDATE._replace(table_id=bytes(15)),
        UPDATE._replace(to_epoch=2**32),
        UPDATE._replace(speaker="nobody"),
        UPDATE._replace(withdrawn_prefixes=("g.",)),
        UPDATE._replace(new_routes=(ROUTE._replace(auth=bytes(31)),)),
        UPDATE._replace(new_routes=(ROUTE._replace(path=("",)),)),
    ],
)
def test_we_never_write_a_message_against_the_limits(update: RouteUpdate) -> None:
    with pytest.raises(LocalProtocolError):
        encode_route_update(update)


@pytest.mark.property
@given(st.binary(max_size=120), UPDATES, st.data())
def test_any_bytes_are_a_message_or_a_remote_error(
    raw: bytes, update: RouteUpdate, data: st.DataObject
) -> None:
    damaged = bytearray(encode_route_update(update))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    for candidate in (raw, bytes(damaged)):
        with suppress(RemoteProtocolError):
            control = decode_route_control(candidate)
            assert decode_route_control(encode_route_control(control)) == control
        with suppress(RemoteProtocolError):
            decoded = decode_route_update(candidate)
            assert decode_route_update(encode_route_update(decoded)) == decoded
