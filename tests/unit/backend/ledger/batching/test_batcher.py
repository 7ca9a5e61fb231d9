import asyncio
from collections.abc import Sequence

import pytest

from services.backend.ledger.batching.batcher import BatchedLedger, RetryPolicy
from services.backend.ledger.errors import (
    InvalidChainError,
    LedgerClosedError,
    LedgerOverloadedError,
    LedgerUnavailableError,
    TransferStatus,
)
from services.backend.ledger.interface import Chain
from services.backend.ledger.memory.engine import MemoryLedger
from services.backend.ledger.model import AccountFlags, ChainResult, NewAccount, Transfer
from tests.support.clock import ManualClock

PAYER, PAYEE = 1, 2


class GatedLedger(MemoryLedger):
    """A memory engine that waits at a gate before each batch, and fails when told to."""

    def __init__(self, *, batch_transfers_max: int = 100) -> None:
        super().__init__(clock=ManualClock(), batch_transfers_max=batch_transfers_max)
        self.gate = asyncio.Event()
        self.gate.set()
        self.batches: list[list[int]] = []
        self.failures: list[Exception] = []
        self.lost_replies = 0
        self.closings = 0

    async def apply(
        self, chains: Sequence[Chain], *, opening: Sequence[NewAccount] = ()
    ) -> list[ChainResult]:
        self.batches.append([transfer.id for chain in chains for transfer in chain])
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        results = await super().apply(chains, opening=opening)
        if self.lost_replies:
            self.lost_replies -= 1
            raise LedgerUnavailableError("the reply is lost")
        return results

    async def close(self) -> None:
        self.closings += 1


@pytest.fixture
async def engine() -> GatedLedger:
    engine = GatedLedger()
    await engine.create_accounts(
        [
            NewAccount(PAYER, 1, 101, AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS),
            NewAccount(PAYEE, 1, 3, AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS),
        ]
    )
    return engine


def single(transfer_id: int, amount: int = 1) -> Transfer:
    return Transfer(transfer_id, PAYER, PAYEE, amount, 1, 1)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_arrives_in_flight_forms_the_next_batch(engine: GatedLedger) -> None:
    ledger = BatchedLedger(engine)
    engine.gate.clear()
    first = asyncio.create_task(ledger.submit((single(10),)))
    await settle()
    others = [asyncio.create_task(ledger.submit((single(number),))) for number in (13, 11, 12)]
    await settle()
    assert engine.batches == [[10]]
    engine.gate.set()
    results = await asyncio.gather(first, *others)
    assert engine.batches == [[10], [13, 11, 12]]
    assert all(result.ok for result in results)


async def test_callers_of_one_turn_share_a_batch(engine: GatedLedger) -> None:
    ledger = BatchedLedger(engine)
    await asyncio.gather(*[ledger.submit((single(number),)) for number in range(10, 40)])
    assert engine.batches == [list(range(10, 40))]


async def test_each_caller_gets_the_result_of_its_own_chain(engine: GatedLedger) -> None:
    ledger = BatchedLedger(engine)
    good = (single(10, 5),)
    bad = (single(11), Transfer(12, PAYEE, PAYER, 99, 1, 1))
    unknown = (Transfer(13, PAYER, 77, 1, 1, 1),)
    results = await asyncio.gather(*[ledger.submit(chain) for chain in (good, bad, unknown, good)])
    assert [(result.status, result.length, result.failed_at) for result in results] == [
        (TransferStatus.CREATED, 1, 0),
        (TransferStatus.INSUFFICIENT_BALANCE, 2, 1),
        (TransferStatus.UNKNOWN_DESTINATION_ACCOUNT, 1, 0),
        (TransferStatus.EXISTS, 1, 0),
    ]


async def test_a_chain_is_never_split_over_batches() -> None:
    engine = GatedLedger(batch_transfers_max=4)
    ledger = BatchedLedger(engine)
    chains = [tuple(single(10 * at + leg) for leg in range(3)) for at in range(1, 4)]
    await asyncio.gather(*[ledger.submit(chain) for chain in chains])
    assert engine.batches == [[10, 11, 12], [20, 21, 22], [30, 31, 32]]


async def test_a_caller_that_goes_away_takes_nothing_back(engine: GatedLedger) -> None:
    ledger = BatchedLedger(engine)
    engine.gate.clear()
    in_flight = asyncio.create_task(ledger.submit((single(10),)))
    await settle()
    queued = asyncio.create_task(ledger.submit((single(11),)))
    stays = asyncio.create_task(ledger.submit((single(12),)))
    await settle()
    in_flight.cancel()
    queued.cancel()
    engine.gate.set()
    assert (await stays).ok
    assert set(await ledger.lookup_transfers([10, 11, 12])) == {10, 11, 12}
    assert in_flight.cancelled()
    assert queued.cancelled()


