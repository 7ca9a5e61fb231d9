"""Packets that are wrong, over the real edge."""

import pytest
from ilpkit.ilp.error_codes import AmountTooLarge, decode_amount_too_large
from ilpkit.ilp.packet import Prepare, Reject, decode_reply, encode_prepare
from servicekit.clock import SystemClock

from deploy.local.banks import MAX_PACKET_AMOUNT
from deploy.local.demo import Wallets
from deploy.local.environment import NodeConfig
from deploy.local.stack import Stack
from tests.e2e.raw import Reply, send

pytestmark = pytest.mark.e2e
EXPIRES_IN_MS = 30_000


@pytest.fixture
def node(stack: Stack, wallets: Wallets) -> NodeConfig:
    """Cloud Nine Wallet, with the other bank seeded as its peer."""
    return stack.configs[0]


def packet(*, amount: int = 1, destination: str = "test.cloud-nine-wallet.nobody") -> bytes:
    expires_at_ms = SystemClock().now_ms() + EXPIRES_IN_MS
    return encode_prepare(Prepare(amount, expires_at_ms, bytes(32), destination))


def post(node: NodeConfig, body: bytes, *, token: str | None = None) -> Reply:
    """The body as the peer sends it, or somebody with another token."""
    shown = node.secrets.peer_token if token is None else token
    headers = {"content-type": "application/octet-stream", "authorization": f"Bearer {shown}"}
    return send("POST", f"{node.public_url}/ilp", body, headers)


def rejected(reply: Reply) -> Reject:
    assert (reply.status, reply.headers["content-type"]) == (200, "application/octet-stream")
    reject = decode_reply(reply.body)
    assert isinstance(reject, Reject)
    return reject


def test_a_wrong_token_is_401(node: NodeConfig) -> None:
    reply = post(node, packet(), token="wrong")
    assert (reply.status, reply.error()["code"]) == (401, "401")


def test_no_token_is_401(node: NodeConfig) -> None:
    headers = {"content-type": "application/octet-stream"}
    assert send("POST", f"{node.public_url}/ilp", packet(), headers).status == 401


def test_the_other_nodes_token_is_401(stack: Stack, node: NodeConfig) -> None:
    assert post(node, packet(), token=stack.configs[1].secrets.peer_token).status == 401


@pytest.mark.parametrize("destination", ["test.nowhere.x", "g.elsewhere", "private.x.y"])
def test_an_unknown_address_is_unreachable(node: NodeConfig, destination: str) -> None:
    reject = rejected(post(node, packet(destination=destination)))
    assert (reject.code, reject.triggered_by) == ("F02", "test.cloud-nine-wallet")


def test_more_than_the_peers_maximum_is_refused_with_the_maximum(node: NodeConfig) -> None:
    reject = rejected(post(node, packet(amount=MAX_PACKET_AMOUNT + 1)))
    assert reject.code == "F08"
    expected = AmountTooLarge(
        received_amount=MAX_PACKET_AMOUNT + 1, maximum_amount=MAX_PACKET_AMOUNT
    )
    assert decode_amount_too_large(reject.data) == expected


def test_exactly_the_maximum_is_not_too_much(node: NodeConfig) -> None:
    reject = rejected(post(node, packet(amount=MAX_PACKET_AMOUNT, destination="test.nowhere.x")))
    assert reject.code == "F02"


def test_a_packet_that_is_late_already_is_refused(node: NodeConfig) -> None:
    late = Prepare(1, SystemClock().now_ms() - 1, bytes(32), "test.cloud-nine-wallet.x")
    assert rejected(post(node, encode_prepare(late))).code in ("R00", "R02")


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x0c\x02ab", packet()[:-1]])
def test_bytes_that_are_no_packet_are_refused(node: NodeConfig, body: bytes) -> None:
    assert rejected(post(node, body)).code in ("F00", "F01")


def test_another_content_type_is_400(node: NodeConfig) -> None:
    headers = {
        "content-type": "application/json",
        "authorization": f"Bearer {node.secrets.peer_token}",
    }
    assert send("POST", f"{node.public_url}/ilp", packet(), headers).status == 400
