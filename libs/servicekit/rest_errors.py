"""What a typed error looks like to a REST client; a service may bring its own form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from servicekit.error_details import error_details
from servicekit.error_mapping import HTTP_STATUSES
from servicekit.errors import ServiceError

_MS_PER_SECOND = 1000


@dataclass(frozen=True, kw_only=True)
class RestError:
    """One error as HTTP."""

    status: int
    body: Mapping[str, Any]
    """JSON members: `{"error": {"code", "description", ...}}`."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """For example `www-authenticate`."""


class RestErrorEncoder(Protocol):
    """How a service's errors look to REST clients."""

    def __call__(self, error: ServiceError) -> RestError:
        """The HTTP form of an error; must not raise."""
        ...


def open_payments_error(error: ServiceError) -> RestError:
    """`{"error": {"code", "description", "details"?}}`, the code being the HTTP status as text."""
    status = HTTP_STATUSES[error.kind]
    content: dict[str, Any] = {"code": str(status), "description": error.message}
    if error.metadata:
        content["details"] = error_details(error.metadata)
    headers = {}
    if error.retry_after_ms is not None:
        headers["retry-after"] = str(-(-error.retry_after_ms // _MS_PER_SECOND))
    return RestError(status=status, body={"error": content}, headers=headers)
