"""`Tracing` by the OpenTelemetry library, sent to collectors (OTLP over gRPC).

Spans wait in a queue of the library's, bounded, and are sent by a thread of its own: what does not
fit is dropped, and a collector that is away delays nobody.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import structlog
from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from servicekit.tracing import Attributes

SPANS_QUEUED_MAX: Final = 4096
"""What is more is dropped, so that whoever asks for traces of everything takes no memory."""
SPANS_BATCH_MAX: Final = 512
EXPORT_S_MAX: Final = 5
"""For one batch; also what the end of a process may wait for a collector that is away."""
_TRACE_ID: Final = "trace_id"
_PROPAGATOR: Final = TraceContextTextMapPropagator()


class OpenTelemetry:
    """The spans of one process; log lines of recorded traces carry their `trace_id`."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("rafiki")

    @classmethod
    def sending_to(
        cls,
        collectors: Sequence[str],
        *,
        ratio: float,
        service: str,
        node: str | None,
        worker: str | None,
    ) -> "OpenTelemetry":
        """Record this share of new traces, and those that their senders record."""
        told = {"service.name": service, "service.namespace": node, "service.instance.id": worker}
        provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(ratio)),
            resource=Resource.create({name: value for name, value in told.items() if value}),
            shutdown_on_exit=False,
        )
        for url in collectors:
            provider.add_span_processor(
                BatchSpanProcessor(
                    OTLPSpanExporter(endpoint=url, timeout=EXPORT_S_MAX),
                    max_queue_size=SPANS_QUEUED_MAX,
                    max_export_batch_size=SPANS_BATCH_MAX,
                )
            )
        return cls(provider)

    @property
    def recording(self) -> bool:
        """See `Tracing`."""
        return trace.get_current_span().is_recording()

    @contextmanager
    def serving(self, name: str, headers: Mapping[str, Any]) -> Iterator[None]:
        """See `Tracing`."""
        with self._entered(name, SpanKind.SERVER, _PROPAGATOR.extract(headers), {}):
            yield

    @contextmanager
    def working(self, name: str, attributes: Attributes) -> Iterator[None]:
        """See `Tracing`."""
        run = self._running if self.recording else self._entered
        with run(name, SpanKind.INTERNAL, None, attributes):
            yield

    @contextmanager
    def calling(self, name: str, attributes: Attributes) -> Iterator[Mapping[str, str]]:
        """See `Tracing`; a trace that is not recorded is carried on as such."""
        headers: dict[str, str] = {}
        if not self.recording:
            _PROPAGATOR.inject(headers)
            yield headers
            return
        with self._running(name, SpanKind.CLIENT, None, attributes):
            _PROPAGATOR.inject(headers)
            yield headers

    async def close(self) -> None:
        """See `OpenedTracing`."""
        await asyncio.to_thread(self._provider.shutdown)

    @contextmanager
    def _entered(
        self, name: str, kind: SpanKind, context: Context | None, attributes: Attributes
    ) -> Iterator[None]:
        """Where a process begins to take part in a trace."""
        with self._running(name, kind, context, attributes) as span:
            if not span.is_recording():
                yield
                return
            trace_id = format_trace_id(span.get_span_context().trace_id)
            structlog.contextvars.bind_contextvars(**{_TRACE_ID: trace_id})
            try:
                yield
            finally:
                structlog.contextvars.unbind_contextvars(_TRACE_ID)

    @contextmanager
    def _running(
        self, name: str, kind: SpanKind, context: Context | None, attributes: Attributes
    ) -> Iterator[trace.Span]:
        span = self._tracer.start_span(name, context, kind, attributes)
        token = attach(trace.set_span_in_context(span, context))
        try:
            yield span
        except Exception as error:
            span.set_status(StatusCode.ERROR, f"{type(error).__name__}: {error}")
            raise
        finally:
            span.end()
            # A stream that its reader gave up is ended in another context than it began in.
            if trace.get_current_span() is span:
                detach(token)
