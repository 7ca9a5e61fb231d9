"""The fast HTTP/1.1 listener: httptools on an asyncio protocol, nothing between it and a handler.

It is for paths where microseconds count (ILP packets, the guard, health). Where a framework's
comfort counts more, use one.
"""

import asyncio
from email.utils import formatdate

import structlog

from servicekit.clock import Clock, SystemClock
from servicekit.errors import ServiceError
from servicekit.http_connection import Handler, HttpConnection
from servicekit.http_messages import (
    HttpLimits,
    Request,
    Response,
    ResponseEncoder,
    error_response,
    service_error_response,
)
from servicekit.http_routes import Routes

__all__ = [
    "Handler",
    "HttpLimits",
    "HttpListener",
    "Request",
    "Response",
    "Routes",
    "error_response",
    "service_error_response",
]

_SWEEP_INTERVAL_S = 1.0
_MS_PER_SECOND = 1000
_LISTEN_BACKLOG = 1024
_log = structlog.get_logger(__name__)


class HttpListener:
    """Serves one handler on one address.

    A handler's `ServiceError` becomes the answer of its kind, any other exception a logged 500.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        host: str,
        port: int,
        limits: HttpLimits | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.limits = limits or HttpLimits()
        self.draining = False
        self._handler = handler
        self._host = host
        self._port = port
        self._clock = clock or SystemClock()
        self._active = 0
        self._connections: set[HttpConnection] = set()
        self._empty = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self.encoder = ResponseEncoder()
        self.now = 0.0
        self.date = b""

    async def start(self) -> int:
        """Listen; returns the port, which the system chose when the asked one was 0."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: HttpConnection(self), self._host, self._port, backlog=_LISTEN_BACKLOG
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self._port

    @property
    def port(self) -> int:
        """The port listened on."""
        return self._port

    @property
    def active_requests(self) -> int:
        """Handlers running now."""
        return self._active

    async def drain(self, timeout_s: float) -> None:
        """Stop accepting, let running requests finish and close; after `timeout_s` seconds, cut."""
        self.draining = True
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            if connection.idle:
                connection.close()
        if self._connections:
            self._empty.clear()
            try:
                await asyncio.wait_for(self._empty.wait(), timeout_s)
            except TimeoutError:
                _log.warning("drain_cut_connections", connections=len(self._connections))
        for connection in tuple(self._connections):
            connection.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()

    # What a connection asks of its owner

    async def respond(self, request: Request) -> Response:
        """Run the handler within the limits; never raises but on cancellation."""
        if self._active >= self.limits.concurrent_requests_max:
            return error_response(
                503, "overloaded", "too many requests at once", [("retry-after", "1")]
            )
        self._active += 1
        try:
            return await self._handler(request)
        except ServiceError as error:
            return service_error_response(error)
        except Exception:  # noqa: BLE001 - any bug of a handler is answered, not a dropped line
            _log.exception("http_handler_failed", method=request.method, path=request.path)
            return error_response(500, "internal_error", "internal error")
        finally:
            self._active -= 1

    def opened(self, connection: HttpConnection) -> bool:
        """Count a connection in; false when there are too many."""
        self._connections.add(connection)
        if self._sweeper is None:
            self._schedule_sweep()
        return len(self._connections) <= self.limits.connections_max

    def closed(self, connection: HttpConnection) -> None:
        """Count a connection out."""
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def _schedule_sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self.now = loop.time()
        seconds = self._clock.now_ms() // _MS_PER_SECOND
        self.date = f"date: {formatdate(seconds, usegmt=True)}\r\n".encode()
        self._sweeper = loop.call_later(_SWEEP_INTERVAL_S, self._sweep)

    def _sweep(self) -> None:
        """One timer for all connections: arming one a request would cost more than the request."""
        self._sweeper = None
        now = asyncio.get_running_loop().time()
        for connection in tuple(self._connections):
            if connection.deadline <= now:
                connection.expire()
        if self._connections:
            self._schedule_sweep()
