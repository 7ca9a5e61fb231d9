"""One node: a channel, and a stub for each service of its operator listener."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc
import grpc.aio
from rafiki.admin.v1 import (
    asset_service_pb2_grpc,
    event_service_pb2_grpc,
    liquidity_service_pb2_grpc,
    payment_service_pb2_grpc,
    peer_service_pb2_grpc,
    reconciliation_service_pb2_grpc,
    tenant_service_pb2_grpc,
    unknown_packet_service_pb2_grpc,
    wallet_address_service_pb2_grpc,
)
from rafiki.grant.v1 import grant_admin_service_pb2_grpc
from rafiki.ledger.v1 import ledger_service_pb2_grpc
from rafiki.routing.v1 import routing_service_pb2_grpc

from rafiki_client.retries import RetryInterceptor, RetryPolicy

MESSAGE_BYTES_MAX: Final = 4 * 1024 * 1024
"""The node's own limit, either way."""
KEEPALIVE_MS: Final = 30_000
"""Longer than the ten seconds that the node wants between two pings."""
KEEPALIVE_TIMEOUT_MS: Final = 10_000


class Node:
    """The services of a node by name; each is a generated stub."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        stub = _stub(channel)
        self.assets = stub(asset_service_pb2_grpc.AssetServiceStub)
        self.events = stub(event_service_pb2_grpc.EventServiceStub)
        self.grants = stub(grant_admin_service_pb2_grpc.GrantAdminServiceStub)
        self.ledger = stub(ledger_service_pb2_grpc.LedgerServiceStub)
        self.liquidity = stub(liquidity_service_pb2_grpc.LiquidityServiceStub)
        self.payments = stub(payment_service_pb2_grpc.PaymentServiceStub)
        self.peers = stub(peer_service_pb2_grpc.PeerServiceStub)
        self.reconciliation = stub(reconciliation_service_pb2_grpc.ReconciliationServiceStub)
        self.routing = stub(routing_service_pb2_grpc.RoutingServiceStub)
        self.tenants = stub(tenant_service_pb2_grpc.TenantServiceStub)
        self.unknown_packets = stub(unknown_packet_service_pb2_grpc.UnknownPacketServiceStub)
        self.wallet_addresses = stub(wallet_address_service_pb2_grpc.WalletAddressAdminServiceStub)


@asynccontextmanager
async def connect(
    target: str,
    *,
    credentials: grpc.ChannelCredentials | None = None,
    headers: Mapping[str, str] | None = None,
    retries: RetryPolicy | None = None,
) -> AsyncIterator[Node]:
    """A node at the `host:port` of its operator listener.

    Args:
        target: a gRPC name; the connection opens with the first call.
        credentials: TLS, from `grpc.ssl_channel_credentials`, with a client's certificate where
            what stands before the node asks for one; plain text when absent.
        headers: sent with each call, such as `{"authorization": "Bearer ..."}` for a gateway.
        retries: how calls are repeated that the node did not answer.
    """
    options: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
        ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
    ]
    interceptors: list[grpc.aio.ClientInterceptor] = [RetryInterceptor(retries or RetryPolicy())]
    if headers:
        pairs = tuple((name.lower(), value) for name, value in headers.items())
        interceptors += [_UnaryHeaders(pairs), _StreamHeaders(pairs)]
    if credentials is None:
        channel = grpc.aio.insecure_channel(target, options=options, interceptors=interceptors)
    else:
        channel = grpc.aio.secure_channel(
            target, credentials, options=options, interceptors=interceptors
        )
    async with channel:
        yield Node(channel)


Pairs = tuple[tuple[str, str], ...]


class _UnaryHeaders(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, headers: Pairs) -> None:
        self._headers = headers

    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        """The call with the headers."""
        return await continuation(_with(self._headers, client_call_details), request)


class _StreamHeaders(grpc.aio.StreamStreamClientInterceptor):
    def __init__(self, headers: Pairs) -> None:
        self._headers = headers

    async def intercept_stream_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request_iterator: Any
    ) -> Any:
        """The stream with the headers."""
        return await continuation(_with(self._headers, client_call_details), request_iterator)


def _with(headers: Pairs, details: Any) -> Any:
    return details._replace(metadata=grpc.aio.Metadata(*(details.metadata or ()), *headers))


def _stub(channel: grpc.aio.Channel) -> Callable[[Callable[[Any], Any]], Any]:
    # The generated types know the synchronous library only.
    return lambda make: make(channel)
