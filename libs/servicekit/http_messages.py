"""What the HTTP/1.1 listener hands to a handler, and takes from it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from servicekit.error_mapping import HTTP_STATUSES
from servicekit.errors import ServiceError

Headers = Mapping[str, str] | Sequence[tuple[str, str]]

HEADS_MAX = 512
"""Remembered heads of answers."""
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


class ResponseEncoder:
    """Answers as bytes (RFC 9112, section 4); remembers the heads that handlers repeat."""

    def __init__(self) -> None:
        self._heads: dict[tuple[int, tuple[tuple[str, str], ...]], bytes] = {}

    def encode(self, response: Response, *, ending: bytes, head_only: bool) -> bytes:
        """The bytes of an answer; `ending` is the header lines of the listener.

        Raises:
            ValueError: a header of the handler holds a line break, or the status is unknown.
        """
        status, headers, body = response.status, response.headers, response.body
        if type(headers) is not tuple:
            headers = tuple(headers.items() if isinstance(headers, Mapping) else headers)
        head = self._heads.get((status, headers))
        if head is None:
            head = _encode_head(status, headers)
            if len(self._heads) >= HEADS_MAX:
                self._heads.clear()
            self._heads[status, headers] = head
        if status in _BODILESS:
            return b"%b%b\r\n" % (head, ending)
        shown = b"" if head_only else body
        return b"%bcontent-length: %d\r\n%b\r\n%b" % (head, len(body), ending, shown)


def _encode_head(status: int, headers: tuple[tuple[str, str], ...]) -> bytes:
    line = _STATUS_LINES.get(status)
    if line is None:
        raise ValueError(f"unknown status {status}")
    parts = [line]
    parts += [f"{n}: {v}\r\n" for n, v in headers if n.lower() not in _FRAMING]
    head = "".join(parts)
    if head.count("\n") != len(parts) or head.count("\r") != len(parts):
        raise ValueError("a response header holds a line break")
    return head.encode("latin-1")


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
