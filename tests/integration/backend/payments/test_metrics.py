"""What `/metrics` of a backend tells after payments; dashboards ask for nothing else."""

import re
from pathlib import Path
from typing import Final

import aiohttp
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from rafiki.admin.v1 import payment_service_pb2 as admin
from servicekit.metrics import Metrics, StoreReading

from deploy.local.environment import ROOT
from tests.integration.backend.payments.conftest import Banks
from tests.integration.backend.payments.node import Node, amount

pytestmark = pytest.mark.asyncio(loop_scope="module")
OBSERVABILITY: Final = ROOT / "deploy" / "observability"
# What Prometheus itself knows, and what the frontend serves (tests/integration/frontend).
ELSEWHERE: Final = {"up", "rafiki_admin_seconds_bucket"}
_NAME = re.compile(r"\b((?:rafiki|packet|transaction|transactions|pay|process|up)(?:_[a-z_]+)?)\b")
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def scrape(node: Node) -> Samples:
    url = f"http://127.0.0.1:{node.ports.http}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 200
        text = await response.text()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


async def test_a_payment_is_counted_at_both_ends_to_the_unit(banks: Banks) -> None:
    near, far = await scrape(banks.near), await scrape(banks.far)
    incoming = await banks.far.incoming(banks.bob, amount(500))
    payment = await banks.near.outgoing(banks.alice, await banks.near.quote(banks.alice, incoming))
    await banks.near.fund(payment)
    ended = await banks.near.ended(payment)
    assert ended.state == admin.OUTGOING_PAYMENT_STATE_COMPLETED
    near_after, far_after = await scrape(banks.near), await scrape(banks.far)
    unit = {"asset": "USD", "scale": "2"}

    def grew(name: str, **labels: str) -> float:
        return value(near_after, name, **labels) - value(near, name, **labels)

    assert grew("transactions_total", state="COMPLETED", **unit) == 1
    assert grew("rafiki_sent_amount_total", **unit) == 500
    assert grew("packet_amount_fulfill_total", source="payment", **unit) == 500
    assert grew("pay_time_ms_count", state="COMPLETED") == 1
    fulfilled = grew("packet_count_fulfill_total", source="payment")
    rejected = sum(
        value(near_after, name, **dict(labels)) - value(near, name, **dict(labels))
        for name, labels in near_after
        if name == "packet_count_reject_total"
    )
    assert fulfilled >= 1
    assert grew("packet_count_prepare_total", source="payment") == fulfilled + rejected
    received = "packet_amount_fulfill_total"
    assert value(far_after, received, source="peer", **unit) - value(
        far, received, source="peer", **unit
    ) == pytest.approx(500)


async def test_stores_are_asked_when_prometheus_asks(banks: Banks) -> None:
    samples = await scrape(banks.near)
    for name in (
        "rafiki_webhooks_open",
        "rafiki_webhook_lag_seconds",
        "rafiki_payments_due",
        "rafiki_payments_lag_seconds",
        "rafiki_unknown_packets_open",
        "rafiki_payments_sending",
        "rafiki_ledger_transfers_queued",
    ):
        assert value(samples, name) >= 0
        assert (name, frozenset()) in samples


async def test_calls_are_counted_by_rpc_and_status(banks: Banks) -> None:
    samples = await scrape(banks.near)
    counted = {
        dict(labels)["rpc"]
        for (name, labels), count in samples.items()
        if name == "rafiki_rpc_seconds_count" and count
    }
    assert "rafiki.admin.v1.AssetService/CreateAsset" in counted


def names_asked_for(file: Path) -> set[str]:
    """Every name in the expressions of a dashboard or of alert rules."""
    found = yaml.safe_load(file.read_text())  # JSON is YAML
    expressions: list[str] = []

    def walk(node: object) -> None:
        if isinstance(node, dict):
            expressions.extend(v for k, v in node.items() if k == "expr")
            for child in node.values():
                walk(child)
        elif isinstance(node, list):
            for child in node:
                walk(child)

    walk(found)
    assert expressions
    bare = (re.sub(r'"[^"]*"|by \([^)]*\)', "", each) for each in expressions)
    return {name for each in bare for name in _NAME.findall(each)}


@pytest.mark.parametrize("name", ["dashboard.json", "alerts.yaml"])
async def test_dashboards_and_alerts_ask_for_what_there_is(banks: Banks, name: str) -> None:
    asked = names_asked_for(OBSERVABILITY / name) - ELSEWHERE
    # Counters by labels are there once they counted: their families are declared all the same.
    url = f"http://127.0.0.1:{banks.near.ports.http}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        text = await response.text()
    declared: set[str] = set()
    for family in text_string_to_metric_families(text):
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
        declared |= {family.name + end for end in ends.get(family.type, ("",))}
    assert asked - declared == set()


async def test_a_store_that_does_not_answer_leaves_its_numbers_out() -> None:
    async def away() -> list[float]:
        raise OSError("the store is away")

    metrics = Metrics()
    metrics.add(StoreReading([("rafiki_anything", "of a store")], away))
    assert b"rafiki_anything" not in await metrics.text()
    assert b"process_cpu_seconds_total" in await metrics.text()
