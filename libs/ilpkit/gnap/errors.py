"""GNAP error codes and the body that carries them (authorization server API; RFC 9635 section 3.6).

`invalid_interaction`, `unknown_interaction` and `user_denied` occur on the identity provider's side
and in redirects only.
"""

from enum import StrEnum

from ilpkit.openpayments.wire import WireModel


class GnapErrorCode(StrEnum):
    """The codes in use, by their wire names."""

    INVALID_REQUEST = "invalid_request"
    INVALID_CLIENT = "invalid_client"
    INVALID_INTERACTION = "invalid_interaction"
    INVALID_ROTATION = "invalid_rotation"
    INVALID_CONTINUATION = "invalid_continuation"
    USER_DENIED = "user_denied"
    REQUEST_DENIED = "request_denied"
    UNKNOWN_INTERACTION = "unknown_interaction"
    TOO_FAST = "too_fast"


class GnapErrorDetail(WireModel):
    """The code, and a sentence for the client's author."""

    code: GnapErrorCode
    description: str


class GnapErrorBody(WireModel):
    """`{"error": {"code", "description"}}`."""

    error: GnapErrorDetail

    @classmethod
    def of(cls, code: GnapErrorCode, description: str) -> "GnapErrorBody":
        """The body for one error."""
        return cls(error=GnapErrorDetail(code=code, description=description))
