"""InteractionService over gRPC and, through the transcoder, REST: the identity provider's side."""

from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext
from rafiki.grant.v1 import interaction_service_pb2 as pb
from rafiki.grant.v1.interaction_service_pb2_grpc import InteractionServiceServicer
from servicekit.commands import Commands
from servicekit.rest import set_status
from servicekit.verdict import caller_of

from services.auth.gnap.errors import UnknownInteraction
from services.auth.gnap.messages import access_messages, parse_id, subject_message
from services.auth.interactions.build import Interactions
from services.auth.interactions.commands.decide_interaction import Decision
from services.auth.interactions.model import InteractionState

IDP_SECRET_KEY = "x-idp-secret"  # noqa: S105 - the header's name
_ACCEPTED = 202

Context = ServicerContext[object, object]


class InteractionServicer(InteractionServiceServicer):
    """Translates; the decisions are in the commands and queries.

    Idempotency keys need no record here: the same decision again is a no-op.
    """

    def __init__(self, *, commands: Commands, interactions: Interactions) -> None:
        self._commands = commands
        self._interactions = interactions

    async def GetInteraction(
        self, request: pb.GetInteractionRequest, context: Context
    ) -> pb.Interaction:
        found = await self._interactions.queries.describe(
            parse_id(request.id, UnknownInteraction()),
            request.nonce,
            idp_secret=caller_of(context).metadata.get(IDP_SECRET_KEY),
        )
        return pb.Interaction(
            grant_id=str(found.grant.id),
            access=access_messages(found.grant.access),
            subject=subject_message(found.grant.subject_ids),
            state=found.interaction.state.value,
        )

    async def AcceptInteraction(
        self, request: pb.AcceptInteractionRequest, context: Context
    ) -> Empty:
        return await self._decide(request, context, InteractionState.APPROVED)

    async def RejectInteraction(
        self, request: pb.RejectInteractionRequest, context: Context
    ) -> Empty:
        return await self._decide(request, context, InteractionState.DENIED)

    async def _decide(
        self,
        request: pb.AcceptInteractionRequest | pb.RejectInteractionRequest,
        context: Context,
        state: InteractionState,
    ) -> Empty:
        decision = Decision(
            interaction_id=parse_id(request.id, UnknownInteraction()),
            nonce=request.nonce,
            idp_secret=caller_of(context).metadata.get(IDP_SECRET_KEY),
            state=state,
        )
        await self._commands.run(self._interactions.decide, decision)
        await set_status(context, _ACCEPTED)
        return Empty()
