"""ILP-over-HTTP from peers (RFC 35, synchronous): the fast listener's `/ilp`."""

from typing import Final

from ilpkit.errors import RefusedHttpRequestError
from ilpkit.ilp.http_rules import CONTENT_TYPE, read_prepare_headers
from servicekit.http_messages import Request, Response

from services.backend.connector.service import Connector

UNAUTHORIZED: Final = 401
_HEADERS: Final = (("content-type", CONTENT_TYPE),)


class IlpHandler:
    """Authenticates the peer and hands its packet to the connector."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector

    async def __call__(self, request: Request) -> Response:
        """200 with a Fulfill or Reject; 400 or 401 when it is no packet of a peer."""
        try:
            prepare = read_prepare_headers(request.headers)
        except RefusedHttpRequestError as refused:
            return _refused(refused.status, str(refused))
        peer = self._connector.peer_of_token(prepare.token)
        if peer is None:
            return _refused(UNAUTHORIZED, "the bearer token is not known")
        return Response(200, _HEADERS, await self._connector.receive(peer, request.body))


def _refused(status: int, description: str) -> Response:
    return Response.json(status, {"error": {"code": str(status), "description": description}})
