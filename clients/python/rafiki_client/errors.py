"""What a failed call says: the reason of the contract's `ErrorReason`, and its metadata."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
import grpc.aio
from google.rpc import error_details_pb2  # type: ignore[import-untyped]  # it has no stubs
from grpc_status import rpc_status

DOMAIN: Final = "rafiki"


@dataclass(frozen=True, kw_only=True)
class RafikiError:
    """An answer that is an error, as data; `error_of` reads it from the library's exception."""

    code: grpc.StatusCode
    message: str
    reason: str | None = None
    """A name of `rafiki.common.v1.ErrorReason` without its prefix, such as "UNKNOWN_ASSET"."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What the reason documents in the contract."""
    field: str | None = None
    """The request's field at fault."""

    def __str__(self) -> str:
        name = self.reason or self.code.name
        where = f" (field {self.field})" if self.field else ""
        details = ", ".join(
            f"{key}={value}" for key, value in sorted(self.metadata.items()) if key != "field"
        )
        return f"{name}: {self.message}{where}" + (f" [{details}]" if details else "")


def error_of(error: grpc.aio.AioRpcError) -> RafikiError:
    """The contract's error in an exception of grpc.aio; without a reason when none came."""
    reason: str | None = None
    metadata: dict[str, str] = {}
    at_fault: str | None = None
    info, request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    status: Any = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        if detail.Unpack(info) and info.domain == DOMAIN:
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(request) and request.field_violations:
            at_fault = request.field_violations[0].field
    return RafikiError(
        code=error.code(),
        message=error.details() or error.code().name,
        reason=reason,
        metadata=metadata,
        field=at_fault,
    )
