"""The gRPC server of a service: limits, health, reflection, and its interceptors in one list."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc

from servicekit.clock import Clock
from servicekit.grpc_tls import ServerTls
from servicekit.health import HealthChecks, HealthServicer
from servicekit.ids import IdSource
from servicekit.interceptors.deadline import DeadlineLimits, deadline_interceptor
from servicekit.interceptors.errors import errors_interceptor
from servicekit.interceptors.logging import logging_interceptor
from servicekit.interceptors.requests import Admit, RequestLimits, RequestsInterceptor
from servicekit.interceptors.tracing import tracing_interceptor
from servicekit.metrics import Metrics
from servicekit.reflection import METHODS, add_reflection
from servicekit.rest_errors import RestErrorEncoder, open_payments_error
from servicekit.tracing import Tracing

_GRPC_SUFFIX: Final = "_grpc"
_GENERATED_SUFFIX: Final = "_pb2_grpc"
_HEALTH: Final[str] = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name


@dataclass(frozen=True, kw_only=True)
class GrpcServerLimits:
    """Every bound of a server."""

    message_bytes_max: int = 4 * 1024 * 1024
    """One message, either way."""
    metadata_bytes_max: int = 16 * 1024
    """A call's headers."""
    open_rpcs_max: int = 4096
    """Calls at once, those that wait for their message among them; beyond: RESOURCE_EXHAUSTED."""
    streams_max: int = 1000
    """Calls at once on one connection; a client holds back what is beyond."""
    keepalive_ms: int = 60_000
    """A ping to a silent client, cut off when it does not answer in `keepalive_timeout_ms`."""
    keepalive_timeout_ms: int = 20_000
    ping_interval_ms_min: int = 10_000
    """A client that pings more often is cut off."""
    idle_ms_max: int = 600_000
    """A connection without calls; longer than Envoy's, so that Envoy closes first."""
    age_ms_max: int = 3_600_000
    """A connection's calls then end in peace, and new ones go to a new connection."""
    requests: RequestLimits = field(default_factory=RequestLimits)
    deadlines: DeadlineLimits = field(default_factory=DeadlineLimits)


@dataclass(frozen=True, kw_only=True)
class ServiceBinding:
    """One service of the server."""

    descriptor: ServiceDescriptor
    """From the generated module: `pb2.DESCRIPTOR.services_by_name["..."]`."""
    add: Callable[[Any, Any], None]
    """The generated `add_...Servicer_to_server`."""
    servicer: object

    @classmethod
    def of(cls, servicer: object) -> "ServiceBinding":
        """The service whose generated servicer class this one derives from."""
        (base,) = (
            each for each in type(servicer).__mro__ if each.__module__.endswith(_GENERATED_SUFFIX)
        )
        generated = sys.modules[base.__module__]
        messages = sys.modules[base.__module__.removesuffix(_GRPC_SUFFIX)]
        return cls(
            descriptor=messages.DESCRIPTOR.services_by_name[base.__name__.removesuffix("Servicer")],
            add=getattr(generated, f"add_{base.__name__}_to_server"),
            servicer=servicer,
        )


class GrpcServer:
    """A server that is built and not yet listening."""

    def __init__(
        self, server: grpc.aio.Server, address: str, checks: HealthChecks, tls: ServerTls | None
    ) -> None:
        self._server = server
        self._checks = checks
        # Raises RuntimeError when the port is taken: sharing it would halve the traffic in silence.
        self.port = (
            server.add_insecure_port(address)
            if tls is None
            else server.add_secure_port(address, tls.credentials())
        )

    async def start(self) -> int:
        """Serve; returns the port, which the system chose when the asked one was 0."""
        await self._server.start()
        return self.port

    async def stop(self, grace_s: float) -> None:
        """Report unhealthy, refuse new calls, and let running ones finish for `grace_s` seconds."""
        self._checks.draining = True
        await self._server.stop(grace_s)


class _Unregistered:
    """A server whose methods are found by their names when a call comes.

    The generated code also registers each method, and in grpcio 1.85 a server then waits for each
    call with one task for each of its methods: 98 in the backend, 25 microseconds of CPU a call.
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """As the server's own."""
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(self, _service: str, _handlers: Mapping[str, Any]) -> None:
        """Nothing: see above."""


def build_grpc_server(
    *,
    services: Sequence[ServiceBinding],
    host: str,
    port: int,
    checks: HealthChecks,
    clock: Clock,
    ids: IdSource,
    metrics: Metrics | None = None,
    limits: GrpcServerLimits | None = None,
    rest_error: RestErrorEncoder = open_payments_error,
    admit: Admit | None = None,
    tls: ServerTls | None = None,
    tracing: Tracing | None = None,
) -> GrpcServer:
    """A server of these services, with health and reflection beside them.

    `admit` is asked with each unary call's message and metadata before its servicer, and may raise.
    """
    limits = limits or GrpcServerLimits()
    streaming = frozenset(
        f"/{binding.descriptor.full_name}/{method.name}"
        for binding in services
        for method in binding.descriptor.methods
        if method.client_streaming or method.server_streaming
    )
    streaming |= METHODS | {f"/{_HEALTH}/Watch"}
    # Outermost first. Errors surround all, so that whatever the others raise gets a status; logging
    # sees the error before it is one, and says its trace; the deadline covers reading the request
    # and the handler.
    interceptors = [
        errors_interceptor(rest_error),
        *(() if tracing is None else (tracing_interceptor(tracing),)),
        logging_interceptor(clock=clock, ids=ids, ended=(metrics or Metrics()).rpc_ended),
        deadline_interceptor(limits.deadlines, streaming),
        RequestsInterceptor(limits.requests, admit),
    ]
    server = grpc.aio.server(
        interceptors=interceptors,
        options=[
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", limits.message_bytes_max),
            ("grpc.max_send_message_length", limits.message_bytes_max),
            ("grpc.max_metadata_size", limits.metadata_bytes_max),
            ("grpc.max_concurrent_streams", limits.streams_max),
            ("grpc.keepalive_time_ms", limits.keepalive_ms),
            ("grpc.keepalive_timeout_ms", limits.keepalive_timeout_ms),
            ("grpc.http2.min_ping_interval_without_data_ms", limits.ping_interval_ms_min),
            ("grpc.max_connection_idle_ms", limits.idle_ms_max),
            ("grpc.max_connection_age_ms", limits.age_ms_max),
        ],
        maximum_concurrent_rpcs=limits.open_rpcs_max,
    )
    names = frozenset(binding.descriptor.full_name for binding in services)
    unregistered = _Unregistered(server)
    for binding in services:
        binding.add(binding.servicer, unregistered)
    health = HealthServicer(checks=checks, services=names, clock=clock)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    add_reflection((*names, _HEALTH), server)
    return GrpcServer(server, f"{host}:{port}", checks, tls)