async def test_a_full_queue_refuses_and_recovers(engine: GatedLedger) -> None:
    ledger = BatchedLedger(engine, queued_transfers_max=3)
    engine.gate.clear()
    tasks = [asyncio.create_task(ledger.submit((single(10),)))]
    await settle()
    tasks.append(asyncio.create_task(ledger.submit((single(11), single(12)))))
    await settle()
    with pytest.raises(LedgerOverloadedError, match="retry later under the same ids") as caught:
        await ledger.submit((single(13), single(14)))
    assert (caught.value.queued, caught.value.queued_max) == (2, 3)
    tasks.append(asyncio.create_task(ledger.submit((single(15),))))
    await settle()
    engine.gate.set()
    assert all(result.ok for result in await asyncio.gather(*tasks))
    assert not await ledger.lookup_transfers([13, 14])
    assert (await ledger.submit((single(13), single(14)))).ok


async def test_malformed_transfers_never_reach_the_engine(engine: GatedLedger) -> None:
    ledger = BatchedLedger(engine)
    assert (await ledger.submit((single(10, 0),))).status is TransferStatus.INVALID_AMOUNT
    with pytest.raises(InvalidChainError):
        await ledger.submit(())
    assert engine.batches == []


async def test_an_unknown_outcome_is_retried_under_the_same_ids(engine: GatedLedger) -> None:
    clock = ManualClock()
    policy = RetryPolicy(attempts_max=5, delay_s_min=1, delay_s_max=3)
    ledger = BatchedLedger(engine, retry_policy=policy, clock=clock)
    engine.lost_replies = 3
    task = asyncio.create_task(ledger.submit((single(10, 7),)))
    for tries, delay_s in enumerate([1, 2, 3], 1):
        await settle()
        assert engine.batches == [[10]] * tries
        await clock.advance(delay_s - 0.5)
        assert engine.batches == [[10]] * tries
        await clock.advance(0.5)
    assert (await task).status is TransferStatus.EXISTS
    assert (await ledger.lookup_accounts([PAYEE]))[PAYEE].credits_posted == 7


async def test_retries_are_bounded_and_the_next_batch_is_tried_anew(engine: GatedLedger) -> None:
    policy = RetryPolicy(attempts_max=3, delay_s_min=0, delay_s_max=0)
    ledger = BatchedLedger(engine, retry_policy=policy)
    engine.failures = [LedgerUnavailableError("down") for _ in range(3)]
    results = await asyncio.gather(
        ledger.submit((single(10),)), ledger.submit((single(11),)), return_exceptions=True
    )
    assert [type(result) for result in results] == [LedgerUnavailableError] * 2
    assert results[0] is not results[1]
    assert (await ledger.submit((single(10),))).ok


async def test_an_engines_bug_is_told_as_an_unknown_outcome(engine: GatedLedger) -> None:
    ledger = BatchedLedger(engine)
    engine.failures = [ZeroDivisionError()]
    with pytest.raises(LedgerUnavailableError, match="outcome is unknown") as caught:
        await ledger.submit((single(10),))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert (await ledger.submit((single(11),))).ok


async def test_close_writes_out_what_was_taken(engine: GatedLedger) -> None:
    ledger = BatchedLedger(engine)
    engine.gate.clear()
    tasks = [asyncio.create_task(ledger.submit((single(number),))) for number in (10, 11)]
    await settle()
    tasks.append(asyncio.create_task(ledger.submit((single(12),))))
    await settle()
    closing = asyncio.create_task(ledger.close())
    await settle()
    with pytest.raises(LedgerClosedError):
        await ledger.submit((single(13),))
    assert engine.closings == 0
    engine.gate.set()
    await closing
    assert engine.closings == 1
    assert all(result.ok for result in await asyncio.gather(*tasks))
    assert set(await ledger.lookup_transfers([10, 11, 12, 13])) == {10, 11, 12}


async def test_how_the_last_batch_left_an_account_is_known_without_asking(
    engine: GatedLedger,
) -> None:
    ledger = BatchedLedger(engine)
    assert ledger.last_seen(PAYEE) is None
    for number, total in ((1, 5), (2, 10)):
        await ledger.submit((Transfer(number, PAYER, PAYEE, 5, 1, 1),))
        seen = ledger.last_seen(PAYEE)
        assert seen is not None
        assert seen.credits_posted == total
    await ledger.submit((Transfer(3, PAYEE, PAYER, 1_000, 1, 1),))  # refused
    assert ledger.last_seen(PAYEE) == seen
