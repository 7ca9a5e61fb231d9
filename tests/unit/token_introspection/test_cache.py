"""What is remembered of answers about tokens, and when it is forgotten."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from ilpkit.openpayments.access import AskedAccess
from rafiki.introspection.v1 import introspection_service_pb2 as pb
from token_introspection import (
    INACTIVE,
    ActiveToken,
    CachedIntrospector,
    IntrospectionClient,
    RevocationWatch,
)

from tests.support.told_cache import ToldCache
from tests.support.waiting import until
from tests.unit.token_introspection.conftest import ACTIVE, QUOTE, Served, Server

READ = AskedAccess(type="quote", actions=frozenset({"read"}))


@dataclass
class Time:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def cache_over(served: Served, time: Time, *, watched: bool = False) -> ToldCache:
    client = IntrospectionClient(channel=served[1])
    return ToldCache(client, life_s=10, monotonic=time, entries_max=2, watched=watched)


@asynccontextmanager
async def watching(
    served: Served, cache: CachedIntrospector, on_absent: Callable[[], None] | None = None
) -> AsyncIterator[asyncio.Event]:
    """A watch that stands; the event lets it begin anew."""
    again = asyncio.Event()

    async def sleep(seconds: float) -> None:
        del seconds
        await again.wait()
        again.clear()

    watch = RevocationWatch(channel=served[1], cache=cache, sleep=sleep, on_absent=on_absent)
    task = asyncio.create_task(watch.run())
    try:
        yield again
    finally:
        task.cancel()
        await asyncio.wait([task])


def questions(server: Server) -> list[str]:
    return [request.access_token for request in server.requests]


async def test_an_answer_is_remembered_for_its_time_and_no_more(served: Served) -> None:
    server, time = served[0], Time()
    cache = cache_over(served, time)
    await cache.introspect("T")
    server.reply = {"active": False}
    time.now = 9.9
    assert isinstance(await cache.introspect("T"), ActiveToken)
    time.now = 10.0
    assert await cache.introspect("T") == INACTIVE
    assert questions(server) == ["T", "T"]


async def test_every_question_about_a_token_is_answered_from_all_that_it_allows(
    served: Served,
) -> None:
    alice = {"type": "incoming-payment", "actions": ["read-all"], "identifier": "http://w.test/a"}
    served[0].reply = {**ACTIVE, "access": [QUOTE, alice]}
    cache = cache_over(served, Time())
    for kind, actions, identifier, covered in (
        ("quote", {"read"}, None, ["quote"]),
        ("quote", {"create"}, None, []),
        ("incoming-payment", {"read"}, None, ["incoming-payment"]),
        ("incoming-payment", {"read"}, "http://w.test/a", ["incoming-payment"]),
        ("incoming-payment", {"read"}, "http://w.test/b", []),
        ("incoming-payment", {"read", "list"}, None, []),
    ):
        asked = AskedAccess(type=kind, actions=frozenset(actions), identifier=identifier)  # type: ignore[arg-type] # of a table
        found = await cache.introspect("T", [asked])
        assert isinstance(found, ActiveToken)
        assert [item.type for item in found.access] == covered
    everything = await cache.introspect("T")
    assert isinstance(everything, ActiveToken)
    assert len(everything.access) == 2
    assert [list(request.access) for request in served[0].requests] == [[]]


async def test_where_nothing_is_remembered_the_question_is_passed_on(served: Served) -> None:
    cache = cache_over(served, Time(), watched=True)
    await cache.introspect("T", [READ])
    assert [len(request.access) for request in served[0].requests] == [1]


async def test_the_least_recently_used_goes_first(served: Served) -> None:
    cache = cache_over(served, Time())
    for token in ("T", "U", "T", "V", "T", "U"):
        await cache.introspect(token)
    assert questions(served[0]) == ["T", "U", "V", "U"]


async def test_a_token_that_is_not_active_is_asked_about_each_time(served: Served) -> None:
    served[0].reply = {"active": False}
    cache = cache_over(served, Time())
    for _ in range(2):
        assert await cache.introspect("T") == INACTIVE
    assert len(served[0].requests) == 2


async def test_no_answer_outlives_its_token(served: Served) -> None:
    server, time = served[0], Time()
    server.reply = {**ACTIVE, "expires_in": 3}
    cache = cache_over(served, time)
    await cache.introspect("T")
    time.now = 2.9
    await cache.introspect("T")
    assert len(server.requests) == 1
    time.now = 3.0
    await cache.introspect("T")
    assert len(server.requests) == 2


@pytest.mark.parametrize("wrong", [0, -1, 31])
def test_a_life_out_of_bounds_is_refused(served: Served, wrong: float) -> None:
    inner = IntrospectionClient(channel=served[1])
    with pytest.raises(ValueError, match="life_s"):
        CachedIntrospector(inner, life_s=wrong, monotonic=Time())


async def test_nothing_is_remembered_before_the_watch_stands(served: Served) -> None:
    cache = cache_over(served, Time(), watched=True)
    for _ in range(2):
        await cache.introspect("T")
    assert len(served[0].requests) == 2


@pytest.mark.parametrize(
    ("notice", "forgotten"),
    [
        (pb.WatchRevocationsResponse(grants=["g"]), True),
        (pb.WatchRevocationsResponse(grants=["other", "g"]), True),
        (pb.WatchRevocationsResponse(all=True), True),
        (pb.WatchRevocationsResponse(grants=["other"]), False),
    ],
)
async def test_a_revocation_is_heard_at_once(
    served: Served, notice: pb.WatchRevocationsResponse, *, forgotten: bool
) -> None:
    server = served[0]
    cache = cache_over(served, Time(), watched=True)
    async with watching(served, cache):
        await cache.hears("opened")
        await cache.introspect("T")
        assert server.watchers is not None
        server.watchers[0].put_nowait(notice)
        await cache.hears("forget all" if notice.all else "forget")
        await cache.introspect("T")
        assert questions(server) == (["T", "T"] if forgotten else ["T"])


async def test_an_answer_that_was_under_way_during_a_revocation_is_not_remembered(
    served: Served,
) -> None:
    server = served[0]
    cache = cache_over(served, Time())
    server.gate.clear()
    asking = asyncio.create_task(cache.introspect("T"))
    await until(lambda: bool(server.requests))
    cache.forget(["another"])
    server.gate.set()
    await asking
    await cache.introspect("T")
    assert len(server.requests) == 2


async def test_when_the_watch_ends_everything_is_forgotten_until_the_next_stands(
    served: Served,
) -> None:
    server = served[0]
    cache = cache_over(served, Time(), watched=True)
    async with watching(served, cache) as again:
        await cache.hears("opened")
        await cache.introspect("T")
        assert server.watchers is not None
        server.watchers[0].put_nowait(None)
        await cache.hears("closed")
        for _ in range(2):
            await cache.introspect("T")
        assert questions(server) == ["T"] * 3
        again.set()
        await cache.hears("opened")
        for _ in range(2):
            await cache.introspect("T")
        assert questions(server) == ["T"] * 4


async def test_a_server_that_tells_no_revocations_is_lived_with(served: Served) -> None:
    server = served[0]
    server.watchers = None
    absent = asyncio.Event()
    cache = cache_over(served, Time(), watched=True)
    async with watching(served, cache, absent.set):
        await absent.wait()
        for _ in range(2):
            await cache.introspect("T")
        assert len(server.requests) == 2
