"""Calls of many callers as one call of the engine."""

import asyncio
from collections.abc import Sequence

import pytest

from services.backend.ledger.batching.gathering import CALLS_MAX, Gathering
from services.backend.ledger.errors import LedgerUnavailableError


class Engine:
    """Doubles numbers, when it is let."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.calls.append(list(items))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return [2 * item for item in items]


async def turns(number: int = 5) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_callers_of_one_turn_share_a_call_and_each_gets_its_own() -> None:
    engine = Engine()
    engine.gate.set()
    gathered = Gathering(engine, items_max=100)
    assert await asyncio.gather(*(gathered([n, n + 1]) for n in range(3))) == [
        [0, 2],
        [2, 4],
        [4, 6],
    ]
    assert engine.calls == [[0, 1, 1, 2, 2, 3]]


async def test_a_call_that_hangs_holds_nobody_up_until_all_do() -> None:
    engine = Engine()
    gathered = Gathering(engine, items_max=100)
    callers = []
    for number in range(CALLS_MAX + 3):
        callers.append(asyncio.create_task(gathered([number])))
        await turns()
    assert engine.calls == [[number] for number in range(CALLS_MAX)]
    engine.gate.set()
    assert await asyncio.gather(*callers) == [[2 * n] for n in range(CALLS_MAX + 3)]
    assert engine.calls[CALLS_MAX:] == [[CALLS_MAX, CALLS_MAX + 1, CALLS_MAX + 2]]
    await gathered.drain()


async def test_who_asks_just_as_the_last_calls_end_is_answered() -> None:
    engine = Engine()
    gathered = Gathering(engine, items_max=100)

    async def ask(number: int, *, times: int) -> int:
        return sum([sum(await gathered([number])) for _ in range(times)])

    callers = []
    for number in range(CALLS_MAX):
        callers.append(asyncio.create_task(ask(number, times=20)))
        await turns()
    engine.gate.set()
    async with asyncio.timeout(10):
        assert await asyncio.gather(*callers) == [40 * n for n in range(CALLS_MAX)]


async def test_no_call_has_more_than_the_engine_takes() -> None:
    engine = Engine()
    engine.gate.set()
    gathered = Gathering(engine, items_max=3)
    await asyncio.gather(*(gathered([n, n]) for n in range(4)))
    assert all(len(call) <= 3 for call in engine.calls)


async def test_a_caller_that_goes_away_takes_nothing_from_the_others() -> None:
    engine = Engine()
    gathered = Gathering(engine, items_max=100)
    leaving, staying = (asyncio.create_task(gathered([n])) for n in (1, 2))
    await turns()
    leaving.cancel()
    await turns()
    engine.gate.set()
    assert await staying == [4]


async def test_each_caller_hears_of_a_failure_by_an_error_of_its_own() -> None:
    engine = Engine()
    engine.gate.set()
    engine.error = OSError("down")
    gathered = Gathering(engine, items_max=100)
    errors = await asyncio.gather(gathered([1]), gathered([2]), return_exceptions=True)
    assert all(isinstance(error, LedgerUnavailableError) for error in errors)
    assert errors[0] is not errors[1]
    engine.error = None
    assert await gathered([3]) == [6]


@pytest.mark.parametrize("items", [[], [1]])
async def test_items_may_be_none_at_all(items: list[int]) -> None:
    engine = Engine()
    engine.gate.set()
    assert await Gathering(engine, items_max=1)(items) == [2 * item for item in items]
