import asyncio
from datetime import UTC

from servicekit.clock import Clock, SystemClock

from tests.support.clock import ManualClock


async def test_the_system_clock_tells_one_time_in_its_three_forms() -> None:
    clock: Clock = SystemClock()
    before = clock.now_ms()
    now = clock.now()
    assert now.tzinfo is UTC
    assert before <= int(now.timestamp() * 1000) + 1
    first = clock.monotonic()
    await clock.sleep(-1)
    assert clock.monotonic() >= first


async def test_the_manual_clock_wakes_sleepers_in_order_at_their_moment() -> None:
    clock = ManualClock()
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.monotonic()))

    tasks = [asyncio.create_task(sleeper("late", 3)), asyncio.create_task(sleeper("early", 1))]
    await clock.advance(2)
    assert woken == [("early", 1)]
    assert clock.sleeping == 1
    await clock.advance(1)
    assert woken == [("early", 1), ("late", 3)]
    await asyncio.gather(*tasks)
