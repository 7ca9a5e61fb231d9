"""The messages of ILP-over-HTTP (RFC 35), without the HTTP.

Two modes share one endpoint. Synchronous, which every implementation speaks: the response to the
Prepare holds the reply. Asynchronous, the only mode of the RFC since March 2026: a Prepare with a
`Callback-Url` gets 202 at once, and its reply comes in a request of its own to that URL, under the
same `Request-Id`. An older text asked for the second mode with `Prefer: respond-async`; the
`Callback-Url` that went with it is enough for us.

Header names are lower-case on the way in, as HTTP/2 and our listener have them.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from ilpkit.errors import FailedHttpReplyError, RefusedHttpRequestError, RemoteProtocolError
from ilpkit.ilp.error_codes import (
    F00_BAD_REQUEST,
    T00_INTERNAL_ERROR,
    T01_PEER_UNREACHABLE,
    T02_PEER_BUSY,
)
from ilpkit.ilp.packet import Reply, decode_reply

CONTENT_TYPE: Final = "application/octet-stream"
ANSWERS_REPEATS: Final = ("ilp-answers-repeats", "1")
"""The response header of a node that answers a Prepare which comes again under its `Request-Id` as
it answered the first: what was fulfilled is fulfilled again, and moves no money twice."""
ACCEPTED_CONTENT_TYPES: Final = frozenset({CONTENT_TYPE, "application/ilp+octet-stream"})
"""The second is what the npm package ilp-plugin-http sends."""
BEARER_TOKEN_CHARS_MAX: Final = 4096
CALLBACK_URL_CHARS_MAX: Final = 2048

_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9\-._~+/]+=*)")
_REQUEST_ID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_ASCII_URL = re.compile(r"[!-~]+")

_CODES_BY_STATUS: Final[Mapping[int, str]] = {
    HTTPStatus.BAD_REQUEST: F00_BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: F00_BAD_REQUEST,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: F00_BAD_REQUEST,
    HTTPStatus.TOO_MANY_REQUESTS: T02_PEER_BUSY,
}
_PERHAPS_CARRIED_OUT: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, 499})


class AsyncReply(NamedTuple):
    """Where the reply to an asynchronous Prepare goes."""

    callback_url: str
    """As the peer claims it: whether it may be called is for the peer's configuration to say."""
    request_id: str
    """A UUID in lower case."""


class PrepareRequest(NamedTuple):
    """The headers of a request that carries a Prepare."""

    token: str
    async_reply: AsyncReply | None
    """None where the response carries the reply."""
    request_id: str | None = None
    """What a repeat of the same packet is known by: a UUID in lower case, where one was sent."""


class ReplyRequest(NamedTuple):
    """The headers of a request that carries the reply to an asynchronous Prepare."""

    token: str
    request_id: str


def prepare_headers(
    token: str, async_reply: AsyncReply | None = None, *, request_id: str | None = None
) -> dict[str, str]:
    """The headers to send a Prepare with; a synchronous one may have a request id too."""
    headers = {
        "Accept": CONTENT_TYPE,
        "Content-Type": CONTENT_TYPE,
        "Authorization": f"Bearer {token}",
    }
    if async_reply is not None:
        headers["Callback-Url"] = async_reply.callback_url
        headers["Request-Id"] = async_reply.request_id
    elif request_id is not None:
        headers["Request-Id"] = request_id
    return headers


def read_prepare_headers(headers: Mapping[str, str]) -> PrepareRequest:
    """What the headers of a Prepare ask for; `RefusedHttpRequestError` with 400 or 401."""
    _check_content_type(headers)
    token = read_bearer(headers.get("authorization"))
    callback_url = headers.get("callback-url")
    if callback_url is None:
        return PrepareRequest(token, None, _optional_request_id(headers))
    request_id = _read_request_id(headers)
    return PrepareRequest(token, AsyncReply(_checked_url(callback_url), request_id), request_id)


