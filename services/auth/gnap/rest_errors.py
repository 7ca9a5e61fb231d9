"""GNAP's errors as HTTP answers (RFC 9635 section 3.6)."""

from typing import Final

from ilpkit.gnap.errors import GnapErrorCode
from servicekit.error_mapping import HTTP_STATUSES
from servicekit.errors import Kind, ServiceError
from servicekit.rest import DESCRIPTION_CHARACTERS_MAX, RestError

_PREFIX: Final = "GNAP_"
_MS_PER_SECOND: Final = 1000
_NAMES: Final = frozenset(code.value for code in GnapErrorCode)
# What errors are called on the wire that have no GNAP code of their own.
_CODES: Final = {
    Kind.UNAUTHENTICATED: GnapErrorCode.INVALID_CLIENT,
    Kind.PERMISSION_DENIED: GnapErrorCode.REQUEST_DENIED,
    Kind.RESOURCE_EXHAUSTED: GnapErrorCode.TOO_FAST,
    Kind.UNAVAILABLE: GnapErrorCode.REQUEST_DENIED,
    Kind.DEADLINE: GnapErrorCode.REQUEST_DENIED,
    Kind.UNIMPLEMENTED: GnapErrorCode.REQUEST_DENIED,
    Kind.INTERNAL: GnapErrorCode.REQUEST_DENIED,
}


def gnap_code(error: ServiceError) -> GnapErrorCode:
    """The `code` of an error on the wire."""
    name = error.reason.removeprefix(_PREFIX).lower()
    known = error.reason.startswith(_PREFIX) and name in _NAMES
    return GnapErrorCode(name) if known else _CODES.get(error.kind, GnapErrorCode.INVALID_REQUEST)


def gnap_rest_error(error: ServiceError) -> RestError:
    """`{"error": {"code", "description"}}` with the status of the error's kind."""
    description = error.message[:DESCRIPTION_CHARACTERS_MAX]
    headers = {}
    if error.retry_after_ms is not None:
        headers["retry-after"] = str(-(-error.retry_after_ms // _MS_PER_SECOND))
    return RestError(
        status=HTTP_STATUSES[error.kind],
        body={"error": {"code": gnap_code(error).value, "description": description}},
        headers=headers,
    )
