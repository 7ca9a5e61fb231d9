"""The replay guard against a real Valkey."""

import asyncio
import ssl
from typing import Any

import pytest
from servicekit.errors import Unavailable
from servicekit.redis import ReplayGuard, build_redis

from tests.support.valkey import running_valkey


async def test_a_token_passes_once_however_many_ask_at_once(redis_url: str) -> None:
    client, other = build_redis(redis_url), build_redis(redis_url)
    guards = [ReplayGuard(c, prefix="once") for c in (client, other) for _ in range(10)]
    passed = await asyncio.gather(*(g.first_use("t=1, v1=aa", ttl_ms=60_000) for g in guards))
    assert sum(passed) == 1
    await client.aclose()
    await other.aclose()


async def test_the_life_is_in_milliseconds_and_the_token_is_not_stored(redis_url: str) -> None:
    client = build_redis(redis_url)
    assert await ReplayGuard(client, prefix="life").first_use(b"secret-token", ttl_ms=60_000)
    (key,) = await client.keys("life:*")
    assert b"secret" not in key
    assert 0 < await client.pttl(key) <= 60_000
    await client.aclose()


async def test_guards_of_other_prefixes_do_not_meet(redis_url: str) -> None:
    client = build_redis(redis_url)
    assert await ReplayGuard(client, prefix="a").first_use("x", ttl_ms=60_000)
    assert await ReplayGuard(client, prefix="b").first_use("x", ttl_ms=60_000)
    await client.aclose()


async def test_a_dead_server_is_unavailable_and_a_restarted_one_is_found_again() -> None:
    with running_valkey() as server:
        client = build_redis(server.url)
        guard = ReplayGuard(client, prefix="p")
        assert await guard.first_use("x", ttl_ms=60_000)
        server.kill()
        assert not server.ready()
        with pytest.raises(Unavailable):
            await guard.first_use("y", ttl_ms=60_000)
        server.start()
        assert await guard.first_use("y", ttl_ms=60_000)
        await client.aclose()


async def test_naming_an_authority_turns_tls_and_its_checks_on(redis_url: str) -> None:
    client = build_redis("redis://127.0.0.1:1", ca_file="/ca.pem")
    make: Any = client.connection_pool.make_connection
    context = make().ssl_context
    assert context.cert_reqs == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.ca_certs == "/ca.pem"
    await client.aclose()
