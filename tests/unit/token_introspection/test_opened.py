"""Introspection in one line, with an event loop and without."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import grpc.aio
import pytest
from token_introspection import (
    ActiveToken,
    BlockingIntrospection,
    IntrospectionFailed,
    open_introspection,
)

from tests.support.waiting import until
from tests.unit.token_introspection.conftest import Served


async def test_a_server_that_tells_of_revocations_is_watched(served: Served) -> None:
    server, _ = served
    async with open_introspection(server.target) as tokens:
        assert isinstance(await tokens.introspect("T"), ActiveToken)
        await until(lambda: bool(server.watchers))


async def test_many_threads_ask_without_an_event_loop(served: Served) -> None:
    server, _ = served
    server.watchers = None

    def ask() -> list[bool]:
        with BlockingIntrospection(server.target) as tokens, ThreadPoolExecutor(4) as threads:
            found = threads.map(tokens.introspect, [f"T{number}" for number in range(12)])
            return [isinstance(answer, ActiveToken) for answer in found]

    assert await asyncio.to_thread(ask) == [True] * 12
    assert {request.access_token for request in server.requests} == {f"T{n}" for n in range(12)}


async def test_a_failure_is_told_without_an_event_loop_too(served: Served) -> None:
    server, _ = served
    server.failure = grpc.StatusCode.PERMISSION_DENIED

    def ask() -> None:
        tokens = BlockingIntrospection(server.target)
        try:
            tokens.introspect("T")
        finally:
            tokens.close()
            tokens.close()

    with pytest.raises(IntrospectionFailed):
        await asyncio.to_thread(ask)
