"""One HTTP/1.1 connection: bytes in, requests in order, answers in the same order.

Rules of this file:
- One task a connection runs its requests one after the other, so answers can't overtake.
- A refusal (bad syntax, too large, too slow) queues behind the answers that are owed, then the
  connection ends: what follows a broken message can't be trusted to be a message.
- A client that goes away never cancels its handler: the handler may be moving money.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from math import inf
from typing import Protocol, cast

import httptools
import structlog

from servicekit.http_messages import (
    HttpLimits,
    Request,
    Response,
    ResponseEncoder,
    error_response,
)

Handler = Callable[[Request], Awaitable[Response]]
_CLOSE = b"connection: close\r\n"
_KEEP_ALIVE = b"connection: keep-alive\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

# What most requests carry; a lookup costs less than decoding.
_NAMES = {
    name.encode(): name
    for name in (
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-digest",
        "content-length",
        "content-type",
        "host",
        "signature",
        "signature-input",
        "user-agent",
        "x-envoy-expected-rq-timeout-ms",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-request-id",
    )
}
_log = structlog.get_logger(__name__)


class ConnectionOwner(Protocol):
    """What a connection needs of its listener."""

    limits: HttpLimits
    encoder: ResponseEncoder
    draining: bool
    now: float
    """The loop's time at the last sweep: deadlines need no better, and asking costs."""
    date: bytes
    """The date header line, as old as `now`."""

    async def respond(self, request: Request) -> Response:
        """Run the handler within the listener's limits; never raises but on cancellation."""
        ...

    def opened(self, connection: "HttpConnection") -> bool:
        """Count a connection in; false when there are too many."""
        ...

    def closed(self, connection: "HttpConnection") -> None:
        """Count a connection out."""
        ...


