"""A process made of parts: what each feature adds to it, and how all of them start together."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from prometheus_client.registry import Collector

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.grpc_server import ServiceBinding, build_grpc_server
from servicekit.grpc_tls import ServerTls
from servicekit.health import Check, HealthChecks
from servicekit.housekeeping import Housekeeper, HousekeepingTask
from servicekit.http_connection import Handler
from servicekit.http_listener import HttpLimits, HttpListener
from servicekit.http_messages import Request, Response
from servicekit.http_routes import Routes
from servicekit.ids import IdSource
from servicekit.interceptors.requests import Admit
from servicekit.lifecycle import Lifecycle
from servicekit.listen import Listener, OnNotify, OnReload
from servicekit.metrics import Metrics
from servicekit.rest_errors import RestErrorEncoder, open_payments_error
from servicekit.tracing import Tracing, is_recorded_elsewhere

DRAIN_S: Final = 20.0
"""How long calls in flight may take to end: longer than most packets fly, shorter than a shutdown
may take."""
Run = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What the plain HTTP listener serves at a path, or below it."""

    method: str
    path: str
    handler: Handler
    below: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a part does with the notifications of one Postgres channel."""

    on_notify: OnNotify
    on_reload: OnReload
    """After each connect, when notifications may have been missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """A store or another thing that health tells of."""

    check: Check
    vital: bool = True
    """Whether nothing can be done without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one feature adds to its process."""

    servicers: Sequence[object] = ()
    routes: Sequence[Route] = ()
    workers: Mapping[str, Run] = field(default_factory=dict)
    """Run as long as the process, each under its name."""
    channels: Mapping[str, Heard] = field(default_factory=dict)
    housekeeping: Sequence[HousekeepingTask] = ()
    checks: Mapping[str, HealthCheck] = field(default_factory=dict)
    leaving: Sequence[Run] = ()
    """What ends calls that would last as long as the process; run when it begins to stop."""
    on_listening: Sequence[Callable[[Listener], None]] = ()
    """Called with what listens to all channels, once that is connected."""
    measures: Sequence[Collector] = ()
    """What `/metrics` tells of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where a process listens; the system chose where 0 was asked for."""

    http: int
    grpc: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How a process serves."""

    host: str
    wanted: Ports
    admit: Admit | None
    """What keeps callers to what is theirs; without a default, so that no process forgets it."""
    rest_error: RestErrorEncoder = open_payments_error
    http_limits: HttpLimits | None = None
    drain_s: float = DRAIN_S
    tls: ServerTls | None = None
    """Of the gRPC port; plain text without."""
    tracing: Tracing | None = None
    """Records calls; without it nothing is done for that."""


class PartsProcess:
    """Starts parts: first what works in the background, then the servers."""

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        database: Database,
        database_url: str,
        lifecycle: Lifecycle,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._parts = parts
        self._database = database
        self._database_url = database_url
        self._lifecycle = lifecycle
        self._clock = clock
        self._ids = ids

    async def start(self, serving: Serving) -> Ports:
        """Work and serve; returns once the process takes calls."""
        for part in self._parts:
            for name, run in part.workers.items():
                self._lifecycle.spawn(name, run())
        tasks = [task for part in self._parts for task in part.housekeeping]
        if tasks:
            housekeeper = Housekeeper(
                database=self._database, tasks=tasks, clock=self._clock, ids=self._ids
            )
            self._lifecycle.spawn("housekeeping", housekeeper.run())
        await self._listen()
        return await self._serve(serving)

    async def _listen(self) -> None:
        channels = {name: heard for part in self._parts for name, heard in part.channels.items()}

        async def on_notify(channel: str, payload: str) -> None:
            await channels[channel].on_notify(channel, payload)

        async def on_reload() -> None:
            for heard in channels.values():
                await heard.on_reload()

        listener = Listener(
            self._database_url,
            channels=list(channels),
            on_notify=on_notify,
            on_reload=on_reload,
            clock=self._clock,
            ids=self._ids,
        )
        self._lifecycle.spawn("notifications", listener.run())
        await listener.loaded()
        for part in self._parts:
            for on_listening in part.on_listening:
                on_listening(listener)

    async def _serve(self, serving: Serving) -> Ports:
        checks = HealthChecks(clock=self._clock)
        metrics = Metrics()
        routes = Routes()
        for part in self._parts:
            for collector in part.measures:
                metrics.add(collector)
            for name, each in part.checks.items():
                checks.add(name, each.check, vital=each.vital)
            for route in part.routes:
                add = routes.prefix if route.below else routes.exact
                add(route.method, route.path, _traced(route, serving.tracing))
        routes.exact("GET", "/healthz", checks.handle)
        routes.exact("GET", "/livez", checks.live)
        routes.exact("GET", "/metrics", metrics.handle)
        grpc_server = build_grpc_server(
            services=[ServiceBinding.of(each) for part in self._parts for each in part.servicers],
            host=serving.host,
            port=serving.wanted.grpc,
            checks=checks,
            clock=self._clock,
            ids=self._ids,
            metrics=metrics,
            rest_error=serving.rest_error,
            admit=serving.admit,
            tls=serving.tls,
            tracing=serving.tracing,
        )
        listener = HttpListener(
            routes,
            host=serving.host,
            port=serving.wanted.http,
            limits=serving.http_limits,
            clock=self._clock,
        )
        await grpc_server.start()
        self._lifecycle.on_close(lambda: grpc_server.stop(serving.drain_s))
        await listener.start()
        self._lifecycle.on_close(lambda: listener.drain(serving.drain_s))

        async def leave() -> None:
            checks.draining = True
            for part in self._parts:
                for let_go in part.leaving:
                    await let_go()

        self._lifecycle.on_close(leave)
        return Ports(http=listener.port, grpc=grpc_server.port)


def _traced(route: Route, tracing: Tracing | None) -> Handler:
    """Goes on with traces that the caller records.

    It begins none: a guard's would be apart from that of the RPC which follows it.
    """
    if tracing is None:
        return route.handler

    async def handle(request: Request) -> Response:
        if not is_recorded_elsewhere(request.headers):
            return await route.handler(request)
        with tracing.serving(f"{route.method} {route.path}", request.headers):
            return await route.handler(request)

    return handle


def waking(channel: str, wake: Callable[[str], None]) -> dict[str, Heard]:
    """A channel whose notifications only say that there may be work: so does a reconnect."""

    async def on_notify(_: str, payload: str) -> None:
        wake(payload)

    async def on_reload() -> None:
        wake("")

    return {channel: Heard(on_notify=on_notify, on_reload=on_reload)}
