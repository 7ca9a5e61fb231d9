"""The backend and auth as the edge sees them: recorded calls, prepared replies, real signatures.

Stands in for the other services in unit tests. An RPC without a prepared reply answers
UNIMPLEMENTED, so that a test says all that it needs.
"""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from rafiki.admin.v1 import (
    asset_service_pb2,
    asset_service_pb2_grpc,
    event_service_pb2,
    event_service_pb2_grpc,
    liquidity_service_pb2,
    liquidity_service_pb2_grpc,
    payment_service_pb2,
    payment_service_pb2_grpc,
    peer_service_pb2,
    peer_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
    tenant_service_pb2,
    tenant_service_pb2_grpc,
    wallet_address_service_pb2,
    wallet_address_service_pb2_grpc,
)
from rafiki.grant.v1 import grant_admin_service_pb2, grant_admin_service_pb2_grpc
from rafiki.ledger.v1 import ledger_service_pb2, ledger_service_pb2_grpc
from rafiki.routing.v1 import routing_service_pb2, routing_service_pb2_grpc
from servicekit.acting_tenant import leaves_out_liquidity
from servicekit.clock import Clock
from servicekit.errors import ServiceError, Unauthenticated, Unimplemented
from servicekit.grpc_server import GrpcServer, ServiceBinding, build_grpc_server
from servicekit.health import HealthChecks
from servicekit.hmac_signature import SignatureRefused, verify_signature
from servicekit.ids import IdSource
from servicekit.interceptors.requests import Metadata

from services.auth.admin.admission import Admission as GrantAdmission
from services.backend.admin_sessions.callers import AdminCallers

_MODULES: tuple[tuple[Any, Any], ...] = (
    (asset_service_pb2, asset_service_pb2_grpc),
    (event_service_pb2, event_service_pb2_grpc),
    (liquidity_service_pb2, liquidity_service_pb2_grpc),
    (payment_service_pb2, payment_service_pb2_grpc),
    (peer_service_pb2, peer_service_pb2_grpc),
    (session_service_pb2, session_service_pb2_grpc),
    (tenant_service_pb2, tenant_service_pb2_grpc),
    (wallet_address_service_pb2, wallet_address_service_pb2_grpc),
    (grant_admin_service_pb2, grant_admin_service_pb2_grpc),
    (ledger_service_pb2, ledger_service_pb2_grpc),
    (routing_service_pb2, routing_service_pb2_grpc),
)
TTL_MS = 30_000
Reply = Message | ServiceError | Callable[[Any], Message]
M = TypeVar("M", bound=Message)


