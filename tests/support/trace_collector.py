"""An OpenTelemetry collector in this process: it keeps the spans that it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc.aio
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


@dataclass(frozen=True, kw_only=True)
class SentSpan:
    service: str
    node: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: Mapping[str, str]


class TraceCollector(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self) -> None:
        self.spans: list[SentSpan] = []
        self._server = grpc.aio.server()
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]  # generated without types
        self.url = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(None)

    async def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        for of_process in request.resource_spans:
            resource = _texts(of_process.resource.attributes)
            self.spans.extend(
                SentSpan(
                    service=resource["service.name"],
                    node=resource.get("service.namespace", ""),
                    name=span.name,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    attributes=_texts(span.attributes),
                )
                for scope in of_process.scope_spans
                for span in scope.spans
            )
        return trace_service_pb2.ExportTraceServiceResponse()


def _texts(attributes: Any) -> dict[str, str]:
    return {each.key: each.value.string_value for each in attributes}
