"""Envoy between TLS and TLS: its operator's listener and the services ask for certificates."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from servicekit.clock import SystemClock
from servicekit.errors import ServiceError
from servicekit.grpc_client import build_channel
from servicekit.grpc_server import build_grpc_server
from servicekit.grpc_tls import ClientTls, ServerTls
from servicekit.health import LIVE, HealthChecks
from servicekit.ids import SystemIds

from deploy.envoy.settings import EnvoySettings
from deploy.local.envoy import EnvoyServer
from tests.integration.envoy.conftest import local
from tests.support.certificates import Authority, Issued
from tests.support.postgres import free_port

CLOCK = SystemClock()
BACKEND, OPERATOR = "backend.node.test", "operator.node.test"


def channel_tls(authority: Authority, issued: Issued | None) -> ClientTls:
    certificate = None if issued is None else str(issued.certificate)
    private_key = None if issued is None else str(issued.private_key)
    made = ClientTls.of(str(authority.file), certificate, private_key, OPERATOR)
    assert made is not None
    return made


@pytest.fixture
async def operator(tmp_path: Path) -> AsyncIterator[tuple[int, Authority]]:
    """The operator's listener of an Envoy whose backend takes calls with certificates alone."""
    authority = Authority(tmp_path)
    backend, edge = authority.issue(BACKEND), authority.issue(OPERATOR)
    envoy = authority.issue("envoy.node.test")
    server = build_grpc_server(
        services=(),
        host="127.0.0.1",
        port=0,
        checks=HealthChecks(clock=CLOCK),
        clock=CLOCK,
        ids=SystemIds(CLOCK),
        tls=ServerTls(
            certificate=backend.certificate,
            private_key=backend.private_key,
            client_ca=authority.file,
        ),
    )
    port = await server.start()
    public, listener, admin = local(free_port(), free_port(), free_port())
    nobody = local(free_port())
    settings = EnvoySettings(
        public=public,
        operator=listener,
        admin=admin,
        backend_grpc=local(port),
        backend_http=nobody,
        auth_grpc=nobody,
        auth_http=nobody,
        frontend=nobody,
        operator_tls_certificate=edge.certificate,
        operator_tls_private_key=edge.private_key,
        operator_client_ca=authority.file,
        upstream_ca=authority.file,
        upstream_server_name=BACKEND,
        upstream_tls_certificate=envoy.certificate,
        upstream_tls_private_key=envoy.private_key,
    )
    envoy_server = EnvoyServer("envoy", settings, tmp_path)
    envoy_server.start()
    yield listener.port, authority
    envoy_server.stop()
    await server.stop(0)


async def ask(port: int, tls: ClientTls | None) -> int:
    channel = build_channel(f"127.0.0.1:{port}", tls=tls)
    try:
        request = health_pb2.HealthCheckRequest(service=LIVE)
        answer = await health_pb2_grpc.HealthStub(channel).Check(request, timeout=10)
        return int(answer.status)
    finally:
        await channel.close()


async def test_who_shows_a_certificate_reaches_the_backend(
    operator: tuple[int, Authority],
) -> None:
    port, authority = operator
    known = channel_tls(authority, authority.issue("console.node.test"))
    assert await ask(port, known) == health_pb2.HealthCheckResponse.SERVING
    for tls in (None, channel_tls(authority, None)):
        with pytest.raises(ServiceError):
            await ask(port, tls)