class AdminServices:
    """What the edge may call. Tenants are told by their secrets, the operator by its id."""

    def __init__(self, *, clock: Clock, operator_id: str, secrets: dict[str, str]) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.carried: list[str] = []
        """Signatures that came with the call that they are for."""
        self.without_liquidity: list[str] = []
        """Types of the requests whose replies are to leave it out."""
        self._clock = clock
        self._operator_id = operator_id
        self._secrets = secrets
        self._seen: set[str] = set()
        self._sessions: dict[str, str] = {}
        self._replies: dict[str, Reply] = {
            "VerifyApiSignature": self._verify,
            "StartSession": self._start,
            "CheckSession": self._check,
            "EndSession": self._end,
        }

    def on(self, rpc: str, reply: Reply) -> None:
        self._replies[rpc] = reply

    def requests(self, rpc: str) -> list[Any]:
        return [request for name, request in self.calls if name == rpc]

    def request(self, rpc: str, _: type[M]) -> M:
        """The only request of an RPC."""
        (request,) = self.requests(rpc)
        found: M = request
        return found

    async def answer(self, rpc: str, request: Any) -> Any:
        self.calls.append((rpc, request))
        reply = self._replies.get(rpc)
        if reply is None:
            raise Unimplemented("UNIMPLEMENTED", f"the test prepared no reply to {rpc}")
        if isinstance(reply, ServiceError):
            raise reply
        return reply(request) if callable(reply) else reply

    def server(self, *, clock: Clock, ids: IdSource, checks: HealthChecks) -> GrpcServer:
        """A server of all services on a free port of this machine."""
        return build_grpc_server(
            services=[
                binding for pb, pb_grpc in _MODULES for binding in self._bindings(pb, pb_grpc)
            ],
            host="127.0.0.1",
            port=0,
            checks=checks,
            clock=clock,
            ids=ids,
            admit=self._admit,
        )

    async def _admit(self, message: Message, metadata: Metadata) -> None:
        """As the backend and auth keep tenants to what is theirs."""
        if leaves_out_liquidity(metadata):
            self.without_liquidity.append(message.DESCRIPTOR.name)
        operator_id = UUID(self._operator_id)
        await AdminCallers(verify=self._verify_call, operator_id=operator_id).admit(
            message, metadata
        )
        await GrantAdmission(operator_id=operator_id)(message, metadata)

    async def _verify_call(self, *, tenant_id: str, signature: str, body: bytes, call: str) -> None:
        assert call
        self.carried.append(signature)
        self._verify(
            tenant_service_pb2.VerifyApiSignatureRequest(
                tenant_id=tenant_id, signature=signature, body=body
            )
        )

    def _bindings(self, pb: Any, pb_grpc: Any) -> list[ServiceBinding]:
        return [
            ServiceBinding(
                descriptor=descriptor,
                add=getattr(pb_grpc, f"add_{descriptor.name}Servicer_to_server"),
                servicer=self._servicer(getattr(pb_grpc, f"{descriptor.name}Servicer"), descriptor),
            )
            for descriptor in pb.DESCRIPTOR.services_by_name.values()
        ]

    def _servicer(self, base: Any, descriptor: Any) -> Any:
        def method(rpc: str) -> Any:
            async def call(_self: Any, request: Any, _context: Any) -> Any:
                return await self.answer(rpc, request)

            return call

        unary = [m.name for m in descriptor.methods if not m.client_streaming]
        return type(f"Fake{descriptor.name}", (base,), {name: method(name) for name in unary})()

    def _verify(
        self, request: tenant_service_pb2.VerifyApiSignatureRequest
    ) -> tenant_service_pb2.VerifyApiSignatureResponse:
        secret = self._secrets.get(request.tenant_id)
        refused = Unauthenticated("SIGNATURE_INVALID", "the signature does not verify")
        if secret is None or request.signature in self._seen:
            raise refused
        try:
            verify_signature(
                request.signature,
                secret=secret,
                version=1,
                body=request.body,
                now_ms=self._clock.now_ms(),
                ttl_ms=TTL_MS,
            )
        except SignatureRefused:
            raise refused from None
        self._seen.add(request.signature)
        return tenant_service_pb2.VerifyApiSignatureResponse(
            tenant_id=request.tenant_id, is_operator=request.tenant_id == self._operator_id
        )

    def _start(
        self, request: session_service_pb2.StartSessionRequest
    ) -> session_service_pb2.StartSessionResponse:
        verified = self._verify(
            tenant_service_pb2.VerifyApiSignatureRequest(
                tenant_id=request.tenant_id, signature=request.signature, body=request.body
            )
        )
        token = f"session-{len(self._seen)}"
        self._sessions[token] = verified.tenant_id
        return session_service_pb2.StartSessionResponse(
            token=token, tenant_id=verified.tenant_id, is_operator=verified.is_operator
        )

    def _check(
        self, request: session_service_pb2.CheckSessionRequest
    ) -> session_service_pb2.CheckSessionResponse:
        tenant_id = self._sessions.get(request.token)
        if tenant_id is None:
            raise Unauthenticated("CREDENTIALS_MISSING", "the session is over")
        return session_service_pb2.CheckSessionResponse(
            tenant_id=tenant_id, is_operator=tenant_id == self._operator_id
        )

    def _end(self, request: session_service_pb2.EndSessionRequest) -> Empty:
        self._sessions.pop(request.token, None)
        return Empty()
