"""A trace goes from a caller to what it calls, over all attempts of a call."""

from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from rafiki.connector.v1 import connector_service_pb2 as pb
from rafiki.connector.v1 import connector_service_pb2_grpc as pb_grpc
from servicekit.clock import SystemClock
from servicekit.errors import NotFound, Unavailable
from servicekit.grpc_client import build_channel
from servicekit.grpc_server import ServiceBinding, build_grpc_server
from servicekit.health import HealthChecks
from servicekit.ids import SystemIds
from servicekit.open_telemetry import OpenTelemetry

SEND = "rafiki.connector.v1.ConnectorService/SendPacket"


class Connector(pb_grpc.ConnectorServiceServicer):
    def __init__(self) -> None:
        self.failures_left = 1

    async def SendPacket(self, request: Any, context: Any) -> Any:  # noqa: N802 - the RPC's name
        if request.prepare == b"missing":
            raise NotFound("UNKNOWN_PEER", "no such peer")
        if self.failures_left:
            self.failures_left -= 1
            raise Unavailable("UNAVAILABLE", "not yet")
        return pb.SendPacketResponse(reply=request.prepare)

    def Packets(self, request_iterator: Any, context: Any) -> Any:  # noqa: N802 - the RPC's name
        raise NotImplementedError


async def test_a_call_and_its_repeats_are_one_span_of_the_caller() -> None:
    ended, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(ended))
    tracing, clock = OpenTelemetry(provider), SystemClock()
    server = build_grpc_server(
        services=[ServiceBinding.of(Connector())],
        host="127.0.0.1",
        port=0,
        checks=HealthChecks(clock=clock),
        clock=clock,
        ids=SystemIds(clock),
        tracing=tracing,
    )
    port = await server.start()
    channel = build_channel(f"127.0.0.1:{port}", idempotent_methods=[SEND], tracing=tracing)
    stub: Any = pb_grpc.ConnectorServiceStub(channel)
    try:
        with tracing.working("caller", {}):
            reply = await stub.SendPacket(pb.SendPacketRequest(prepare=b"x"))
            with pytest.raises(NotFound):
                await stub.SendPacket(pb.SendPacketRequest(prepare=b"missing"))
    finally:
        await channel.close()
        await server.stop(1)
    assert reply.reply == b"x"
    spans = ended.get_finished_spans()
    calls = [span for span in spans if span.kind is SpanKind.CLIENT]
    served = [span for span in spans if span.kind is SpanKind.SERVER]
    assert {span.name for span in (*calls, *served)} == {SEND}
    assert [span.status.status_code for span in calls] == [StatusCode.UNSET, StatusCode.ERROR]
    first, second = (span.context.span_id for span in calls)
    parents = [span.parent.span_id for span in served if span.parent is not None]
    assert sorted(parents, key=[first, second].index) == [first, first, second]
    assert len({span.context.trace_id for span in spans}) == 1
