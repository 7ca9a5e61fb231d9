"""ILP-over-HTTP from peers (RFC 35, synchronous): the fast listener's `/ilp`.

Peers that were told only a host and a port post to `/`, as they do to the TypeScript Rafiki.
"""

from typing import Final

from ilpkit.errors import RefusedHttpRequestError, UnknownOutcomeError
from ilpkit.ilp.http_rules import ANSWERS_REPEATS, CONTENT_TYPE, read_prepare_headers
from servicekit.http_messages import Request, Response

from services.backend.connector.service import Connector

ILP_PATHS: Final = ("/ilp", "/ilp/", "/")
UNAUTHORIZED: Final = 401
GATEWAY_TIMEOUT: Final = 504
_HEADERS: Final = (("content-type", CONTENT_TYPE), ANSWERS_REPEATS)


class IlpHandler:
    """Authenticates the peer and hands its packet to the connector."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector

    async def __call__(self, request: Request) -> Response:
        """200 with a Fulfill or Reject; 400 or 401 when it is no packet of a peer; 504 without.

        A 504 says that the packet may have been paid on: the peer asks again, or waits.
        """
        try:
            prepare = read_prepare_headers(request.headers)
        except RefusedHttpRequestError as refused:
            return _refused(refused.status, str(refused))
        peer = self._connector.peer_of_token(prepare.token)
        if peer is None:
            return _refused(UNAUTHORIZED, "the bearer token is not known")
        try:
            reply = await self._connector.receive(peer, request.body, request_id=prepare.request_id)
        except UnknownOutcomeError as unknown:
            return _refused(GATEWAY_TIMEOUT, f"the outcome is not known: {unknown}")
        return Response(200, _HEADERS, reply)


def _refused(status: int, description: str) -> Response:
    body = {"error": {"code": str(status), "description": description}}
    return Response.json(status, body, (ANSWERS_REPEATS,))
