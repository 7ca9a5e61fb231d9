"""The one error type that services raise on purpose; it crosses RPC unchanged."""
# ruff: noqa: N818 - the subclasses are named by their kind, as the gRPC codes are

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

REASON_PREFIX = "ERROR_REASON_"
_NO_METADATA: Mapping[str, str] = MappingProxyType({})


class Kind(StrEnum):
    """What sort of answer an error is; each kind has one gRPC code and one HTTP status."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    CONFLICT = "CONFLICT"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    UNAVAILABLE = "UNAVAILABLE"
    DEADLINE = "DEADLINE"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    INTERNAL = "INTERNAL"


class ServiceError(Exception):
    """An error with a machine reason, for the caller's eyes.

    Args:
        reason: a value name of `rafiki.common.v1.ErrorReason`, with or without its prefix
            `ERROR_REASON_`; it is kept and sent without.
        message: one sentence for a developer; it reaches the caller, so it holds no secret.
        metadata: what the reason documents, e.g. the id that was not found.
        field: the request field at fault, as the contract names it.
        retry_after_ms: when trying again makes sense, in milliseconds from now.
    """

    kind: ClassVar[Kind] = Kind.INTERNAL

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str] = _NO_METADATA,
        field: str | None = None,
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason.removeprefix(REASON_PREFIX)
        self.message = message
        self.metadata = MappingProxyType(dict(metadata))
        self.field = field
        self.retry_after_ms = retry_after_ms

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.reason!r}, {self.message!r})"


class InvalidArgument(ServiceError):
    """The request is wrong whatever the state of the system."""

    kind = Kind.INVALID_ARGUMENT


class NotFound(ServiceError):
    """What the request names does not exist, or not for this caller."""

    kind = Kind.NOT_FOUND


class AlreadyExists(ServiceError):
    """What the request would create is there already."""

    kind = Kind.ALREADY_EXISTS


class FailedPrecondition(ServiceError):
    """The state of the system forbids the request; trying again alone won't help."""

    kind = Kind.FAILED_PRECONDITION


class PermissionDenied(ServiceError):
    """We know who the caller is, and they may not."""

    kind = Kind.PERMISSION_DENIED


class Unauthenticated(ServiceError):
    """We don't know who the caller is."""

    kind = Kind.UNAUTHENTICATED


class Conflict(ServiceError):
    """The request collides with another one, or with an earlier one under the same key."""

    kind = Kind.CONFLICT


class ResourceExhausted(ServiceError):
    """A named limit is reached."""

    kind = Kind.RESOURCE_EXHAUSTED


class Unavailable(ServiceError):
    """A store or peer does not answer; the same request may work later."""

    kind = Kind.UNAVAILABLE


class DeadlineExceeded(ServiceError):
    """Too little time is left, or none; the work may have been done."""

    kind = Kind.DEADLINE


class Unimplemented(ServiceError):
    """This deployment does not offer the operation."""

    kind = Kind.UNIMPLEMENTED


class Internal(ServiceError):
    """Our own bug; the detail is in the log, not in the answer."""

    kind = Kind.INTERNAL


ERROR_TYPES: Mapping[Kind, type[ServiceError]] = MappingProxyType(
    {
        error_type.kind: error_type
        for error_type in (
            InvalidArgument,
            NotFound,
            AlreadyExists,
            FailedPrecondition,
            PermissionDenied,
            Unauthenticated,
            Conflict,
            ResourceExhausted,
            Unavailable,
            DeadlineExceeded,
            Unimplemented,
            Internal,
        )
    }
)
