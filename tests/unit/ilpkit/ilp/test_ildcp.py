from datetime import datetime

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
from ilpkit.ilp.ildcp import (
    ILDCP_TIMEOUT_MS,
    PEER_PROTOCOL_FULFILLMENT,
    PeerConfiguration,
    check_ildcp_request,
    make_ildcp_request,
    make_ildcp_response,
    read_ildcp_response,
)
from ilpkit.ilp.packet import (
    Fulfill,
    Reject,
    decode_prepare,
    decode_reply,
    encode_fulfill,
    encode_prepare,
)
from ilpkit.money import Asset

from tests.support.vectors import load_json


def response(data: str) -> Fulfill:
    return Fulfill(PEER_PROTOCOL_FULFILLMENT, bytes.fromhex(data))


def test_packets_are_those_of_the_javascript_library() -> None:
    cases = load_json("generated", "ildcp.json")["cases"]
    for case in cases:
        raw = bytes.fromhex(case["packet"])
        if case["name"] == "request":
            expires_at_ms = round(datetime.fromisoformat(case["expiresAt"]).timestamp() * 1000)
            request = make_ildcp_request(now_ms=expires_at_ms - ILDCP_TIMEOUT_MS)
            assert encode_prepare(request) == raw
            check_ildcp_request(decode_prepare(raw))
        else:
            asset = Asset(case["assetCode"], case["assetScale"])
            configuration = PeerConfiguration(case["clientAddress"], asset)
            assert encode_fulfill(make_ildcp_response(configuration)) == raw
            assert read_ildcp_response(decode_reply(raw)) == configuration
    assert len(cases) == 4


def test_only_ildcp_requests_are_taken_for_one() -> None:
    request = make_ildcp_request(now_ms=0)
    for other in (
        request._replace(destination="peer.route"),
        request._replace(condition=bytes(32)),
    ):
        with pytest.raises(UnexpectedPeerPacketError) as caught:
            check_ildcp_request(other)
        assert caught.value.ilp_code == "F00"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reject("F00", "g.parent", "no address"), UnexpectedPeerPacketError),
        (Fulfill(b"\x01" * 32, bytes.fromhex("03672e610203555344")), UnexpectedPeerPacketError),
        (response(""), TruncatedError),
        (response("03672e61"), TruncatedError),
        (response("03672e6102"), TruncatedError),
        (response("03672e2e0203555344"), InvalidAddressError),
        (response("03672e610202c3c3"), InvalidTextError),
        (response("03672e610200"), InvalidTextError),
        (response("03672e6102820100" + "61" * 256), OversizedError),
    ],
)
def test_what_is_no_configuration_is_the_parents_fault(
    reply: Fulfill | Reject, error: type[RemoteProtocolError]
) -> None:
    with pytest.raises(error):
        read_ildcp_response(reply)


def test_we_assign_only_addresses() -> None:
    with pytest.raises(LocalProtocolError):
        make_ildcp_response(PeerConfiguration("nonsense", Asset("USD", 2)))


@pytest.mark.property
@given(st.binary(max_size=60))
def test_reading_anything_raises_nothing_but_remote_errors(data: bytes) -> None:
    try:
        configuration = read_ildcp_response(Fulfill(PEER_PROTOCOL_FULFILLMENT, data))
    except RemoteProtocolError:
        return
    assert data.startswith(make_ildcp_response(configuration).data)
