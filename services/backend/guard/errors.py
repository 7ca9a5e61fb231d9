"""Why the guard turns a request away, in the Open Payments error body."""

from typing import Final

from servicekit.http_messages import Response

UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404
UNAVAILABLE: Final = 503
_CHALLENGED: Final = frozenset({UNAUTHORIZED, FORBIDDEN})


class Refused(Exception):  # noqa: N818 - it reads as what happened
    """The request may not pass."""

    def __init__(
        self, status: int, description: str, details: dict[str, str] | None = None
    ) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.details = details

    def response(self, *, grant_endpoint: str) -> Response:
        """The answer; 401 and 403 say where a token can be had."""
        error: dict[str, object] = {"code": str(self.status), "description": self.description}
        if self.details:
            error["details"] = self.details
        headers = (
            [("www-authenticate", f"GNAP as_uri={grant_endpoint}")]
            if self.status in _CHALLENGED
            else []
        )
        return Response.json(self.status, {"error": error}, headers)
