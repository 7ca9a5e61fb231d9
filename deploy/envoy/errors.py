"""The errors that Envoy answers itself, in the words of Open Payments, GNAP and gRPC.

A resource server's error code is the HTTP status as text; an authorization server's is one of the
codes in the GNAP profile (auth-server 1.3). A gRPC caller gets the kind of error that a service
would raise, with its reason.
"""

import json
from base64 import b64encode
from typing import Final

from servicekit.error_mapping import to_status
from servicekit.errors import (
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    PermissionDenied,
    ResourceExhausted,
    ServiceError,
    Unauthenticated,
    Unavailable,
    Unimplemented,
)

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

_GRPC: Final[dict[int, tuple[type[ServiceError], str]]] = {
    401: (Unauthenticated, "CREDENTIALS_MISSING"),
    403: (PermissionDenied, "FORBIDDEN"),
    404: (Unimplemented, "UNIMPLEMENTED"),
    405: (Unimplemented, "UNIMPLEMENTED"),
    408: (DeadlineExceeded, "DEADLINE"),
    429: (ResourceExhausted, "OVERLOADED"),
    500: (Internal, "INTERNAL"),
    501: (Unimplemented, "UNIMPLEMENTED"),
    502: (Unavailable, "UNAVAILABLE"),
    503: (Unavailable, "UNAVAILABLE"),
    504: (DeadlineExceeded, "DEADLINE"),
}
"""Which typed error a status is; every other one is a request that was refused as malformed."""


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


def grpc_headers(status: int) -> dict[str, str]:
    """What a gRPC caller reads an error from: its code, and the details that say the reason."""
    kind, reason = _GRPC.get(status, (InvalidArgument, "INVALID_FIELD"))
    told = to_status(kind(reason, DESCRIPTIONS[status]))
    # Without the padding, as gRPC writes binary headers.
    details = b64encode(told.SerializeToString()).decode().rstrip("=")
    return {"grpc-status": str(told.code), "grpc-status-details-bin": details}
