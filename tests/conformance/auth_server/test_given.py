"""The authorization server that the environment names; each suite says what it needs to know."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import grpc.aio
import pytest

from tests.conformance.auth_server.grants_suite import GnapServer, GrantSuite
from tests.conformance.auth_server.suite import IntrospectionSuite, Server
from tests.conformance.auth_server.tokens import read_tokens
from tests.integration.auth.wallets import Wallets

pytestmark = pytest.mark.conformance
TARGET = os.environ.get("AUTH_SERVER", "")
TOKENS = os.environ.get("AUTH_SERVER_TOKENS")
URL = os.environ.get("AUTH_SERVER_URL")
IDENTIFIER = os.environ.get("AUTH_SERVER_IDENTIFIER", "")

if not TARGET:
    pytest.skip("AUTH_SERVER names no server to test", allow_module_level=True)


@pytest.fixture
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(TARGET) as channel:
        yield channel


@pytest.fixture
def server(channel: grpc.aio.Channel) -> Server:
    if TOKENS is None:
        pytest.skip("AUTH_SERVER_TOKENS names no file of tokens to ask about")
    return Server(channel, read_tokens(Path(TOKENS)))


@pytest.fixture
async def gnap(channel: grpc.aio.Channel) -> AsyncIterator[GnapServer]:
    if URL is None:
        pytest.skip("AUTH_SERVER_URL names no grant endpoint")
    introspection, wallets = Server(channel, []), Wallets()
    await wallets.start()

    async def is_active(token: str) -> bool:
        return (await introspection.ask(token)).active

    async with aiohttp.ClientSession() as http:
        yield GnapServer(
            endpoint=URL,
            identifier=IDENTIFIER,
            client=wallets.add("client"),
            http=http,
            is_active=is_active,
        )
    await wallets.stop()


class TestGivenIntrospection(IntrospectionSuite):
    pass


class TestGivenGrants(GrantSuite):
    pass
