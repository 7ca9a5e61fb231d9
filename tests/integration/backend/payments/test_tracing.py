"""One trace of a payment, from the call that funds it to the node that takes its packets."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio
from rafiki.admin.v1 import liquidity_service_pb2
from rafiki.admin.v1 import payment_service_pb2 as admin

from tests.integration.backend.payments.conftest import Banks, NewBanks
from tests.integration.backend.payments.node import amount, id_of, key
from tests.support.trace_collector import SentSpan, TraceCollector

pytestmark = pytest.mark.asyncio(loop_scope="module")
TRACE_ID: Final = "0af7651916cd43dd8448eb211c80319c"
CALLER: Final = "b7ad6b7169203331"
FUND: Final = "rafiki.admin.v1.LiquidityService/DepositOutgoingPaymentLiquidity"


@pytest_asyncio.fixture(loop_scope="module")
async def collector() -> AsyncIterator[TraceCollector]:
    collector = TraceCollector()
    await collector.start()
    yield collector
    await collector.stop()


async def pay(banks: Banks, *, sampled: bool) -> Any:
    """The payment's end; its funding is part of a trace that the caller records, or does not."""
    incoming = await banks.far.incoming(banks.bob, amount(500))
    payment = await banks.near.outgoing(banks.alice, await banks.near.quote(banks.alice, incoming))
    await banks.near.liquidity.DepositOutgoingPaymentLiquidity(
        liquidity_service_pb2.DepositOutgoingPaymentLiquidityRequest(
            outgoing_payment_id=id_of(payment), idempotency_key=key()
        ),
        metadata=[("traceparent", f"00-{TRACE_ID}-{CALLER}-0{int(sampled)}")],
    )
    ended = await banks.near.ended(payment)
    assert ended.state == admin.OUTGOING_PAYMENT_STATE_COMPLETED
    return payment


async def sent(banks: Banks, collector: TraceCollector) -> list[SentSpan]:
    """All spans: a process sends its last ones before it ends."""
    await banks.near.stop()
    await banks.far.stop()
    return collector.spans


def recording(collector: TraceCollector) -> dict[str, Any]:
    """Of a node that begins no trace of its own accord."""
    return {
        "OPEN_TELEMETRY_TRACE_COLLECTOR_URLS": collector.url,
        "OTEL_TRACES_SAMPLER_ARG": 0,
    }


async def test_a_payment_is_one_trace_across_both_nodes(
    new_banks: NewBanks, collector: TraceCollector
) -> None:
    settings = recording(collector)
    banks = await new_banks(far_settings=settings, **settings)
    payment = await pay(banks, sampled=True)
    spans = await sent(banks, collector)
    by_id = {span.span_id: span for span in spans}

    def parent(span: SentSpan) -> SentSpan:
        return by_id[span.parent_id]

    assert {span.trace_id for span in spans} == {TRACE_ID}
    (funding,) = (span for span in spans if span.name == FUND)
    assert (funding.node, funding.parent_id) == ("near", CALLER)
    (work,) = (span for span in spans if span.name == "outgoing payment")
    assert parent(work) is funding
    assert work.attributes["payment_id"] == id_of(payment)
    packets = [span for span in spans if span.name == "ILP packet"]
    assert packets
    assert {parent(packet).span_id for packet in packets} == {work.span_id}
    taken = [span for span in spans if span.node == "far" and span.name == "POST /ilp"]
    assert {parent(each).span_id for each in taken} == {packet.span_id for packet in packets}
    booked = {parent(span).name for span in spans if span.name == "ledger chain"}
    assert {"outgoing payment", "POST /ilp"} <= booked


async def test_what_the_caller_does_not_record_nobody_does(
    new_banks: NewBanks, collector: TraceCollector
) -> None:
    settings = recording(collector)
    banks = await new_banks(far_settings=settings, **settings)
    await pay(banks, sampled=False)
    assert await sent(banks, collector) == []


async def test_without_a_collector_nothing_is_traced(new_banks: NewBanks) -> None:
    banks = await new_banks()
    assert banks.near.features.connections.tracing is None
