"""What tracing costs: CPU of one span of each kind, recorded and not.

    python -m bench.bench_tracing

A recorded span's cost has its export to a collector, which is this process too; CPU of all threads
is counted. By the spans of a payment and the share that is recorded, this gives the share of a
payment's CPU (docs/OBSERVING.md).
"""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "libs"), str(ROOT / "generated/python")]

from servicekit.open_telemetry import OpenTelemetry  # noqa: E402 - after the path is set

from tests.support.trace_collector import TraceCollector  # noqa: E402 - likewise

ROUNDS = 4_000
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"


def open_to(url: str) -> OpenTelemetry:
    return OpenTelemetry.sending_to([url], ratio=0.01, service="bench", node=None, worker=None)


async def cpu_us(work: Callable[[OpenTelemetry], None], url: str) -> float:
    """Microseconds of CPU, with sending everything."""
    tracing = open_to(url)
    start = time.process_time()
    for _ in range(ROUNDS):
        work(tracing)
    await tracing.close()
    return (time.process_time() - start) / ROUNDS * 1e6


def served(sampled: int) -> Callable[[OpenTelemetry], None]:
    headers = {"traceparent": f"{TRACEPARENT}{sampled}"}

    def work(tracing: OpenTelemetry) -> None:
        with tracing.serving("rafiki.admin.v1.AssetService/GetAsset", headers):
            pass

    return work


def begun(tracing: OpenTelemetry) -> None:
    with tracing.serving("rafiki.admin.v1.AssetService/GetAsset", {}):
        pass


def asked(tracing: OpenTelemetry) -> None:
    _ = tracing.recording


async def main() -> None:
    collector = TraceCollector()
    await collector.start()
    for name, work in (
        ("whether to record (each packet and ledger chain)", asked),
        ("a call served, not recorded", served(0)),
        ("a call served, 1 of 100 recorded", begun),
        ("a span recorded and sent", served(1)),
    ):
        print(f"{name}: {await cpu_us(work, collector.url):.1f} us of CPU")
    await collector.stop()


if __name__ == "__main__":
    asyncio.run(main())
