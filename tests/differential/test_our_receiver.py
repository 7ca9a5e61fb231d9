"""The senders of the reference packages against our receiver."""

from typing import Any

import pytest
from ilpkit.ilp.packet import Prepare
from ilpkit.money import Asset, Ratio
from ilpkit.stream.receipts import verify_receipt
from ilpkit.stream.receiver import RefusalDialect

from tests.differential.node_driver import NodeDriver, ReferenceFailure
from tests.differential.paths import ReceivingNode
from tests.support.stream_wire import RECEIPT_SETUP, SimulatedPath

pytestmark = pytest.mark.differential

USD = Asset("USD", 2)
EUR = Asset("EUR", 2)


def run(node: NodeDriver, op: str, path: SimulatedPath, **args: Any) -> dict[str, Any]:
    """One operation of a reference sender, its packets answered by our receiver."""
    result: dict[str, Any] = node(
        op,
        on_packet=ReceivingNode(path, USD),
        destination=path.credentials.ilp_address,
        shared_secret=path.credentials.shared_secret.hex(),
        **args,
    )
    return result


def biggest(path: SimulatedPath) -> int:
    def amount(prepare: Prepare) -> int:
        return prepare.amount

    return max(map(amount, path.prepares))


# ilp-protocol-stream's client


def test_stream_client_sends_to_us(node: NodeDriver) -> None:
    path = SimulatedPath(asset=EUR, max_packet=2_000, receipts=True)
    result = run(node, "stream_client.send", path, amount="10000", slippage="0.01")
    assert result["sent"] == "10000"
    assert int(result["delivered"]) == path.credited == 10_000
    assert (result["destination_code"], result["destination_scale"]) == ("EUR", 2)
    receipt = verify_receipt(bytes.fromhex(result["receipt"]), secret=RECEIPT_SETUP.secret)
    assert receipt.total_received == 10_000


def test_stream_client_converts(node: NodeDriver) -> None:
    path = SimulatedPath(asset=EUR, rate=Ratio(91, 100))
    result = run(node, "stream_client.send", path, amount="1000", slippage="0.01")
    assert int(result["delivered"]) == path.credited == 910


# @interledger/pay


def test_pay_quotes_and_sends_a_fixed_amount(node: NodeDriver) -> None:
    path = SimulatedPath(asset=EUR, rate=Ratio(91, 100), max_packet=40_000, receipts=True)
    result = run(
        node,
        "pay.pay",
        path,
        asset={"code": "EUR", "scale": 2},
        source_asset={"code": "USD", "scale": 2},
        prices={"USD": 0.91, "EUR": 1},
        slippage=0.01,
        send="100000",
    )
    assert result["error"] is None
    assert int(result["sent"]) == path.debited == 100_000
    assert int(result["delivered"]) == path.credited
    assert 90_997 <= path.credited <= 91_000
    assert biggest(path) == 10**12, "it probed"
    receipt = verify_receipt(bytes.fromhex(result["receipt"]), secret=RECEIPT_SETUP.secret)
    assert receipt.total_received == path.credited


def test_pay_quotes_and_delivers_a_fixed_amount(node: NodeDriver) -> None:
    path = SimulatedPath(asset=EUR, rate=Ratio(91, 100), max_packet=40_000)
    result = run(
        node,
        "pay.pay",
        path,
        source_asset={"code": "USD", "scale": 2},
        prices={"USD": 0.91, "EUR": 1},
        slippage=0.01,
        deliver="91000",
    )
    assert result["error"] is None
    assert result["asset"] == {"code": "EUR", "scale": 2}, "it asked us"
    assert 91_000 <= path.credited == int(result["delivered"]) <= 91_001


def test_pay_stops_where_our_receiver_gets_too_little(node: NodeDriver) -> None:
    path = SimulatedPath(asset=EUR, rate=Ratio(80, 100))
    with pytest.raises(ReferenceFailure, match="InsufficientExchangeRate"):
        run(
            node,
            "pay.pay",
            path,
            source_asset={"code": "USD", "scale": 2},
            prices={"USD": 0.91, "EUR": 1},
            slippage=0.01,
            send="100000",
        )
    assert path.credited == 0


def test_pay_gives_up_on_the_precise_codes_so_ours_are_plain_by_default(node: NodeDriver) -> None:
    path = SimulatedPath(asset=EUR, dialect=RefusalDialect.PRECISE)
    with pytest.raises(ReferenceFailure, match="ConnectorError"):
        run(
            node,
            "pay.pay",
            path,
            source_asset={"code": "EUR", "scale": 2},
            slippage=0.01,
            send="1000",
        )
