"""The other two services as this one sees them: generated stubs over two channels."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import grpc.aio
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from rafiki.admin.v1 import (
    asset_service_pb2,
    event_service_pb2,
    liquidity_service_pb2,
    payment_service_pb2,
    peer_service_pb2,
    session_service_pb2,
    tenant_service_pb2,
    wallet_address_service_pb2,
)
from rafiki.admin.v1.asset_service_pb2_grpc import AssetServiceStub
from rafiki.admin.v1.event_service_pb2_grpc import EventServiceStub
from rafiki.admin.v1.liquidity_service_pb2_grpc import LiquidityServiceStub
from rafiki.admin.v1.payment_service_pb2_grpc import PaymentServiceStub
from rafiki.admin.v1.peer_service_pb2_grpc import PeerServiceStub
from rafiki.admin.v1.session_service_pb2_grpc import SessionServiceStub
from rafiki.admin.v1.tenant_service_pb2_grpc import TenantServiceStub
from rafiki.admin.v1.wallet_address_service_pb2_grpc import WalletAddressAdminServiceStub
from rafiki.grant.v1 import grant_admin_service_pb2
from rafiki.grant.v1.grant_admin_service_pb2_grpc import GrantAdminServiceStub
from rafiki.ledger.v1 import ledger_service_pb2
from rafiki.ledger.v1.ledger_service_pb2_grpc import LedgerServiceStub
from rafiki.routing.v1 import routing_service_pb2
from rafiki.routing.v1.routing_service_pb2_grpc import RoutingServiceStub
from servicekit.errors import Unavailable
from servicekit.grpc_client import build_channel
from servicekit.grpc_tls import ClientTls
from servicekit.tracing import Tracing

if TYPE_CHECKING:
    # The generated stub files alone have these: what a stub over an asyncio channel is.
    from rafiki.admin.v1.asset_service_pb2_grpc import AssetServiceAsyncStub
    from rafiki.admin.v1.event_service_pb2_grpc import EventServiceAsyncStub
    from rafiki.admin.v1.liquidity_service_pb2_grpc import LiquidityServiceAsyncStub
    from rafiki.admin.v1.payment_service_pb2_grpc import PaymentServiceAsyncStub
    from rafiki.admin.v1.peer_service_pb2_grpc import PeerServiceAsyncStub
    from rafiki.admin.v1.session_service_pb2_grpc import SessionServiceAsyncStub
    from rafiki.admin.v1.tenant_service_pb2_grpc import TenantServiceAsyncStub
    from rafiki.admin.v1.wallet_address_service_pb2_grpc import WalletAddressAdminServiceAsyncStub
    from rafiki.grant.v1.grant_admin_service_pb2_grpc import GrantAdminServiceAsyncStub
    from rafiki.ledger.v1.ledger_service_pb2_grpc import LedgerServiceAsyncStub
    from rafiki.routing.v1.routing_service_pb2_grpc import RoutingServiceAsyncStub

_DESCRIPTORS: Final[tuple[ServiceDescriptor, ...]] = tuple(
    descriptor
    for module in (
        asset_service_pb2,
        event_service_pb2,
        liquidity_service_pb2,
        payment_service_pb2,
        peer_service_pb2,
        session_service_pb2,
        tenant_service_pb2,
        wallet_address_service_pb2,
        grant_admin_service_pb2,
        ledger_service_pb2,
        routing_service_pb2,
    )
    for descriptor in module.DESCRIPTOR.services_by_name.values()
)
METHODS: Final[Mapping[str, MethodDescriptor]] = {
    method.name: method for service in _DESCRIPTORS for method in service.methods
}
"""Every RPC by its own name, which none of the services share."""
# A signature counts once: a second try of a call that got through would be refused as a replay.
_ONCE_ONLY: Final = frozenset(
    {
        "rafiki.admin.v1.TenantService/VerifyApiSignature",
        "rafiki.admin.v1.SessionService/StartSession",
    }
)
# All others read, or carry an idempotency key that a retry repeats.
IDEMPOTENT_METHODS: Final = (
    frozenset(
        f"{service.full_name}/{method.name}"
        for service in _DESCRIPTORS
        for method in service.methods
    )
    - _ONCE_ONLY
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """Stubs of every service that the edge speaks to."""

    assets: "AssetServiceAsyncStub"
    events: "EventServiceAsyncStub"
    grants: "GrantAdminServiceAsyncStub"
    ledger: "LedgerServiceAsyncStub"
    liquidity: "LiquidityServiceAsyncStub"
    payments: "PaymentServiceAsyncStub"
    peers: "PeerServiceAsyncStub"
    routing: "RoutingServiceAsyncStub"
    sessions: "SessionServiceAsyncStub"
    tenants: "TenantServiceAsyncStub"
    wallet_addresses: "WalletAddressAdminServiceAsyncStub"

    def rpcs(self) -> Mapping[str, Any]:
        """What calls each RPC, by its name."""
        stubs = [getattr(self, known.name) for known in fields(self)]
        return {
            name: getattr(stub, name) for stub in stubs for name in METHODS if hasattr(stub, name)
        }


def build_clients(*, backend: grpc.aio.Channel, auth: grpc.aio.Channel) -> Clients:
    """Stubs over open channels."""
    return Clients(
        assets=AssetServiceStub(backend),
        events=EventServiceStub(backend),
        grants=GrantAdminServiceStub(auth),
        ledger=LedgerServiceStub(backend),
        liquidity=LiquidityServiceStub(backend),
        payments=PaymentServiceStub(backend),
        peers=PeerServiceStub(backend),
        routing=RoutingServiceStub(backend),
        sessions=SessionServiceStub(backend),
        tenants=TenantServiceStub(backend),
        wallet_addresses=WalletAddressAdminServiceStub(backend),
    )


def open_channel(
    target: str, tls: ClientTls | None = None, tracing: Tracing | None = None
) -> grpc.aio.Channel:
    """A channel to the workers of one service; calls that may be repeated are, when it is away."""
    return build_channel(target, idempotent_methods=IDEMPOTENT_METHODS, tls=tls, tracing=tracing)


async def check_health(channel: grpc.aio.Channel) -> None:
    """Succeed when the service behind a channel says that it works; raises ServiceError else."""
    stub = health_pb2_grpc.HealthStub(channel)
    reply = await stub.Check(health_pb2.HealthCheckRequest())
    if reply.status != health_pb2.HealthCheckResponse.SERVING:
        raise Unavailable("UNAVAILABLE", "the service is not serving")
