"""POST of a node that asks to be a peer, on the fast listener."""

from typing import Final

from pydantic import ValidationError
from servicekit.commands import Commands
from servicekit.http_messages import Request, Response

from services.backend.auto_peering.commands.accept_peering import AcceptPeering, AskedPeering
from services.backend.auto_peering.errors import INVALID_PEERING_REQUEST, PeeringRefused, Problem
from services.backend.auto_peering.model import PeeringDetails, PeeringRequest

PATH: Final = "/auto-peering"
BODY_BYTES_MAX: Final = 16 * 1024
_BEARER: Final = "bearer "


class AutoPeeringHandler:
    """Answers with what this node is, or with the original's errors."""

    def __init__(
        self,
        *,
        accept: AcceptPeering,
        commands: Commands,
        ilp_address: str,
        connector_url: str,
        name: str,
    ) -> None:
        self._accept = accept
        self._commands = commands
        self._ilp_address = ilp_address
        self._connector_url = connector_url
        self._name = name

    async def __call__(self, request: Request) -> Response:
        """200, or 400 or 404 with `{error: {code, message, type}}`."""
        if len(request.body) > BODY_BYTES_MAX:
            return _refused(INVALID_PEERING_REQUEST, f"it has more than {BODY_BYTES_MAX} bytes")
        try:
            asked = PeeringRequest.model_validate_json(request.body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "the body"
            return _refused(INVALID_PEERING_REQUEST, f"{where}: {first['msg']}")
        given = AskedPeering(request=asked, token=_token(request))
        try:
            made = await self._commands.run(self._accept, given)
        except PeeringRefused as refused:
            return _refused(refused.problem, refused.detail)
        details = PeeringDetails(
            static_ilp_address=self._ilp_address,
            ilp_connector_url=self._connector_url,
            http_token=made.peer.outgoing_token,
            name=self._name,
            tenant_id=str(made.peer.tenant_id),
        )
        return Response.json(200, details.model_dump(by_alias=True))


def _token(request: Request) -> str | None:
    header = request.headers.get("authorization", "")
    return header[len(_BEARER) :] if header.lower().startswith(_BEARER) else None


def _refused(problem: Problem, detail: str) -> Response:
    error = {
        "code": problem.status,
        "message": f"{problem.message}: {detail}",
        "type": problem.type,
    }
    return Response.json(problem.status, {"error": error})
