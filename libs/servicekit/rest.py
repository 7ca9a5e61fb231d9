"""REST mode: what a servicer tells Envoy's transcoder, and what its errors look like there.

Envoy sets `x-rafiki-rest: 1` on transcoded calls and removes it from outside ones. The servicer's
side is metadata that Envoy turns into the HTTP answer and strips: `x-http-status` is the status,
`x-rest-error` the error's JSON body. `envoy/rest.lua.j2` is the other half.

A success sends its status as initial metadata, since its trailers are lost in the transcoder. An
error must be trailers only: after initial metadata its body and headers would come too late.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import grpc.aio

from servicekit.error_mapping import HTTP_STATUSES
from servicekit.errors import Internal, ServiceError

REST_MODE_KEY = "x-rafiki-rest"
HTTP_STATUS_KEY = "x-http-status"
ERROR_BODY_KEY = "x-rest-error"
# gRPC refuses more than 8 KiB of metadata by default; the reason and details need room too.
DESCRIPTION_CHARACTERS_MAX = 1024
ERROR_BODY_BYTES_MAX = 4096

_CREATED = 201
_NO_CONTENT = 204
_MS_PER_SECOND = 1000
Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, kw_only=True)
class RestError:
    """One error as HTTP."""

    status: int
    body: Mapping[str, Any]
    """JSON members."""
    headers: Mapping[str, str] = MappingProxyType({})
    """Lower-case names, e.g. `www-authenticate`."""


class RestErrorEncoder(Protocol):
    """How a service's errors look to REST clients."""

    def __call__(self, error: ServiceError) -> RestError:
        """The HTTP form of an error; must not raise."""
        ...


def open_payments_error(error: ServiceError) -> RestError:
    """`{"error": {"code", "description", "details"?}}`, the code being the HTTP status as text."""
    status = HTTP_STATUSES[error.kind]
    content: dict[str, Any] = {
        "code": str(status),
        "description": error.message[:DESCRIPTION_CHARACTERS_MAX],
    }
    if error.metadata:
        content["details"] = dict(error.metadata)
    headers = {}
    if error.retry_after_ms is not None:
        headers["retry-after"] = str(-(-error.retry_after_ms // _MS_PER_SECOND))
    return RestError(status=status, body={"error": content}, headers=headers)


def is_rest(context: Context) -> bool:
    """Whether the call came through the transcoder."""
    return any(key == REST_MODE_KEY for key, _ in context.invocation_metadata() or ())


async def set_status(context: Context, status: int) -> None:
    """Answer a REST call with this status; nothing happens to a native one.

    Call it once, right before returning.
    """
    if is_rest(context):
        await context.send_initial_metadata(((HTTP_STATUS_KEY, str(status)),))


async def set_created(context: Context) -> None:
    """Answer a REST call with 201 Created."""
    await set_status(context, _CREATED)


async def set_no_content(context: Context) -> None:
    """Answer a REST call with 204 No Content."""
    await set_status(context, _NO_CONTENT)


def error_metadata(error: ServiceError, encode: RestErrorEncoder) -> tuple[tuple[str, str], ...]:
    """The metadata that carries an error's HTTP form to Envoy, within gRPC's limit."""
    rest = encode(error)
    # DEL is the one character that JSON leaves plain and a header value may not hold.
    body = json.dumps(rest.body, separators=(",", ":")).replace("\x7f", "\\u007f")
    if len(body) > ERROR_BODY_BYTES_MAX:
        body = json.dumps(
            open_payments_error(Internal("INTERNAL", "the error is too large to show")).body
        )
    return (
        (HTTP_STATUS_KEY, str(rest.status)),
        (ERROR_BODY_KEY, body),
        *rest.headers.items(),
    )
