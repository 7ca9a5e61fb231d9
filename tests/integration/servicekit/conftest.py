import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

from tests.support.postgres import database_url, postgres_server
from tests.support.valkey import redis_url, valkey_server

__all__ = ["database_url", "postgres_server", "redis_url", "valkey_server"]

_BOTH_LOOPS = {"test_http_listener"}


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The services run on uvloop, whose transports differ in detail from asyncio's."""
    if item.path.stem in _BOTH_LOOPS:
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}