class HttpConnection(asyncio.Protocol):
    """Parses with llhttp (through httptools) and answers through its owner."""

    __slots__ = (
        "_body",
        "_body_bytes",
        "_deaf",
        "_header_bytes",
        "_headers",
        "_in_headers",
        "_limits",
        "_lingering",
        "_loop",
        "_owner",
        "_parser",
        "_peer",
        "_peer_done",
        "_queue",
        "_reading",
        "_reading_paused",
        "_refusal",
        "_shared_piece",
        "_task",
        "_transport",
        "_unfinished_bytes",
        "_url",
        "_writable",
        "deadline",
    )

    def __init__(self, owner: ConnectionOwner) -> None:
        self._owner = owner
        self._limits = owner.limits
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._task: asyncio.Task[None] | None = None
        self._queue: deque[tuple[Request | Response, bool]] = deque()
        self._reading = False
        self._reading_paused = False
        self._shared_piece = False
        self._deaf = False
        self._peer_done = False
        self._lingering = False
        self._refusal: Response | None = None
        self._writable: asyncio.Future[None] | None = None
        self.deadline = inf
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._header_bytes = 0
        self._unfinished_bytes = 0
        self._in_headers = True
        self._body: list[bytes] = []
        self._body_bytes = 0

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection in, or turn it away."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._peer = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else str(peer or "")
        if self._owner.opened(self):
            self._arm()
        else:
            self._end_with(error_response(503, "overloaded", "too many connections"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Forget the client; a running handler finishes and its answer is dropped."""
        self._transport = None
        self._queue.clear()
        self._resume_writer()
        self._owner.closed(self)

    def data_received(self, data: bytes) -> None:
        """Parse what came; a refusal ends the reading."""
        if self._deaf:
            return
        self._shared_piece = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # An upgrade may be ignored (RFC 9110, section 7.8), but the parser stops at one.
            self._deaf = True
            return
        except httptools.HttpParserError:
            if self._refusal is None:
                self._refusal = error_response(400, "invalid_request", "malformed HTTP message")
        if self._reading and self._in_headers and not self._shared_piece:
            # The parser keeps an unfinished header to itself, so its size shows only here. Where an
            # earlier message ended in the same piece it does not show: that adds at most one read.
            self._unfinished_bytes += len(data)
            if self._unfinished_bytes > self._limits.header_bytes_max:
                self._refuse_headers()
        if self._refusal is not None:
            self._deaf = True
            self._enqueue(self._refusal, False)

    def eof_received(self) -> bool:
        """Keep the write side open while answers are owed."""
        self._deaf = self._peer_done = True
        return self._task is not None

    def pause_writing(self) -> None:
        """The client reads too slowly: hold the next answers back."""
        self._writable = self._loop.create_future()
        self._arm()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._resume_writer()
        self._arm()

    # httptools callbacks

    def on_message_begin(self) -> None:
        """A request's first byte."""
        if self._refusal is not None:
            return
        self._begin()
        self._reading = True
        if self._task is None:
            self.deadline = self._owner.now + self._limits.read_timeout_s

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A whole header; trailers of a chunked body come here too and are dropped."""
        if not self._in_headers:
            return
        self._header_bytes += len(name) + len(value)
        key = _NAMES.get(name) or name.decode("latin-1").lower()
        text = value.decode("latin-1")
        headers = self._headers
        if key in headers:
            text = f"{headers[key]}{'; ' if key == 'cookie' else ', '}{text}"
        headers[key] = text

    def on_headers_complete(self) -> None:
        """Check what can be checked before the body."""
        self._in_headers = False
        headers = self._headers
        if self._refusal is not None:
            return
        if self._header_bytes + len(self._url) > self._limits.header_bytes_max:
            self._refuse_headers()
        elif "host" not in headers and self._parser.get_http_version() != "1.0":
            # RFC 9112, section 3.2
            self._refusal = error_response(400, "invalid_request", "the host header is missing")
        elif "content-length" in headers and (
            int(headers["content-length"]) > self._limits.body_bytes_max
        ):
            self._refuse_body()
        elif "expect" in headers and self._task is None and self._transport is not None:
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """A piece of the body, without chunk framing."""
        self._body_bytes += len(body)
        if self._body_bytes > self._limits.body_bytes_max:
            self._body.clear()
            self._refuse_body()
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Hand the request over, unless it was refused on the way."""
        self._reading = False
        self._shared_piece = True
        if self._refusal is not None:
            return
        body = self._body
        request = Request(
            self._parser.get_method().decode("ascii"),
            self._url.decode("latin-1"),
            self._headers,
            body[0] if len(body) == 1 else b"".join(body),
            self._peer,
        )
        keep_alive = self._parser.should_keep_alive() and "upgrade" not in self._headers
        self._enqueue(request, keep_alive)

    # Answers, in order

    def _enqueue(self, item: Request | Response, keep_alive: bool) -> None:
        if self._task is None:
            self._task = self._loop.create_task(self._run(item, keep_alive))
            self.deadline = inf
            return
        self._queue.append((item, keep_alive))
        # One read of the transport can hold more; it is bounded by the transport's buffer.
        full = len(self._queue) >= self._limits.pipelined_requests_max
        if full and not self._reading_paused and self._transport is not None:
            self._reading_paused = True
            self._transport.pause_reading()

    async def _run(self, item: Request | Response, keep_alive: bool) -> None:
        try:
            await self._answer_all(item, keep_alive)
        except BaseException:
            # Cancelled from outside: there will be no answer, and the client should know.
            self.abort()
            raise
        finally:
            self._task = None
        if self._deaf:
            self._linger()
        else:
            self._arm()

    async def _answer_all(self, item: Request | Response, keep_alive: bool) -> None:
        owner = self._owner
        while True:
            if isinstance(item, Request):
                answer = await owner.respond(item)
                head_only = item.method == "HEAD"
                asked_to_keep = item.headers.get("connection", "").lower() == "keep-alive"
            else:
                answer, head_only, asked_to_keep = item, False, False
            if self._transport is None:
                break
            close = not keep_alive or owner.draining
            ending = _CLOSE if close else _KEEP_ALIVE if asked_to_keep else b""
            self._write(answer, ending, head_only)
            if close:
                self._deaf = True
                break
            if self._writable is not None:
                await self._writable
            if not self._queue:
                break
            item, keep_alive = self._queue.popleft()
            self._resume_reading()

    def _write(self, answer: Response, ending: bytes, head_only: bool) -> None:
        if self._transport is None:
            return
        encode = self._owner.encoder.encode
        ending = self._owner.date + ending
        try:
            encoded = encode(answer, ending=ending, head_only=head_only)
        except Exception:  # noqa: BLE001 - an answer that can't be written is a handler's bug too
            _log.exception("http_response_not_valid", status=answer.status)
            failed = error_response(500, "internal_error", "internal error")
            encoded = encode(failed, ending=ending, head_only=head_only)
        self._transport.write(encoded)

    def _end_with(self, answer: Response) -> None:
        self._write(answer, _CLOSE, head_only=False)
        self._linger()

    def _linger(self) -> None:
        """Half-close: a reset for unread input would take the answer too (RFC 9112, 9.6)."""
        self._deaf = self._lingering = True
        self._queue.clear()
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._resume_reading()
        self._arm()
        if self._peer_done or not transport.can_write_eof():
            transport.close()
        else:
            transport.write_eof()

    def _arm(self) -> None:
        """Set the deadline that the present state has."""
        limits = self._limits
        if self._writable is not None:
            timeout = limits.write_timeout_s
        elif self._lingering:
            timeout = limits.linger_timeout_s
        elif self._task is not None:
            timeout = inf
        else:
            timeout = limits.read_timeout_s if self._reading else limits.idle_timeout_s
        self.deadline = self._owner.now + timeout

    def _resume_reading(self) -> None:
        if self._reading_paused and self._transport is not None:
            self._reading_paused = False
            self._transport.resume_reading()

    def _resume_writer(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def _refuse_headers(self) -> None:
        self._refusal = error_response(431, "request_too_large", "the headers are too large")

    def _refuse_body(self) -> None:
        self._refusal = error_response(413, "request_too_large", "the body is too large")

    # The owner's calls

    @property
    def idle(self) -> bool:
        """Whether the client is owed nothing and has begun nothing."""
        return self._task is None and not self._reading

    def close(self) -> None:
        """End at once, after what is written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End at once, dropping what is not yet sent."""
        if self._transport is not None:
            self._transport.abort()

    def expire(self) -> None:
        """The deadline passed: say so to a slow sender, drop anyone else."""
        if self._reading and not self._deaf and self._task is None:
            self._deaf = True
            self._end_with(error_response(408, "timeout", "the request took too long to arrive"))
        else:
            self.abort()
