import asyncio
from collections.abc import Mapping, Sequence

import pytest

from services.backend.ledger.errors import InvalidQueryError, LedgerOverloadedError
from services.backend.ledger.memory.engine import MemoryLedger
from services.backend.ledger.model import Account, AccountFlags, NewAccount, Transfer
from services.backend.ledger.wrappers import BoundedReader, ObservedEngine
from tests.support.clock import ManualClock


class Notes:
    def __init__(self) -> None:
        self.lines: list[tuple[object, ...]] = []

    def applied(self, *, chains: int, refused: int, transfers: int, seconds: float) -> None:
        self.lines.append((chains, refused, transfers, seconds))

    def failed(self, *, operation: str, error: BaseException, seconds: float) -> None:
        self.lines.append((operation, type(error), seconds))


async def test_batches_and_failures_are_reported() -> None:
    notes, ticks = Notes(), iter(range(100))
    engine = ObservedEngine(
        MemoryLedger(clock=ManualClock()), notes, monotonic=lambda: float(next(ticks))
    )
    await engine.create_accounts([NewAccount(number, 1, 3, AccountFlags.NONE) for number in (1, 2)])
    ok = (Transfer(10, 1, 2, 5, 1, 1), Transfer(11, 2, 1, 5, 1, 1))
    refused = (Transfer(12, 1, 9, 5, 1, 1),)
    await engine.apply([ok, refused])
    assert notes.lines == [(2, 1, 3, 3.0 - 1.0)]
    notes.lines.clear()
    with pytest.raises(InvalidQueryError):
        await engine.history(1, limit=0)
    assert [line[0] for line in notes.lines] == ["history"]
    assert set(await engine.lookup_accounts([1, 2, 3])) == {1, 2}
    assert set(await engine.lookup_transfers([10, 12])) == {10}
    assert engine.batch_transfers_max == 8_000
    await engine.close()


async def test_lookups_beyond_the_limit_are_refused_until_one_ends() -> None:
    gate = asyncio.Event()

    class Slow(MemoryLedger):
        async def lookup_accounts(self, account_ids: Sequence[int]) -> Mapping[int, Account]:
            await gate.wait()
            return {}

    reader = BoundedReader(Slow(clock=ManualClock()), calls_max=1)
    first = asyncio.create_task(reader.lookup_accounts([1]))
    await asyncio.sleep(0)
    with pytest.raises(LedgerOverloadedError, match="1 of 1 lookups"):
        await reader.lookup_transfers([1])
    gate.set()
    await first
    assert not await reader.lookup_transfers([1])
    assert (await reader.history(1, limit=1)).transfers == ()
