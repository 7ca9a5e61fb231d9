"""The document cache: one fetch for many, bounded, and honest about failures."""

import asyncio

import pytest
from servicekit.document_cache import FAILURE_LIFE_S, DocumentCache
from servicekit.documents import FetchFailed

from tests.support.clock import ManualClock


class Source:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self, url: str) -> str:
        self.asked.append(url)
        await self.gate.wait()
        if self.fails:
            raise FetchFailed("away")
        return f"{url}#{len(self.asked)}"


def cache(source: Source, clock: ManualClock, entries_max: int = 10) -> DocumentCache[str]:
    return DocumentCache(clock=clock, fetch=source.fetch, life_s=60, entries_max=entries_max)


async def test_many_askers_share_one_fetch() -> None:
    source, clock = Source(), ManualClock()
    source.gate.clear()
    kept = cache(source, clock)
    askers = [asyncio.create_task(kept.get("a")) for _ in range(5)]
    await clock.advance(0)
    askers[0].cancel()
    source.gate.set()
    assert {await caller for caller in askers[1:]} == {"a#1"}
    assert source.asked == ["a"]


async def test_a_document_lives_its_time() -> None:
    source, clock = Source(), ManualClock()
    kept = cache(source, clock)
    await kept.get("a")
    await clock.advance(59)
    assert await kept.get("a") == "a#1"
    await clock.advance(1)
    assert await kept.get("a") == "a#2"


async def test_an_asker_may_want_it_younger() -> None:
    source, clock = Source(), ManualClock()
    kept = cache(source, clock)
    await kept.get("a")
    await clock.advance(9)
    assert await kept.get("a", age_s_max=10) == "a#1"
    await clock.advance(1)
    assert await kept.get("a", age_s_max=10) == "a#2"


async def test_a_failure_is_repeated_for_a_moment_only() -> None:
    source, clock = Source(), ManualClock()
    kept = cache(source, clock)
    source.fails = True
    for _ in range(2):
        with pytest.raises(FetchFailed):
            await kept.get("a")
    assert len(source.asked) == 1
    source.fails = False
    await clock.advance(FAILURE_LIFE_S)
    assert await kept.get("a") == "a#2"


async def test_the_least_recently_used_goes_first() -> None:
    source, clock = Source(), ManualClock()
    kept = cache(source, clock, entries_max=2)
    for url in ("a", "b", "a", "c", "a", "b"):
        await kept.get(url)
    assert source.asked == ["a", "b", "c", "b"]
