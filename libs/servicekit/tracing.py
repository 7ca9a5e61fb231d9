"""Where the time of a call goes, across processes and nodes: what traced code sees of it.

A process whose settings name no collector has None in place of `Tracing`, imports none of the
library, and spends a comparison with None on it.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from servicekit.settings import CommaList, ServiceSettings

TRACEPARENT: Final = "traceparent"
"""The header of a trace's identity (W3C Trace Context, section 3.2)."""
_NOT_SAMPLED: Final = "-00"
"""How a `traceparent` of version 00 ends when nobody records its trace."""
Attributes = Mapping[str, str | int]


class Tracing(Protocol):
    """Spans of one process."""

    @property
    def recording(self) -> bool:
        """Whether what runs now is part of a trace that is recorded."""
        ...

    def serving(self, name: str, headers: Mapping[str, Any]) -> AbstractContextManager[None]:
        """A call that came in: part of the trace that its headers name, or a new one."""
        ...

    def working(self, name: str, attributes: Attributes) -> AbstractContextManager[None]:
        """A step: part of the trace that runs, or a new one."""
        ...

    def calling(
        self, name: str, attributes: Attributes
    ) -> AbstractContextManager[Mapping[str, str]]:
        """A call that goes out; gives the headers that carry the trace on."""
        ...


class TracingSettings(ServiceSettings):
    """Of a service that can be traced."""

    trace_collector_urls: CommaList = Field(
        (),
        alias="OPEN_TELEMETRY_TRACE_COLLECTOR_URLS",
        description="OpenTelemetry collectors that traces are sent to (OTLP over gRPC), such as "
        "`http://localhost:4317`, with commas between; without one nothing is traced",
    )
    trace_sample_ratio: float = Field(
        0.01,
        alias="OTEL_TRACES_SAMPLER_ARG",
        ge=0,
        le=1,
        description="share of new traces that is recorded; those that come in are recorded when "
        "their sender does so",
    )

    @field_validator("trace_collector_urls")
    @classmethod
    def _collectors_are_urls(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for url in value:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("give each collector as http://host:port or https://host:port")
        return value


class OpenedTracing(Tracing, Protocol):
    """What a process closes at its end."""

    async def close(self) -> None:
        """Send what is recorded, as far as that can be done in time."""
        ...


def open_tracing(
    settings: TracingSettings, *, service: str, node: str | None = None, worker: str | None = None
) -> OpenedTracing | None:
    """Record as the settings say; None when they name no collector.

    Args:
        settings: where to, and how much.
        service: its name in traces.
        node: the instance that it is a part of.
        worker: which of the service's processes this is.
    """
    if not settings.trace_collector_urls:
        return None
    # The library takes a tenth of a second to import.
    from servicekit.open_telemetry import OpenTelemetry  # noqa: PLC0415 - see the line above

    return OpenTelemetry.sending_to(
        settings.trace_collector_urls,
        ratio=settings.trace_sample_ratio,
        service=service,
        node=node,
        worker=worker,
    )


def is_recorded_elsewhere(headers: Mapping[str, str]) -> bool:
    """Whether the sender of a request records the trace that it is part of."""
    traceparent = headers.get(TRACEPARENT)
    return traceparent is not None and not traceparent.endswith(_NOT_SAMPLED)
