"""What a process measures, served to Prometheus at `GET /metrics` of its plain HTTP listener.

Each worker process serves its own numbers, since each has a port of its own; Prometheus adds them
up. What is counted often is kept as plain integers (`Tally`) and read when Prometheus asks; what a
store has to be asked for is asked then too, so a node that nobody watches spends nothing on it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final, Protocol

import structlog
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from servicekit.http_messages import Request, Response

SAMPLE_TIMEOUT_S: Final = 2.0
SECONDS_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
Labels = tuple[str, ...]
_log = structlog.get_logger(__name__)


class Tally(Collector):
    """A counter of integers by labels: `tally.add(("USD",), 5)` is one addition in a dict."""

    def __init__(self, name: str, meaning: str, labels: Sequence[str] = ()) -> None:
        self._name = name
        self._meaning = meaning
        self._labels = tuple(labels)
        self._counts: dict[Labels, int] = {} if labels else {(): 0}

    def add(self, labels: Labels = (), by: int = 1) -> None:
        """Count."""
        counts = self._counts
        counts[labels] = counts.get(labels, 0) + by

    def collect(self) -> Iterator[Metric]:
        """As Prometheus reads it; the name there ends in `_total`."""
        family = CounterMetricFamily(self._name, self._meaning, labels=self._labels)
        for labels, count in self._counts.items():
            family.add_metric(labels, count)
        yield family


class Reading(Collector):
    """A gauge that is read when Prometheus asks."""

    def __init__(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        self._name = name
        self._meaning = meaning
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """The value of now."""
        yield GaugeMetricFamily(self._name, self._meaning, value=self._read())


class Sampled(Protocol):
    """A collector whose numbers come from a store."""

    async def sample(self) -> None:
        """Ask the store; what is collected next is its answer."""
        ...


class StoreReading(Collector):
    """Gauges of one question to a store, each a name with its meaning and its place in the answer.

    Without an answer in time they are left out, which Prometheus shows as a gap: an old number
    would look like a fact.
    """

    def __init__(
        self, gauges: Sequence[tuple[str, str]], ask: Callable[[], Awaitable[Sequence[float]]]
    ) -> None:
        self._gauges = gauges
        self._ask = ask
        self._answer: Sequence[float] | None = None

    async def sample(self) -> None:
        """Ask."""
        self._answer = None
        async with asyncio.timeout(SAMPLE_TIMEOUT_S):
            self._answer = await self._ask()

    def collect(self) -> Iterator[Metric]:
        """The last answer."""
        if self._answer is None:
            return
        for (name, meaning), value in zip(self._gauges, self._answer, strict=True):
            yield GaugeMetricFamily(name, meaning, value=value)


class Metrics:
    """The numbers of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._sampled: list[Sampled] = []
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._rpc_seconds = Histogram(
            "rafiki_rpc_seconds",
            "RPCs served, from their headers to their end",
            ("rpc", "status"),
            buckets=SECONDS_BUCKETS,
            registry=self._registry,
        )
        self._known: dict[tuple[str, str], Histogram] = {}

    def add(self, collector: Collector) -> None:
        """Serve what it collects too."""
        self._registry.register(collector)
        if isinstance(collector, StoreReading):
            self._sampled.append(collector)

    def rpc_ended(self, method: str, status: str, seconds: float) -> None:
        """Count a call of `/package.Service/Method` by the name of its gRPC status."""
        key = (method, status)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._rpc_seconds.labels(method.lstrip("/"), status)
        known.observe(seconds)

    async def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        samples = [each.sample() for each in self._sampled]
        for error in await asyncio.gather(*samples, return_exceptions=True):
            if isinstance(error, Exception):
                _log.warning("metric_not_sampled", error=str(error) or type(error).__name__)
        return generate_latest(self._registry)

    async def handle(self, _: Request) -> Response:
        """`GET /metrics`."""
        return Response(200, (("content-type", CONTENT_TYPE_LATEST),), await self.text())
