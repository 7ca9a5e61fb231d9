"""Service errors as GraphQL's: the only module that knows both.

A client reads `extensions.code`, which has the values of the TypeScript Rafiki; `details`
holds amounts as the original's does; `reason` and `field` say more and are this implementation's.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import structlog
from graphql import GraphQLError
from servicekit.error_details import error_details
from servicekit.errors import Kind, ServiceError

BAD_USER_INPUT: Final = "BAD_USER_INPUT"
CONFLICT: Final = "CONFLICT"
DUPLICATE: Final = "DUPLICATE"
FORBIDDEN: Final = "FORBIDDEN"
INACTIVE: Final = "INACTIVE"
INTERNAL: Final = "INTERNAL_SERVER_ERROR"
NOT_FOUND: Final = "NOT_FOUND"
TIMEOUT: Final = "TIMEOUT"
UNAUTHENTICATED: Final = "UNAUTHENTICATED"
PERSISTED_QUERY_NOT_FOUND: Final = "PERSISTED_QUERY_NOT_FOUND"
PARSE_FAILED: Final = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED: Final = "GRAPHQL_VALIDATION_FAILED"
MESSAGE_INTERNAL: Final = "Internal server error"

_KIND_CODES: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.INVALID_ARGUMENT: BAD_USER_INPUT,
        Kind.NOT_FOUND: NOT_FOUND,
        Kind.ALREADY_EXISTS: DUPLICATE,
        Kind.FAILED_PRECONDITION: CONFLICT,
        Kind.PERMISSION_DENIED: FORBIDDEN,
        Kind.UNAUTHENTICATED: UNAUTHENTICATED,
        Kind.CONFLICT: CONFLICT,
        # Both pass: the caller tries again with the same idempotency key.
        Kind.RESOURCE_EXHAUSTED: TIMEOUT,
        Kind.UNAVAILABLE: TIMEOUT,
        Kind.DEADLINE: TIMEOUT,
        Kind.UNIMPLEMENTED: INTERNAL,
        Kind.INTERNAL: INTERNAL,
    }
)
# Where the original's code says more than the kind does.
_REASON_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "INACTIVE_WALLET_ADDRESS": INACTIVE,
        "INSUFFICIENT_BALANCE": FORBIDDEN,
        "INSUFFICIENT_LIQUIDITY": FORBIDDEN,
        "NOTHING_TO_WITHDRAW": FORBIDDEN,
        "DEPOSIT_TOO_LARGE": BAD_USER_INPUT,
        "TRANSFER_EXISTS": DUPLICATE,
        "TRANSFER_RESOLVED": CONFLICT,
        "INVALID_QUOTE": BAD_USER_INPUT,
        "INVALID_RECEIVER": BAD_USER_INPUT,
        "INVALID_AMOUNT": BAD_USER_INPUT,
        "INVALID_EXPIRY": BAD_USER_INPUT,
        "NON_POSITIVE_RECEIVE_AMOUNT": BAD_USER_INPUT,
        "GRANT_LIMIT_EXCEEDED": FORBIDDEN,
        "IDEMPOTENCY_KEY_REUSED": CONFLICT,
    }
)
_log = structlog.get_logger(__name__)


def code_of(error: ServiceError) -> str:
    """The `extensions.code` of a service error."""
    return _REASON_CODES.get(error.reason, _KIND_CODES[error.kind])


def error_json(error: GraphQLError, *, code: str | None = None) -> dict[str, Any]:
    """One entry of `errors`; an untyped exception becomes INTERNAL with no detail.

    Args:
        error: what the execution gave.
        code: of an error that happened before anything was executed.
    """
    extensions = _extensions(error, code)
    body: dict[str, Any] = {**error.formatted, "extensions": extensions}
    if extensions["code"] == INTERNAL and not _is_told(error.original_error):
        body["message"] = MESSAGE_INTERNAL
    return body


def service_error_json(error: ServiceError) -> dict[str, Any]:
    """One entry of `errors` for an error that no field raised."""
    return error_json(GraphQLError(error.message, original_error=error))


def _extensions(error: GraphQLError, code: str | None) -> dict[str, Any]:
    original = error.original_error
    if isinstance(original, ServiceError):
        known: dict[str, Any] = {"code": code_of(original), "reason": original.reason}
        if original.field is not None:
            known["field"] = original.field
        if original.metadata:
            known["details"] = error_details(original.metadata)
        return known
    if code is not None:
        return {"code": code}
    if original is None or isinstance(original, GraphQLError):
        # The library's own: a variable or an argument of the wrong type.
        return {"code": BAD_USER_INPUT}
    _log.error("resolver_failed", path=error.path, exc_info=original)
    return {"code": INTERNAL}


def _is_told(original: Exception | None) -> bool:
    return isinstance(original, ServiceError) and original.kind is not Kind.INTERNAL
