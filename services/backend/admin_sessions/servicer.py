"""SessionService over gRPC."""

from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext
from rafiki.admin.v1 import session_service_pb2 as pb
from rafiki.admin.v1.session_service_pb2_grpc import SessionServiceServicer

from services.backend.admin_sessions.service import AdminSessionService
from services.backend.protos import timestamp

Context = ServicerContext[object, object]


class SessionServicer(SessionServiceServicer):
    """Translates; the decisions are in AdminSessionService."""

    def __init__(self, *, sessions: AdminSessionService) -> None:
        self._sessions = sessions

    async def StartSession(
        self, request: pb.StartSessionRequest, context: Context
    ) -> pb.StartSessionResponse:
        del context
        started = await self._sessions.start(
            tenant_id=request.tenant_id,
            signature=request.signature,
            body=request.body,
            source=request.source,
        )
        return pb.StartSessionResponse(
            token=started.token,
            tenant_id=str(started.tenant.id),
            is_operator=started.tenant.is_operator,
            expires_at=timestamp(started.expires_at),
        )

    async def CheckSession(
        self, request: pb.CheckSessionRequest, context: Context
    ) -> pb.CheckSessionResponse:
        del context
        tenant = await self._sessions.check(request.token)
        return pb.CheckSessionResponse(tenant_id=str(tenant.id), is_operator=tenant.is_operator)

    async def EndSession(self, request: pb.EndSessionRequest, context: Context) -> Empty:
        del context
        await self._sessions.end(request.token)
        return Empty()
