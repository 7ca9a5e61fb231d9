"""TLS of gRPC ports: who is trusted, who must show who they are, and renewed files."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from servicekit.clock import SystemClock
from servicekit.errors import ServiceError, Unavailable
from servicekit.grpc_client import build_channel
from servicekit.grpc_server import build_grpc_server
from servicekit.grpc_tls import ClientTls, ServerTls, TlsFilesError
from servicekit.health import LIVE, HealthChecks
from servicekit.ids import SystemIds

from tests.support.certificates import Authority, Issued

NAME = "backend.node.test"
CLOCK = SystemClock()
Serving = Callable[[ServerTls | None], AbstractAsyncContextManager[int]]


@asynccontextmanager
async def serving(tls: ServerTls | None) -> AsyncIterator[int]:
    server = build_grpc_server(
        services=(),
        host="127.0.0.1",
        port=0,
        checks=HealthChecks(clock=CLOCK),
        clock=CLOCK,
        ids=SystemIds(CLOCK),
        tls=tls,
    )
    yield await server.start()
    await server.stop(0)


async def ask(port: int, tls: ClientTls | None) -> int:
    channel = build_channel(f"127.0.0.1:{port}", tls=tls)
    try:
        request = health_pb2.HealthCheckRequest(service=LIVE)
        answer = await health_pb2_grpc.HealthStub(channel).Check(request, timeout=5)
        return int(answer.status)
    finally:
        await channel.close()


def server_files(issued: Issued, client_ca: Path | None = None) -> ServerTls:
    ca = None if client_ca is None else str(client_ca)
    made = ServerTls.of(str(issued.certificate), str(issued.private_key), ca)
    assert made is not None
    return made


def client_files(ca: Path, issued: Issued | None = None, name: str = NAME) -> ClientTls:
    certificate = None if issued is None else str(issued.certificate)
    private_key = None if issued is None else str(issued.private_key)
    made = ClientTls.of(str(ca), certificate, private_key, name)
    assert made is not None
    return made


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def test_a_channel_that_knows_the_authority_is_served(authority: Authority) -> None:
    async with serving(server_files(authority.issue(NAME))) as port:
        assert (
            await ask(port, client_files(authority.file)) == health_pb2.HealthCheckResponse.SERVING
        )


@pytest.mark.parametrize("wrong", ["plain text", "another authority", "another name"])
async def test_a_channel_that_can_not_know_the_server_is_refused(
    authority: Authority, tmp_path: Path, wrong: str
) -> None:
    other = Authority(tmp_path, "another authority")
    tls = {
        "plain text": None,
        "another authority": client_files(other.file),
        "another name": client_files(authority.file, name="other.test"),
    }[wrong]
    async with serving(server_files(authority.issue(NAME))) as port:
        with pytest.raises(Unavailable):
            await ask(port, tls)


async def test_a_server_that_asks_who_calls_serves_its_authoritys_clients_alone(
    authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "another authority").issue("stranger.test")
    server = server_files(authority.issue(NAME), authority.file)
    async with serving(server) as port:
        known = client_files(authority.file, authority.issue("frontend.node.test"))
        assert await ask(port, known) == health_pb2.HealthCheckResponse.SERVING
        for refused in (client_files(authority.file), client_files(authority.file, stranger)):
            with pytest.raises(ServiceError):
                await ask(port, refused)


async def test_renewed_files_are_served_without_a_restart(
    authority: Authority, tmp_path: Path
) -> None:
    later = Authority(tmp_path, "later authority")
    async with serving(server_files(authority.issue(NAME))) as port:
        assert await ask(port, client_files(authority.file)) == 1
        later.issue(NAME)  # over the same files
        assert await ask(port, client_files(later.file)) == 1
        with pytest.raises(Unavailable):
            await ask(port, client_files(authority.file))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (("a.crt", None, None), "go together"),
        ((None, None, "ca.pem"), "go together"),
        (("a.crt", "a.key", None), "a.crt: No such file"),
    ],
)
def test_files_of_a_server_that_do_not_fit_are_refused_by_name(
    files: tuple[str | None, str | None, str | None], said: str
) -> None:
    with pytest.raises(TlsFilesError, match=said):
        ServerTls.of(*files)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ((None, "a.crt", "a.key", None), "name the CA"),
        (("ca.pem", "a.crt", None, None), "go together"),
        (("ca.pem", None, None, None), "ca.pem: No such file"),
    ],
)
def test_files_of_a_channel_that_do_not_fit_are_refused_by_name(
    files: tuple[str | None, str | None, str | None, str | None], said: str
) -> None:
    with pytest.raises(TlsFilesError, match=said):
        ClientTls.of(*files)
