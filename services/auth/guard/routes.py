"""The guard over HTTP: Envoy's ext_authz filter sends each public request here, path prefixed."""

from typing import Final

import structlog
from servicekit.errors import Kind, ServiceError
from servicekit.http_listener import Request, Response

from services.auth.callers import verdict_headers
from services.auth.errors import InvalidRequest, gnap_rest_error
from services.auth.guard.service import Asked, Guard

PREFIX: Final = "/guard"
METHODS: Final = ("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS")
_PARTIAL_BODY: Final = "x-envoy-auth-partial-body"
_PASSED: Final = 200
_log = structlog.get_logger(__name__)


class GuardRoutes:
    """Translates; the decision is in Guard."""

    def __init__(self, *, guard: Guard) -> None:
        self._guard = guard

    async def handle(self, request: Request) -> Response:
        """200 with the verdict as headers, or the refusal that the client gets."""
        try:
            if request.headers.get(_PARTIAL_BODY) == "true":
                raise InvalidRequest("the body is too large", field="body")
            verdict = await self._guard.check(
                Asked(
                    method=request.method,
                    target=request.target.removeprefix(PREFIX) or "/",
                    headers=request.headers,
                    body=request.body,
                )
            )
        except ServiceError as error:
            return _refusal(error)
        if verdict.client is None:
            return Response(_PASSED)
        return Response(_PASSED, verdict_headers(client=verdict.client, grant_id=verdict.grant_id))


def _refusal(error: ServiceError) -> Response:
    if error.kind in (Kind.UNAVAILABLE, Kind.INTERNAL):
        _log.warning("guard_failed", reason=error.reason)
    else:
        _log.info("guard_refused", reason=error.reason, field=error.field)
    rest = gnap_rest_error(error)
    return Response.json(rest.status, rest.body, rest.headers.items())
