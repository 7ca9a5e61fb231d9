"""`ServiceError` to and from `google.rpc.Status`: the only module that knows both.

The reason travels as `google.rpc.ErrorInfo` (domain `rafiki`), the field at fault as `BadRequest`,
the waiting time as `RetryInfo` (https://google.aip.dev/193).
"""

from types import MappingProxyType
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import (  # type: ignore[import-untyped]  # the package has no stubs
    error_details_pb2,
)
from google.rpc.status_pb2 import (  # type: ignore[import-untyped]  # the package has no stubs
    Status,
)
from grpc_status import rpc_status

from servicekit.errors import ERROR_TYPES, Internal, Kind, ServiceError

DOMAIN = "rafiki"
DETAILS_KEY = "grpc-status-details-bin"
REASON_INTERNAL = "INTERNAL"
_MESSAGE_INTERNAL = "internal error"

GRPC_CODES = MappingProxyType(
    {
        Kind.INVALID_ARGUMENT: grpc.StatusCode.INVALID_ARGUMENT,
        Kind.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
        Kind.ALREADY_EXISTS: grpc.StatusCode.ALREADY_EXISTS,
        Kind.FAILED_PRECONDITION: grpc.StatusCode.FAILED_PRECONDITION,
        Kind.PERMISSION_DENIED: grpc.StatusCode.PERMISSION_DENIED,
        Kind.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
        Kind.CONFLICT: grpc.StatusCode.ABORTED,
        Kind.RESOURCE_EXHAUSTED: grpc.StatusCode.RESOURCE_EXHAUSTED,
        Kind.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
        Kind.DEADLINE: grpc.StatusCode.DEADLINE_EXCEEDED,
        Kind.UNIMPLEMENTED: grpc.StatusCode.UNIMPLEMENTED,
        Kind.INTERNAL: grpc.StatusCode.INTERNAL,
    }
)
HTTP_STATUSES = MappingProxyType(
    {
        Kind.INVALID_ARGUMENT: 400,
        Kind.NOT_FOUND: 404,
        Kind.ALREADY_EXISTS: 409,
        Kind.FAILED_PRECONDITION: 409,
        Kind.PERMISSION_DENIED: 403,
        Kind.UNAUTHENTICATED: 401,
        Kind.CONFLICT: 409,
        Kind.RESOURCE_EXHAUSTED: 429,
        Kind.UNAVAILABLE: 503,
        Kind.DEADLINE: 504,
        Kind.UNIMPLEMENTED: 501,
        Kind.INTERNAL: 500,
    }
)
# Codes that only the gRPC library sends; CANCELLED and UNKNOWN stay INTERNAL.
_KINDS = {code: kind for kind, code in GRPC_CODES.items()} | {
    grpc.StatusCode.OUT_OF_RANGE: Kind.INVALID_ARGUMENT,
}
# The reason of an error that came without one: from the library, a proxy or a foreign service.
_REASONS = MappingProxyType(
    {
        Kind.INVALID_ARGUMENT: "INVALID_FIELD",
        Kind.PERMISSION_DENIED: "FORBIDDEN",
        Kind.UNAUTHENTICATED: "CREDENTIALS_MISSING",
        Kind.RESOURCE_EXHAUSTED: "OVERLOADED",
        Kind.UNAVAILABLE: "UNAVAILABLE",
        Kind.DEADLINE: "DEADLINE",
        Kind.UNIMPLEMENTED: "UNIMPLEMENTED",
    }
)


def as_service_error(error: BaseException) -> ServiceError:
    """The error itself when it is typed; else an `Internal` that tells the caller nothing."""
    if isinstance(error, ServiceError):
        return error
    return Internal(REASON_INTERNAL, _MESSAGE_INTERNAL)


def to_status(error: BaseException) -> Status:
    """The status that carries an error; an untyped one becomes INTERNAL with no detail."""
    typed = as_service_error(error)
    code: tuple[int, str] = GRPC_CODES[typed.kind].value
    status = Status(code=code[0], message=typed.message)
    info = error_details_pb2.ErrorInfo(
        reason=typed.reason, domain=DOMAIN, metadata=dict(typed.metadata)
    )
    status.details.add().Pack(info)
    if typed.field is not None:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=typed.field, description=typed.message, reason=typed.reason
        )
        status.details.add().Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    if typed.retry_after_ms is not None:
        delay = Duration()
        delay.FromMilliseconds(typed.retry_after_ms)
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    return status


def from_status(status: Status) -> ServiceError:
    """The error that `to_status` encoded; foreign details and foreign domains are left out."""
    kind = next((k for code, k in _KINDS.items() if code.value[0] == status.code), Kind.INTERNAL)
    reason, metadata = _REASONS.get(kind, REASON_INTERNAL), dict[str, str]()
    field: str | None = None
    retry_after_ms: int | None = None
    info = error_details_pb2.ErrorInfo()
    bad_request = error_details_pb2.BadRequest()
    retry_info = error_details_pb2.RetryInfo()
    for detail in status.details:
        if detail.Unpack(info) and info.domain == DOMAIN:
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad_request) and bad_request.field_violations:
            field = bad_request.field_violations[0].field
        elif detail.Unpack(retry_info):
            retry_after_ms = retry_info.retry_delay.ToMilliseconds()
    return ERROR_TYPES[kind](
        reason, status.message, metadata=metadata, field=field, retry_after_ms=retry_after_ms
    )


def from_rpc_error(error: grpc.aio.AioRpcError) -> ServiceError:
    """What a failed call means: the callee's own error, or the kind of the bare gRPC code."""
    status: Any = rpc_status.from_call(error)
    if status is not None:
        return from_status(status)
    kind = _KINDS.get(error.code(), Kind.INTERNAL)
    message = _MESSAGE_INTERNAL if kind is Kind.INTERNAL else (error.details() or kind.value)
    return ERROR_TYPES[kind](_REASONS.get(kind, REASON_INTERNAL), message)