def reply_headers(token: str, request_id: str) -> dict[str, str]:
    """The headers to send the reply to an asynchronous Prepare with."""
    return {
        "Content-Type": CONTENT_TYPE,
        "Authorization": f"Bearer {token}",
        "Request-Id": request_id,
    }


def read_reply_headers(headers: Mapping[str, str]) -> ReplyRequest:
    """What the headers of a reply say; `RefusedHttpRequestError` with 400 or 401."""
    _check_content_type(headers)
    return ReplyRequest(read_bearer(headers.get("authorization")), _read_request_id(headers))


def read_bearer(authorization: str | None) -> str:
    """The token of an Authorization header; `RefusedHttpRequestError` with 401 if there is none."""
    if authorization is not None and len(authorization) <= BEARER_TOKEN_CHARS_MAX:
        match = _BEARER.fullmatch(authorization.strip())
        if match is not None:
            return match[1]
    raise RefusedHttpRequestError("a bearer token is missing", status=HTTPStatus.UNAUTHORIZED)


def read_prepare_response(status: int, body: bytes) -> Reply | None:
    """The reply in the response to a Prepare; None if it will come to the callback (202).

    Raises `FailedHttpReplyError` otherwise. That error does not mean that the peer didn't pay
    onwards: after a 5xx or a broken body the peer may still hold a Fulfill.
    """
    if status == HTTPStatus.ACCEPTED:
        return None
    if status != HTTPStatus.OK:
        raise FailedHttpReplyError(f"HTTP status {status}", ilp_code=code_of_status(status))
    try:
        return decode_reply(body)
    except RemoteProtocolError as error:
        raise FailedHttpReplyError(f"malformed reply: {error.message}") from error


def code_of_status(status: int) -> str:
    """The ILP code for a peer's HTTP status other than 200 and 202.

    RFC 35 makes every 5xx T00. What blames our request is final; what blames the link between the
    two nodes (credentials, URL, redirect) is temporary, for an operator can mend it.
    """
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return T00_INTERNAL_ERROR
    return _CODES_BY_STATUS.get(status, T01_PEER_UNREACHABLE)


def was_not_carried_out(status: int) -> bool:
    """Whether a status that is no success says that the Prepare was refused before anything else.

    Redirects and most 4xx say so by their meaning: nobody looked at the packet. A 408, 409 or 499
    may come from a proxy that had handed the request on, as any 5xx may.
    """
    return (
        HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        and status not in _PERHAPS_CARRIED_OUT
    )


def must_resend_reply(status: int | None) -> bool:
    """Whether a reply to a callback is sent again: after 5xx or no response, until it expires."""
    return status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _check_content_type(headers: Mapping[str, str]) -> None:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in ACCEPTED_CONTENT_TYPES:
        raise RefusedHttpRequestError(
            f"the content type must be {CONTENT_TYPE}", status=HTTPStatus.BAD_REQUEST
        )


def _optional_request_id(headers: Mapping[str, str]) -> str | None:
    """A synchronous Prepare needs no request id, so one of another form is none."""
    request_id = headers.get("request-id")
    if request_id is None or _REQUEST_ID.fullmatch(request_id) is None:
        return None
    return request_id.lower()


def _read_request_id(headers: Mapping[str, str]) -> str:
    request_id = headers.get("request-id", "")
    if _REQUEST_ID.fullmatch(request_id) is None:
        raise RefusedHttpRequestError("Request-Id must be a UUID", status=HTTPStatus.BAD_REQUEST)
    return request_id.lower()


def _checked_url(url: str) -> str:
    if len(url) > CALLBACK_URL_CHARS_MAX or not _is_plain_http_url(url):
        raise RefusedHttpRequestError("Callback-Url is not usable", status=HTTPStatus.BAD_REQUEST)
    return url


def _is_plain_http_url(url: str) -> bool:
    if _ASCII_URL.fullmatch(url) is None:
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(host) and "@" not in parts.netloc
