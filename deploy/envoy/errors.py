"""The errors that Envoy answers itself, in the words of Open Payments and GNAP.

A resource server's error code is the HTTP status as text; an authorization server's is one of the
codes in the GNAP profile (auth-server 1.3).
"""

import json
from typing import Final

from deploy.envoy.routes import Surface

DESCRIPTIONS: Final[dict[int, str]] = {
    400: "the request is malformed or holds an unknown parameter",
    401: "unauthorized",
    403: "forbidden",
    404: "not found",
    405: "method not allowed",
    406: "not acceptable",
    408: "the request took too long to arrive",
    409: "conflict",
    411: "the length of the body is missing",
    413: "the body is too large",
    415: "the content type is not supported",
    422: "the request cannot be processed",
    429: "too many requests",
    431: "the headers are too large",
    500: "internal error",
    501: "not implemented",
    502: "the service gave no usable answer",
    503: "the service is unavailable; try again later",
    504: "the service did not answer in time",
}
STATUS_DEFAULT: Final = 500
_SERVER_ERRORS_FROM: Final = 500
_RATE_LIMITED: Final = 429


def gnap_code(status: int) -> str:
    """The GNAP code that comes nearest to an HTTP status."""
    if status >= _SERVER_ERRORS_FROM:
        return "request_denied"
    if status == _RATE_LIMITED:
        return "too_fast"
    return "invalid_request"


def error_body(status: int, surface: Surface) -> str:
    """The JSON text of an error."""
    code = gnap_code(status) if surface is Surface.GNAP else str(status)
    return json.dumps({"error": {"code": code, "description": DESCRIPTIONS[status]}})
