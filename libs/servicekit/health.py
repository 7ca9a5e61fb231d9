"""Health that really asks the stores, for gRPC (`grpc.health.v1`) and for HTTP `/healthz`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
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

    async def _run(self, name: str, check: Check) -> tuple[str, str]:
        try:
            async with asyncio.timeout(self._timeout_s):
                await check()
        except TimeoutError:
            _log.warning("health_check_timed_out", check=name)
            return name, TIMED_OUT
        except Exception as error:  # noqa: BLE001 - any failure means unhealthy
            _log.warning("health_check_failed", check=name, error=repr(error))
            return name, FAILED
        return name, OK


class HealthServicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # the package has no types
    """`grpc.health.v1.Health` over the checks; each served service shares the process's health."""

    def __init__(self, *, checks: HealthChecks, services: frozenset[str], clock: Clock) -> None:
        self._checks = checks
        self._services = services | {""}
        self._clock = clock

    async def Check(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:  # noqa: N802 - the RPC's name
        """The state now; NOT_FOUND for a service this server does not have."""
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return await self._response()

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
            response = await self._response()
            if response != last:
                last = response
                yield response
            await self._clock.sleep(WATCH_INTERVAL_S)

    async def _response(self) -> Any:
        states = health_pb2.HealthCheckResponse
        report = await self._checks.report()
        return states(status=states.SERVING if report.healthy else states.NOT_SERVING)
