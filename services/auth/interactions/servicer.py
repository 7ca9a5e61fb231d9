"""InteractionService over gRPC and, through the transcoder, REST: the identity provider's side."""

from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext
from rafiki.grant.v1 import interaction_service_pb2 as pb
from rafiki.grant.v1.interaction_service_pb2_grpc import InteractionServiceServicer
from servicekit.database import Database
from servicekit.rest import set_status

from services.auth.callers import caller_of
from services.auth.errors import UnknownInteraction
from services.auth.interactions.model import InteractionState
from services.auth.interactions.service import InteractionService
from services.auth.protos import access_messages, parse_id, subject_message

IDP_SECRET_KEY = "x-idp-secret"  # noqa: S105 - the header's name
_ACCEPTED = 202

Context = ServicerContext[object, object]


class InteractionServicer(InteractionServiceServicer):
    """Translates; the decisions are in InteractionService.

    Idempotency keys need no record here: the same decision again is a no-op.
    """

    def __init__(self, *, database: Database, interactions: InteractionService) -> None:
        self._database = database
        self._interactions = interactions

    async def GetInteraction(
        self, request: pb.GetInteractionRequest, context: Context
    ) -> pb.Interaction:
        interaction_id = parse_id(request.id, UnknownInteraction())
        async with self._database.read() as session:
            grant, interaction = await self._interactions.describe(
                session,
                interaction_id=interaction_id,
                nonce=request.nonce,
                idp_secret=caller_of(context).metadata.get(IDP_SECRET_KEY),
            )
        return pb.Interaction(
            grant_id=str(grant.id),
            access=access_messages(grant.access),
            subject=subject_message(grant.subject_ids),
            state=interaction.state.value,
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
        decision: InteractionState,
    ) -> Empty:
        interaction_id = parse_id(request.id, UnknownInteraction())
        async with self._database.write() as session:
            await self._interactions.decide(
                session,
                interaction_id=interaction_id,
                nonce=request.nonce,
                idp_secret=caller_of(context).metadata.get(IDP_SECRET_KEY),
                decision=decision,
            )
        await set_status(context, _ACCEPTED)
        return Empty()
