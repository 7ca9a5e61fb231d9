"""The replay guard against a real Valkey."""

import asyncio
import os
import signal
import ssl
from typing import Any

import pytest
from servicekit.redis import GUARD_PAUSE_S, ReplayGuard, build_redis

from tests.support.clock import ManualClock
from tests.support.valkey import running_valkey


async def test_a_token_passes_once_however_many_ask_at_once(redis_url: str) -> None:
    client, other = build_redis(redis_url), build_redis(redis_url)
    guards = [
        ReplayGuard(c, prefix="once", clock=ManualClock())
        for c in (client, other)
        for _ in range(10)
    ]
    passed = await asyncio.gather(*(g.first_use("t=1, v1=aa", ttl_ms=60_000) for g in guards))
    assert sum(passed) == 1
    await client.aclose()
    await other.aclose()


async def test_the_life_is_in_milliseconds_and_the_token_is_not_stored(redis_url: str) -> None:
    client = build_redis(redis_url)
    assert await ReplayGuard(client, prefix="life", clock=ManualClock()).first_use(
        b"secret-token", ttl_ms=60_000
    )
    (key,) = await client.keys("life:*")
    assert b"secret" not in key
    assert 0 < await client.pttl(key) <= 60_000
    await client.aclose()


async def test_guards_of_other_prefixes_do_not_meet(redis_url: str) -> None:
    client = build_redis(redis_url)
    assert await ReplayGuard(client, prefix="a", clock=ManualClock()).first_use("x", ttl_ms=60_000)
    assert await ReplayGuard(client, prefix="b", clock=ManualClock()).first_use("x", ttl_ms=60_000)
    await client.aclose()


@pytest.mark.parametrize("end", ["killed", "frozen"])
async def test_without_a_server_each_process_goes_on_with_what_it_remembers(end: str) -> None:
    with running_valkey() as server:
        client = build_redis(server.url)
        clock = ManualClock()
        guard = ReplayGuard(client, prefix="p", clock=clock)
        assert await guard.first_use("x", ttl_ms=60_000)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL if end == "killed" else signal.SIGSTOP)
        assert not await guard.first_use("x", ttl_ms=60_000)
        assert await guard.first_use("y", ttl_ms=60_000)
        assert not await guard.first_use("y", ttl_ms=60_000)
        if end == "frozen":
            os.kill(server.pid, signal.SIGCONT)
        else:
            server.kill()
            server.start()
        await clock.advance(GUARD_PAUSE_S)
        assert await guard.first_use("z", ttl_ms=60_000)
        other = ReplayGuard(client, prefix="p", clock=clock)
        assert not await other.first_use("z", ttl_ms=60_000)
        await client.aclose()


async def test_what_a_process_remembers_is_bounded_and_ends(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("servicekit.redis.GUARD_TOKENS_MAX", 2)
    client = build_redis("redis://127.0.0.1:1")
    clock = ManualClock()
    guard = ReplayGuard(client, prefix="p", clock=clock)
    for token in ("a", "b", "c"):
        assert await guard.first_use(token, ttl_ms=1_000)
    assert await guard.first_use("a", ttl_ms=1_000), "the oldest of more than two is forgotten"
    assert not await guard.first_use("c", ttl_ms=1_000)
    await clock.advance(1.001)
    assert await guard.first_use("c", ttl_ms=1_000)
    await client.aclose()


async def test_naming_an_authority_turns_tls_and_its_checks_on(redis_url: str) -> None:
    client = build_redis("redis://127.0.0.1:1", ca_file="/ca.pem")
    make: Any = client.connection_pool.make_connection
    context = make().ssl_context
    assert context.cert_reqs == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.ca_certs == "/ca.pem"
    await client.aclose()
