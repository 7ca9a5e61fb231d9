"""The authorization server that the environment names: its `host:port`, and a file of tokens."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import grpc.aio
import pytest

from tests.conformance.auth_server.suite import IntrospectionSuite, Server
from tests.conformance.auth_server.tokens import read_tokens

pytestmark = pytest.mark.conformance
TARGET = os.environ.get("AUTH_SERVER")
TOKENS = os.environ.get("AUTH_SERVER_TOKENS")


if TARGET is None or TOKENS is None:
    pytest.skip(
        "AUTH_SERVER and AUTH_SERVER_TOKENS name no server to test", allow_module_level=True
    )


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    assert TARGET is not None
    assert TOKENS is not None
    async with grpc.aio.insecure_channel(TARGET) as channel:
        yield Server(channel, read_tokens(Path(TOKENS)))


class TestGivenServer(IntrospectionSuite):
    pass
