from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.errors import (
    ForeignAddressError,
    InvalidTokenError,
    LocalProtocolError,
    RemoteProtocolError,
)
from ilpkit.ilp.address import is_valid_address
from ilpkit.money import Asset
from ilpkit.stream.credentials import ConnectionDetails, CredentialsFactory
from ilpkit.stream.crypto import Mac, Sealer
from ilpkit.stream.receipts import ReceiptSetup

from tests.support.vectors import load_json

FACTORY = CredentialsFactory(b"s" * 32, "test.server")
TOKEN_SEALER = Sealer(Mac(b"s" * 32).digest(b"ilp_stream_connection_token"))
TAGS = st.none() | st.text(st.characters(codec="ascii"), min_size=1, max_size=60)
SETUPS = st.none() | st.builds(
    ReceiptSetup, st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32)
)
ASSETS = st.none() | st.builds(Asset, st.text(min_size=1, max_size=20), st.integers(0, 255))


def zeros(size: int) -> bytes:
    return bytes(size)


def sealed_segment(plaintext: bytes) -> str:
    """A token segment as this server would make it of any plaintext."""
    return urlsafe_b64encode(TOKEN_SEALER.seal(plaintext, bytes(12))).rstrip(b"=").decode()


def details_of(options: dict[str, Any]) -> ConnectionDetails:
    setup, asset = options.get("receiptSetup"), options.get("asset")
    return ConnectionDetails(
        options.get("paymentTag"),
        setup and ReceiptSetup(bytes.fromhex(setup["nonce"]), bytes.fromhex(setup["secret"])),
        asset and Asset(asset["code"], asset["scale"]),
    )


def test_credentials_of_the_javascript_library_are_equal_byte_for_byte() -> None:
    vectors = load_json("generated", "stream-receiver.json")
    factory = CredentialsFactory(bytes.fromhex(vectors["serverSecret"]), vectors["serverAddress"])
    for case in vectors["cases"]:
        details, iv = details_of(case["options"]), bytes.fromhex(case["token"])[:12]
        opened = factory.open(case["ilpAddress"])
        assert opened.details == details
        assert opened.shared_secret.hex() == case["sharedSecret"]
        made = factory.make(
            lambda _size, iv=iv: iv,  # type: ignore[misc] # a default binds the loop's value
            payment_tag=details.payment_tag,
            receipt_setup=details.receipt_setup,
            asset=details.asset,
        )
        assert made.ilp_address == case["ilpAddress"]
        assert made.shared_secret == opened.shared_secret
    assert len(vectors["cases"]) == 4


@pytest.mark.property
@given(TAGS, SETUPS, ASSETS, st.binary(min_size=12, max_size=12))
def test_details_round_trip_through_the_address(
    payment_tag: str | None, receipt_setup: ReceiptSetup | None, asset: Asset | None, iv: bytes
) -> None:
    credentials = FACTORY.make(
        lambda _size: iv, payment_tag=payment_tag, receipt_setup=receipt_setup, asset=asset
    )
    assert is_valid_address(credentials.ilp_address)
    opened = FACTORY.open(credentials.ilp_address)
    assert opened.details == ConnectionDetails(payment_tag, receipt_setup, asset)
    assert opened.shared_secret == credentials.shared_secret


def test_segments_after_the_token_belong_to_the_sender() -> None:
    credentials = FACTORY.make(zeros, payment_tag="tag")
    assert FACTORY.open(credentials.ilp_address + ".a.b") == FACTORY.open(credentials.ilp_address)


@pytest.mark.parametrize("address", ["test.server", "test.servers.x", "test.other.x", "g.x", ""])
def test_another_servers_address_is_foreign(address: str) -> None:
    with pytest.raises(ForeignAddressError) as caught:
        FACTORY.open(address)
    assert caught.value.ilp_code == "F02"


def test_another_servers_token_is_invalid() -> None:
    stranger = CredentialsFactory(b"t" * 32, "test.server").make(zeros)
    with pytest.raises(InvalidTokenError) as caught:
        FACTORY.open(stranger.ilp_address)
    assert caught.value.ilp_code == "F06"


@pytest.mark.parametrize("segment", ["", "a", "ab~c", "ä", "a" * 5, "abcd", "ab cd", "ab=="])
def test_what_is_no_token_is_invalid(segment: str) -> None:
    with pytest.raises(InvalidTokenError):
        FACTORY.open_segment(segment)


@pytest.mark.parametrize(
    "plaintext",
    [
        b"",
        b"\x01",
        b"\x01\x05ab",
        b"\x01\x01\xff",
        b"\x02" + bytes(47),
        b"\x04\x00\x02",
        b"\x04\x01\xff\x02",
    ],
)
def test_a_token_of_ours_with_nonsense_inside_is_invalid(plaintext: bytes) -> None:
    with pytest.raises(InvalidTokenError):
        FACTORY.open_segment(sealed_segment(plaintext))


@pytest.mark.property
@given(st.text(max_size=60) | st.from_regex(r"\A[A-Za-z0-9_-]{0,80}\Z"))
def test_any_segment_is_ours_or_a_remote_error(segment: str) -> None:
    with pytest.raises(RemoteProtocolError):
        FACTORY.open_segment(segment)


@pytest.mark.property
@given(st.binary(max_size=90))
def test_any_authentic_plaintext_is_read_or_a_remote_error(plaintext: bytes) -> None:
    try:
        opened = FACTORY.open_segment(sealed_segment(plaintext))
    except InvalidTokenError:
        return
    assert len(opened.shared_secret) == 32


def test_a_server_needs_a_real_secret_and_address() -> None:
    with pytest.raises(LocalProtocolError):
        CredentialsFactory(b"short", "test.server")
    with pytest.raises(LocalProtocolError):
        CredentialsFactory(b"s" * 32, "nowhere")


def test_details_must_fit() -> None:
    with pytest.raises(LocalProtocolError):
        FACTORY.make(zeros, payment_tag="ä")
    with pytest.raises(LocalProtocolError):
        FACTORY.make(zeros, payment_tag="t" * 800)
    with pytest.raises(LocalProtocolError):
        FACTORY.make(zeros, receipt_setup=ReceiptSetup(bytes(15), bytes(32)))
    with pytest.raises(LocalProtocolError):
        FACTORY.make(zeros, receipt_setup=ReceiptSetup(bytes(16), bytes(31)))
