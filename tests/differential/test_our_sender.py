"""Our sender and probe against the receivers of the reference packages."""

from typing import Any

import pytest
from ilpkit.money import Asset, Ratio
from ilpkit.stream.outcome import EndReason
from ilpkit.stream.plan import FixedDelivery, FixedSend
from ilpkit.stream.probe import ProbeEnd
from ilpkit.stream.receipts import verify_receipt

from tests.differential.node_driver import NodeDriver
from tests.differential.paths import NodePath

pytestmark = pytest.mark.differential

RECEIPT = {"nonce": bytes(range(16)).hex(), "secret": bytes(range(32)).hex()}
USD = Asset("USD", 2)


def receiver_path(node: NodeDriver, dialect: int, path: NodePath, **args: Any) -> NodePath:
    path.connect(
        node,
        "stream_receiver",
        dialect=dialect,
        secret=bytes(range(32)).hex(),
        address="test.theirs",
        **args,
    )
    return path


def server_path(node: NodeDriver, path: NodePath, **args: Any) -> NodePath:
    path.connect(node, "stream_server", address="test.theirs", code="USD", scale=2, **args)
    return path


# @interledger/stream-receiver, whose versions refuse with different codes


@pytest.mark.parametrize("dialect", [3, 4])
def test_stream_receiver_takes_a_fixed_send_with_receipts(node: NodeDriver, dialect: int) -> None:
    path = receiver_path(node, dialect, NodePath(max_packet=1_000), receipt=RECEIPT)
    outcome = path.pay(FixedSend(12_345, Ratio(99, 100)))
    assert outcome.completed
    assert outcome.totals.delivered == path.total() == 12_345
    receipt = verify_receipt(outcome.receipt, secret=bytes.fromhex(RECEIPT["secret"]))
    assert receipt.total_received == 12_345


@pytest.mark.parametrize("dialect", [3, 4])
@pytest.mark.parametrize("rate", [Ratio(91, 100), Ratio(7, 3)])
def test_stream_receiver_takes_a_fixed_delivery_exactly(
    node: NodeDriver, dialect: int, rate: Ratio
) -> None:
    path = receiver_path(node, dialect, NodePath(rate=rate, max_packet=700))
    floor = rate * Ratio(99, 100)
    outcome = path.pay(FixedDelivery(5_000, floor.ceil_div(5_000) + 1, floor))
    assert outcome.completed
    assert outcome.totals.delivered == path.total()
    assert 0 <= path.total() - 5_000 < rate.ceil_mul(1)


@pytest.mark.parametrize("dialect", [3, 4])
def test_stream_receiver_refuses_below_the_minimum_and_we_stop(
    node: NodeDriver, dialect: int
) -> None:
    path = receiver_path(node, dialect, NodePath(rate=Ratio(9, 10)))
    outcome = path.pay(FixedSend(1_000, Ratio(1, 1)))
    assert outcome.reason is EndReason.INSUFFICIENT_EXCHANGE_RATE
    assert path.total() == 0


@pytest.mark.parametrize("dialect", [3, 4])
def test_stream_receiver_answers_a_probe_with_its_asset(node: NodeDriver, dialect: int) -> None:
    path = receiver_path(
        node,
        dialect,
        NodePath(rate=Ratio(1, 2), max_packet=5_000),
        asset={"code": "EUR", "scale": 9},
    )
    outcome = path.probe()
    assert outcome.end is ProbeEnd.COMPLETED
    assert outcome.asset == Asset("EUR", 9)
    assert outcome.max_packet_amount in {10_000, 10_001}
    assert path.total() == 0


def test_stream_receiver_gets_application_data_once(node: NodeDriver) -> None:
    path = receiver_path(node, 4, NodePath(max_packet=100))
    assert path.pay(FixedSend(450), data=b"invoice 7").completed
    assert path.totals()["data"] == [b"invoice 7".hex()]


def test_stream_receiver_declines_with_a_reason(node: NodeDriver) -> None:
    path = receiver_path(node, 4, NodePath())
    path.deliver_args = {"decline": "final", "reason": "not today"}
    outcome = path.pay(FixedSend(450), data=b"invoice 7")
    assert outcome.reason is EndReason.APPLICATION_ERROR
    assert outcome.application_data == b"not today"


@pytest.mark.parametrize("dialect", [3, 4])
def test_stream_receiver_declines_for_good_without_a_reason(node: NodeDriver, dialect: int) -> None:
    path = receiver_path(node, dialect, NodePath())
    path.deliver_args = {"decline": "final"}
    assert path.pay(FixedSend(450)).reason is EndReason.CLOSED_BY_RECEIVER


@pytest.mark.parametrize("dialect", [3, 4])
def test_stream_receiver_declines_for_now_and_we_give_up_in_time(
    node: NodeDriver, dialect: int
) -> None:
    path = receiver_path(node, dialect, NodePath())
    path.deliver_args = {"decline": "temporary"}
    outcome = path.pay(FixedSend(450))
    assert outcome.reason is EndReason.IDLE_TIMEOUT
    assert path.total() == 0


# ilp-protocol-stream's own server


def test_stream_server_takes_a_fixed_send(node: NodeDriver) -> None:
    path = server_path(node, NodePath(max_packet=1_000), receipt=RECEIPT)
    outcome = path.pay(FixedSend(12_345, Ratio(99, 100)))
    assert outcome.completed
    assert outcome.totals.delivered == path.total() == 12_345
    receipt = verify_receipt(outcome.receipt, secret=bytes.fromhex(RECEIPT["secret"]))
    assert receipt.total_received == 12_345


def test_stream_server_takes_a_fixed_delivery_exactly(node: NodeDriver) -> None:
    path = server_path(node, NodePath(rate=Ratio(91, 100), max_packet=700))
    outcome = path.pay(FixedDelivery(5_000, 5_600, Ratio(9, 10)))
    assert outcome.completed
    assert outcome.totals.delivered == path.total() == 5_000


def test_stream_server_gets_the_data(node: NodeDriver) -> None:
    path = server_path(node, NodePath(max_packet=100))
    assert path.pay(FixedSend(300), data=b"invoice 7").completed
    assert path.totals()["data"] == b"invoice 7".hex()


def test_stream_server_that_takes_too_little_ends_the_payment(node: NodeDriver) -> None:
    path = server_path(node, NodePath(), receive_max="50")
    outcome = path.pay(FixedDelivery(100, 102, Ratio(99, 100)))
    assert outcome.reason is EndReason.RECEIVER_FULL
    assert path.total() == 0


def test_stream_server_answers_a_probe_with_its_asset(node: NodeDriver) -> None:
    path = server_path(node, NodePath(rate=Ratio(2, 1)))
    outcome = path.probe()
    assert outcome.end is ProbeEnd.COMPLETED
    assert outcome.asset == USD
    assert outcome.rate.low == Ratio(2, 1)
