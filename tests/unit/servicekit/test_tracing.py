from collections.abc import Mapping

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import StatusCode
from servicekit.open_telemetry import OpenTelemetry
from servicekit.tracing import TracingSettings, is_recorded_elsewhere, open_tracing

TRACE = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
NOT_SAMPLED = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-00"}


@pytest.fixture
def ended() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(ended: InMemorySpanExporter) -> OpenTelemetry:
    """It begins no trace of its own accord."""
    provider = TracerProvider(sampler=ParentBased(ALWAYS_OFF), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(ended))
    return OpenTelemetry(provider)


def logged_trace() -> object:
    return structlog.contextvars.get_contextvars().get("trace_id")


def test_what_is_served_goes_on_with_its_callers_trace(
    tracing: OpenTelemetry, ended: InMemorySpanExporter
) -> None:
    with tracing.serving("a", SAMPLED), tracing.working("b", {}), tracing.calling("c", {}) as on:
        carried = on["traceparent"]
    spans = {span.name: span for span in ended.get_finished_spans()}
    assert spans["b"].parent == spans["a"].context
    assert spans["c"].parent == spans["b"].context
    assert carried == f"00-{TRACE}-{spans['c'].context.span_id:016x}-01"


def test_a_trace_that_nobody_records_is_carried_on_as_such(
    tracing: OpenTelemetry, ended: InMemorySpanExporter
) -> None:
    with tracing.serving("a", NOT_SAMPLED), tracing.calling("b", {}) as on:
        assert on["traceparent"].startswith(f"00-{TRACE}-")
        assert on["traceparent"].endswith("-00")
    assert ended.get_finished_spans() == ()


def test_log_lines_carry_the_id_of_a_recorded_trace(tracing: OpenTelemetry) -> None:
    with tracing.serving("a", SAMPLED):
        with tracing.working("b", {}):
            assert logged_trace() == TRACE
        assert logged_trace() == TRACE
    assert logged_trace() is None
    with tracing.serving("a", NOT_SAMPLED):
        assert logged_trace() is None


def test_an_error_is_the_spans_and_goes_on(
    tracing: OpenTelemetry, ended: InMemorySpanExporter
) -> None:
    with pytest.raises(LookupError), tracing.serving("a", SAMPLED):
        raise LookupError("gone")
    (span,) = ended.get_finished_spans()
    assert (span.status.status_code, span.status.description) == (
        StatusCode.ERROR,
        "LookupError: gone",
    )
    assert not tracing.recording


@pytest.mark.parametrize(
    ("headers", "recorded"), [({}, False), (NOT_SAMPLED, False), (SAMPLED, True)]
)
def test_says_whether_the_sender_records(headers: Mapping[str, str], recorded: bool) -> None:
    assert is_recorded_elsewhere(headers) is recorded


def test_without_a_collector_there_is_no_tracing() -> None:
    assert open_tracing(TracingSettings(), service="any") is None


@pytest.mark.parametrize("url", ["localhost:4317", "ftp://localhost", "http://"])
def test_a_collector_that_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="http://host:port"):
        TracingSettings(OPEN_TELEMETRY_TRACE_COLLECTOR_URLS=url)
