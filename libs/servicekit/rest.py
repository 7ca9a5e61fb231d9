"""What a gRPC handler tells Envoy about the REST answer that Envoy makes of it.

Envoy marks a transcoded call with `x-rafiki-rest: 1`, a header that it takes off every request from
outside. The handler answers in metadata:

- success: *initial* metadata `x-http-status` (201, 202, 204); trailers of a success are lost;
- error: nothing sent before, then an abort whose *trailing* metadata holds `x-http-status` and
  `x-rest-error`, the whole JSON body as printable ASCII. gRPC then sends headers and trailers as
  one block, so that Envoy has the body and headers like `www-authenticate` before it answers.

`envoy/rest.lua.j2` is the other half. Never send initial metadata before a call that may still be
aborted: the error body would arrive too late.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import grpc.aio

from servicekit.errors import ServiceError
from servicekit.rest_errors import RestError, RestErrorEncoder, open_payments_error

__all__ = [
    "DESCRIPTION_CHARACTERS_MAX",
    "ERROR_BODY_BYTES_MAX",
    "ERROR_BODY_KEY",
    "HTTP_STATUS_KEY",
    "REST_MODE_KEY",
    "RestError",
    "RestErrorEncoder",
    "error_metadata",
    "error_trailers",
    "is_rest",
    "open_payments_error",
    "set_created",
    "set_no_content",
    "set_redirect",
    "set_status",
]

REST_MODE_KEY: Final = "x-rafiki-rest"
HTTP_STATUS_KEY: Final = "x-http-status"
ERROR_BODY_KEY: Final = "x-rest-error"
# gRPC clients, of which Envoy is one, refuse more than 8 KiB of metadata in a block by default.
ERROR_BODY_BYTES_MAX: Final = 4_096
DESCRIPTION_CHARACTERS_MAX: Final = 500

_FOUND: Final = 302
_CREATED: Final = 201
_NO_CONTENT: Final = 204
_NO_HEADERS: Final[Mapping[str, str]] = {}
Context = grpc.aio.ServicerContext[Any, Any]


def is_rest(context: Context) -> bool:
    """Whether the call came in as REST."""
    metadata = context.invocation_metadata() or ()
    return any(key == REST_MODE_KEY and value == "1" for key, value in metadata)


async def set_status(context: Context, status: int) -> None:
    """Answer a successful REST call with this HTTP status (200 needs no call); else do nothing.

    Call it last, right before the return: after it an error can no longer have a body.
    """
    if is_rest(context):
        await context.send_initial_metadata(((HTTP_STATUS_KEY, str(status)),))


async def set_redirect(context: Context, location: str) -> None:
    """Answer a REST call with 302 to this URL; else do nothing. Call it last."""
    if is_rest(context):
        headers = ((HTTP_STATUS_KEY, str(_FOUND)), ("location", _printable(location)))
        await context.send_initial_metadata(headers)


async def set_created(context: Context) -> None:
    """Answer a successful REST call with 201 Created; else do nothing. Call it last."""
    await set_status(context, _CREATED)


async def set_no_content(context: Context) -> None:
    """Answer a successful REST call with 204 No Content; else do nothing. Call it last."""
    await set_status(context, _NO_CONTENT)


def error_metadata(error: ServiceError, encode: RestErrorEncoder) -> tuple[tuple[str, str], ...]:
    """The trailing metadata of a typed error in a service's own form."""
    shown = encode(error)
    return error_trailers(shown.status, shown.body, shown.headers)


def error_trailers(
    http_status: int, body: Mapping[str, Any], headers: Mapping[str, str] = _NO_HEADERS
) -> tuple[tuple[str, str], ...]:
    """Trailing metadata that makes Envoy answer `http_status` with `body` as JSON.

    `body` is `{"error": {"code"?, "description"?, "details"?}}`; over ERROR_BODY_BYTES_MAX the
    details are left out and the description is cut. `headers` go to the client too, for example
    `www-authenticate`.
    """
    text = _encode(body)
    if len(text) > ERROR_BODY_BYTES_MAX:
        error = body["error"]
        short = {key: error[key] for key in ("code", "description") if key in error}
        if "description" in short:
            short["description"] = short["description"][:DESCRIPTION_CHARACTERS_MAX]
        text = _encode({"error": short})
    extra = tuple((name.lower(), _printable(value)) for name, value in headers.items())
    return ((HTTP_STATUS_KEY, str(http_status)), (ERROR_BODY_KEY, text), *extra)


def _encode(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=True, separators=(",", ":")).replace("\x7f", "\\u007f")


def _printable(value: str) -> str:
    """Header values are printable ASCII; anything else becomes a question mark."""
    return "".join(c if " " <= c <= "~" else "?" for c in value).strip()
