"""SessionService over gRPC."""

from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext
from rafiki.admin.v1 import session_service_pb2 as pb
from rafiki.admin.v1.session_service_pb2_grpc import SessionServiceServicer
from servicekit.commands import Commands
from servicekit.messages import timestamp

from services.backend.admin_sessions.commands.end_session import EndSession
from services.backend.admin_sessions.commands.start_session import SignIn, StartSession
from services.backend.admin_sessions.queries import SessionQueries

Context = ServicerContext[object, object]


class SessionServicer(SessionServiceServicer):
    """Translates; the decisions are in the commands and queries."""

    def __init__(
        self, *, start: StartSession, end: EndSession, queries: SessionQueries, commands: Commands
    ) -> None:
        self._start = start
        self._end = end
        self._queries = queries
        self._commands = commands

    async def StartSession(
        self, request: pb.StartSessionRequest, context: Context
    ) -> pb.StartSessionResponse:
        del context
        given = SignIn(
            tenant_id=request.tenant_id,
            signature=request.signature,
            body=request.body,
            source=request.source,
        )
        started = await self._commands.run(self._start, given)
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
        tenant = await self._queries.tenant_of(request.token)
        return pb.CheckSessionResponse(tenant_id=str(tenant.id), is_operator=tenant.is_operator)

    async def EndSession(self, request: pb.EndSessionRequest, context: Context) -> Empty:
        del context
        await self._commands.run(self._end, request.token)
        return Empty()
