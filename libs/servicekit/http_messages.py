"""What the HTTP/1.1 listener hands to a handler, and takes from it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from servicekit.error_mapping import HTTP_STATUSES
from servicekit.errors import ServiceError

Headers = Mapping[str, str] | Sequence[tuple[str, str]]

_MS_PER_SECOND = 1000
_JSON_TYPE = ("content-type", "application/json")
# The listener alone frames messages: with two lengths, two parties could read two messages.
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "date"})
_STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n" for s in HTTPStatus}
_BODILESS = frozenset({204, 304})


@dataclass(slots=True)
class Request:
    """One request, complete, as received."""

    method: str
    target: str
    """Path and query exactly as on the request line: nothing decoded, merged or normalised."""
    headers: dict[str, str]
    """Lower-case names; the values of a repeated header joined with ", "."""
    body: bytes
    peer: str
    """Address and port of the other end of the connection, often a proxy."""

    @property
    def path(self) -> str:
        """The target before its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The target's query, without the question mark; empty without one."""
        return self.target.partition("?")[2]


@dataclass(slots=True)
class Response:
    """One answer; its framing headers (content-length, date, connection) are the listener's."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    @classmethod
    def json(cls, status: int, value: Any, headers: Iterable[tuple[str, str]] = ()) -> "Response":
        """An answer with a compact JSON body."""
        body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        return cls(status, (_JSON_TYPE, *headers), body)


@dataclass(frozen=True, kw_only=True)
class HttpLimits:
    """Every bound of a listener; times in seconds, sizes in bytes."""

    header_bytes_max: int = 32 * 1024
    """Request line and headers together; beyond: 431."""
    body_bytes_max: int = 1024 * 1024
    """After removing chunk framing; beyond: 413."""
    concurrent_requests_max: int = 1024
    """Handlers running at once in this listener; beyond: 503."""
    connections_max: int = 4096
    """Open connections; beyond: 503 and closed."""
    pipelined_requests_max: int = 16
    """Complete requests waiting behind a running one before reading stops for that connection."""
    read_timeout_s: float = 15.0
    """From a request's first byte to its last; beyond: 408."""
    idle_timeout_s: float = 120.0
    """Between requests. Longer than a proxy's own, so that the proxy closes first."""
    write_timeout_s: float = 15.0
    """For a client that does not read its answer."""
    linger_timeout_s: float = 2.0
    """For reading away what a refused client still sends, so that it can read the refusal."""


@dataclass(slots=True)
class Framing:
    """How one answer leaves: decided by the connection, not by the handler."""

    date: str
    head_only: bool = field(default=False)
    close: bool = field(default=False)
    say_keep_alive: bool = field(default=False)


def encode_response(response: Response, framing: Framing) -> bytes:
    """The bytes of an answer (RFC 9112, section 4).

    Raises:
        ValueError: a header of the handler holds a line break, or the status is unknown.
    """
    status, body = response.status, response.body
    line = _STATUS_LINES.get(status)
    if line is None:
        raise ValueError(f"unknown status {status}")
    headers = response.headers
    parts = [line]
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        if name.lower() not in _FRAMING:
            parts.append(f"{name}: {value}\r\n")
    if status not in _BODILESS:
        parts.append(f"content-length: {len(body)}\r\n")
    parts.append(framing.date)
    if framing.close:
        parts.append("connection: close\r\n")
    elif framing.say_keep_alive:
        parts.append("connection: keep-alive\r\n")
    head = "".join(parts)
    if head.count("\n") != len(parts) or head.count("\r") != len(parts):
        raise ValueError("a response header holds a line break")
    encoded = f"{head}\r\n".encode("latin-1")
    return encoded if framing.head_only or status in _BODILESS else encoded + body


def error_response(
    status: int, code: str, description: str, headers: Iterable[tuple[str, str]] = ()
) -> Response:
    """An error in the shape of the Open Payments API: `{"error": {"code", "description"}}`."""
    return Response.json(status, {"error": {"code": code, "description": description}}, headers)


def service_error_response(error: ServiceError) -> Response:
    """A typed error as HTTP: the status of its kind, its reason as the code."""
    headers: list[tuple[str, str]] = []
    if error.retry_after_ms is not None:
        seconds = -(-error.retry_after_ms // _MS_PER_SECOND)
        headers.append(("retry-after", str(seconds)))
    return error_response(HTTP_STATUSES[error.kind], error.reason.lower(), error.message, headers)
