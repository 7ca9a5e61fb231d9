"""GNAP's errors (RFC 9635 section 3.6, with the codes that Rafiki's clients know).

One reason may be answered with several statuses, as in the Open Payments auth-server API, so each
class takes its kind from the service error it is built on and its code from the reason.
"""

from typing import Final

from servicekit.errors import (
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unauthenticated,
)

_MS_PER_SECOND: Final = 1000


class InvalidRequest(InvalidArgument):
    """400 invalid_request: the request is malformed or asks for what this server can't grant."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(
            "GNAP_INVALID_REQUEST", message, field=field, metadata={"field": field} if field else {}
        )


class UnknownGrant(NotFound):
    """404 invalid_request: nothing is there to continue, cancel or look at."""

    def __init__(self, message: str = "there is no such grant") -> None:
        super().__init__("GNAP_INVALID_REQUEST", message)


class UnknownTenant(NotFound):
    """404: the grant endpoint's tenant is unknown or deleted."""

    def __init__(self, tenant_id: str) -> None:
        super().__init__("UNKNOWN_TENANT", "there is no such tenant", metadata={"id": tenant_id})


class UnusableClient(InvalidArgument):
    """400 invalid_client: the client's key or display information can't be had."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__("GNAP_INVALID_CLIENT", message, field=field)


class UnprovenClient(Unauthenticated):
    """401 invalid_client: the request is not proven to come from the client."""

    def __init__(self, message: str, *, metadata: dict[str, str] | None = None) -> None:
        super().__init__("GNAP_INVALID_CLIENT", message, metadata=metadata or {})


class UnprovenContinuation(Unauthenticated):
    """401 invalid_continuation: no grant has this continue id and token."""

    def __init__(self, message: str = "no grant has this continuation and token") -> None:
        super().__init__("GNAP_INVALID_CONTINUATION", message)


class UnknownContinuation(NotFound):
    """404 invalid_continuation: the interaction reference or the grant's state does not fit."""

    def __init__(self, message: str) -> None:
        super().__init__("GNAP_INVALID_CONTINUATION", message)


class InvalidRotation(NotFound):
    """404 invalid_rotation: the token is gone, or its grant is."""

    def __init__(self, message: str = "there is no such token to rotate") -> None:
        super().__init__("GNAP_INVALID_ROTATION", message)


class TooFast(InvalidArgument):
    """400 too_fast: the client did not wait the seconds it was told to."""

    def __init__(self, *, wait_s: int) -> None:
        super().__init__(
            "GNAP_TOO_FAST",
            f"continued too fast: wait {wait_s} s between continuations",
            metadata={"wait": str(wait_s)},
            retry_after_ms=wait_s * _MS_PER_SECOND,
        )


class RequestDenied(Unauthenticated):
    """401 request_denied: the grant is not approved, or its token was issued before."""

    def __init__(self, message: str) -> None:
        super().__init__("GNAP_REQUEST_DENIED", message)


class UnknownInteraction(NotFound):
    """404 unknown_interaction."""

    def __init__(self, message: str = "there is no such interaction") -> None:
        super().__init__("GNAP_UNKNOWN_INTERACTION", message)


class NoSuchInteraction(InvalidArgument):
    """400 unknown_interaction: what a browser hears that starts an unknown one."""

    def __init__(self) -> None:
        super().__init__("GNAP_UNKNOWN_INTERACTION", "there is no such interaction")


class InvalidInteraction(InvalidArgument):
    """400 invalid_interaction: it is expired or was decided otherwise."""

    def __init__(self, message: str) -> None:
        super().__init__("GNAP_INVALID_INTERACTION", message)


class UnprovenInteraction(Unauthenticated):
    """401 invalid_interaction: wrong identity provider secret, or another browser's session."""

    def __init__(self, message: str) -> None:
        super().__init__("GNAP_INVALID_INTERACTION", message)


class ClosedInteraction(PermissionDenied):
    """403 invalid_interaction: it can't be started any more and nobody can be redirected."""

    def __init__(self, message: str) -> None:
        super().__init__("GNAP_INVALID_INTERACTION", message)


class UserDenied(Unauthenticated):
    """401 user_denied: the user refused, or the grant was revoked."""

    def __init__(self, message: str) -> None:
        super().__init__("GNAP_USER_DENIED", message)
