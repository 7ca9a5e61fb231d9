"""Health that really asks the stores, for gRPC (`grpc.health.v1`) and for HTTP `/healthz`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import grpc
import grpc.aio
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

from servicekit.clock import Clock
from servicekit.http_messages import Request, Response

Check = Callable[[], Awaitable[object]]
"""Succeeds or raises."""

OK, DEGRADED, FAILED, TIMED_OUT = "ok", "degraded", "failed", "timeout"
LIVE = "live"
"""The service name under which gRPC health tells whether this process takes calls at all."""
CHECK_TIMEOUT_S = 2.0
# A flood of health requests costs the stores one check a second.
REPORT_AGE_S_MAX = 1.0
WATCH_INTERVAL_S = 5.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class HealthReport:
    """What each check said, by name."""

    states: Mapping[str, str]
    vital: frozenset[str]
    """The checks without which no work can be done."""
    draining: bool = False

    @property
    def healthy(self) -> bool:
        """Whether this process should get work."""
        return not self.draining and all(self.states[name] == OK for name in self.vital)

    @property
    def status(self) -> str:
        """In a word: draining, failed, degraded (something fails that work goes on without), ok."""
        if self.draining:
            return "draining"
        if not self.healthy:
            return FAILED
        return OK if all(state == OK for state in self.states.values()) else DEGRADED


class HealthChecks:
    """The checks of one process; concurrent askers share one run."""

    def __init__(self, *, clock: Clock, timeout_s: float = CHECK_TIMEOUT_S) -> None:
        self.draining = False
        self._clock = clock
        self._timeout_s = timeout_s
        self._checks: dict[str, Check] = {}
        self._vital: set[str] = set()
        self._states: Mapping[str, str] = MappingProxyType({})
        self._taken_at: float | None = None
        self._lock = asyncio.Lock()
        self._running: dict[str, asyncio.Task[object]] = {}

    def add(self, name: str, check: Check, *, vital: bool = True) -> None:
        """Ask this too; a vital check that raises or takes too long makes the process unhealthy."""
        self._checks[name] = check
        if vital:
            self._vital.add(name)
        self._taken_at = None

    async def report(self) -> HealthReport:
        """Run all checks at once, or give the report of less than a second ago."""
        async with self._lock:
            now = self._clock.monotonic()
            if self._taken_at is None or now - self._taken_at > REPORT_AGE_S_MAX:
                results = await asyncio.gather(*(self._run(n, c) for n, c in self._checks.items()))
                self._states = MappingProxyType(dict(results))
                self._taken_at = now
        return HealthReport(self._states, frozenset(self._vital), self.draining)

    async def handle(self, _: Request) -> Response:
        """`GET /healthz`: 200 or 503 with each check's state and no detail of a failure."""
        report = await self.report()
        body = {"status": report.status, "checks": dict(report.states)}
        return Response.json(200 if report.healthy else 503, body)

    @property
    def liveness(self) -> str:
        """Whether this process takes requests, whatever the stores do.

        A proxy that balances over the processes asks this: they share the stores, so that leaving
        one out for a store's sake would help nobody.
        """
        return "draining" if self.draining else OK

    async def live(self, _: Request) -> Response:
        """`GET /livez`: 200, or 503 while draining."""
        return Response.json(503 if self.draining else 200, {"status": self.liveness})

    async def _run(self, name: str, check: Check) -> tuple[str, str]:
        """The state by one check, within the time.

        A check that is too late is cancelled and not waited for: giving a frozen store's connection
        back takes long too. Until that is over, it is not started again.
        """
        running = self._running.get(name)
        if running is None:
            running = self._running[name] = asyncio.ensure_future(check())
            running.add_done_callback(partial(self._over, name))
        done, _ = await asyncio.wait({running}, timeout=self._timeout_s)
        if not done and not running.cancelling():
            running.cancel()
        if not done or running.cancelled():
            _log.warning("health_check_timed_out", check=name)
            return name, TIMED_OUT
        error = running.exception()
        if error is not None:
            _log.warning("health_check_failed", check=name, error=repr(error))
            return name, FAILED
        return name, OK

    def _over(self, name: str, run: asyncio.Task[object]) -> None:
        del self._running[name]
        if not run.cancelled():
            run.exception()  # so that asyncio does not report it: who waited was told


class HealthServicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # the package has no types
    """`grpc.health.v1.Health` over the checks; each served service shares the process's health."""

    def __init__(self, *, checks: HealthChecks, services: frozenset[str], clock: Clock) -> None:
        self._checks = checks
        self._services = services | {"", LIVE}
        self._clock = clock

    async def Check(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:  # noqa: N802 - the RPC's name
        """The state now; NOT_FOUND for a service this server does not have."""
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        if request.service == LIVE:
            return _response(not self._checks.draining)
        return await self._report()

    async def Watch(  # noqa: N802 - the RPC's name
        self, request: Any, _: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[Any]:
        """The state at each change."""
        if request.service not in self._services:
            yield health_pb2.HealthCheckResponse(
                status=health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
            )
            return
        last: Any = None
        while True:
            response = await self._report()
            if response != last:
                last = response
                yield response
            await self._clock.sleep(WATCH_INTERVAL_S)

    async def _report(self) -> Any:
        return _response((await self._checks.report()).healthy)


def _response(serving: bool) -> Any:
    states = health_pb2.HealthCheckResponse
    return states(status=states.SERVING if serving else states.NOT_SERVING)
