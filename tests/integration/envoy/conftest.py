"""One real Envoy for this folder, in front of a fake upstream."""

import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.envoy.settings import Address, EnvoySettings, Limits
from deploy.local.envoy import EnvoyServer
from tests.integration.envoy.fake_upstream import Upstream
from tests.support.postgres import free_port

WORKERS = 2
# Small or short, so that tests can reach them.
LIMITS = Limits(body_bytes_max=4_096, rest_timeout_s=1.0, guard_timeout_s=1.0, ejection_s=0.2)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Plain HTTP/1.1, so that paths and headers arrive as they are written."""

    def __init__(self, port: int) -> None:
        self.port = port

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, data, dict(headers or {}))
            response = connection.getresponse()
            names = {key.lower(): value for key, value in response.getheaders()}
            return Reply(response.status, names, response.read())
        finally:
            connection.close()


@dataclass(frozen=True)
class Edge:
    upstream: Upstream
    public: Client
    operator: Client
    settings: EnvoySettings


def local(*ports: int) -> tuple[Address, ...]:
    return tuple(Address("127.0.0.1", port) for port in ports)


def edge_settings(upstream: Upstream, limits: Limits = LIMITS) -> EnvoySettings:
    public, operator, admin = local(free_port(), free_port(), free_port())
    return EnvoySettings(
        public=public,
        operator=operator,
        admin=admin,
        backend_grpc=local(*upstream.backend_grpc),
        backend_http=local(*upstream.http["backend"]),
        auth_grpc=local(*upstream.auth_grpc),
        auth_http=local(*upstream.http["auth"]),
        frontend=local(*upstream.http["frontend"]),
        limits=limits,
    )


@pytest.fixture(scope="session")
def running_edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    upstream = Upstream(WORKERS)
    upstream.start()
    settings = edge_settings(upstream)
    envoy = EnvoyServer("edge", settings, Path(tmp_path_factory.mktemp("envoy")))
    try:
        envoy.start()
        yield Edge(upstream, Client(settings.public.port), Client(settings.operator.port), settings)
    finally:
        envoy.stop()
        upstream.stop()


@pytest.fixture
def edge(running_edge: Edge) -> Edge:
    running_edge.upstream.reset()
    return running_edge
