"""The guard over HTTP: Envoy's ext_authz filter sends each public request here, path prefixed."""

from typing import Final

import structlog
from servicekit.errors import Kind, ServiceError
from servicekit.guarded_requests import guarded_request
from servicekit.http_listener import Request, Response

from services.auth.gnap.rest_errors import gnap_rest_error
from services.auth.guard.decision import Guard

_PASSED: Final = 200
_log = structlog.get_logger(__name__)


class GuardRoutes:
    """Translates; the decision is in Guard."""

    def __init__(self, *, guard: Guard) -> None:
        self._guard = guard

    async def handle(self, request: Request) -> Response:
        """200 with the verdict, or the refusal that the client gets."""
        try:
            verdict = await self._guard.check(guarded_request(request))
        except ServiceError as error:
            return _refusal(error)
        return Response(_PASSED, [verdict.header()])


def _refusal(error: ServiceError) -> Response:
    if error.kind in (Kind.UNAVAILABLE, Kind.INTERNAL):
        _log.warning("guard_failed", reason=error.reason)
    else:
        _log.info("guard_refused", reason=error.reason, field=error.field)
    rest = gnap_rest_error(error)
    return Response.json(rest.status, rest.body, rest.headers.items())
