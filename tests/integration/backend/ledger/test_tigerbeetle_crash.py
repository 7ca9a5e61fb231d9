"""Nothing is lost and nothing is applied twice when the server or the client is killed."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import pytest

from services.backend.ledger.batching.batcher import BatchedLedger, RetryPolicy
from services.backend.ledger.errors import LedgerUnavailableError, TransferStatus
from services.backend.ledger.ids import derive_id
from services.backend.ledger.model import AccountFlags, NewAccount, Transfer
from services.backend.ledger.tigerbeetle.engine import TigerBeetleLedger
from tests.support.tigerbeetle import TigerBeetleServer, own_server

pytestmark = [pytest.mark.integration, pytest.mark.tigerbeetle]

SOURCE, DESTINATION = 1_001, 1_002
AMOUNT = 7
TRANSFERS = 6_000
IN_FLIGHT = 300
IMPATIENT_S = 0.3
ONCE = RetryPolicy(attempts_max=1)

# The client that is killed: it tells on its standard output which transfers were answered.
CLIENT = """
import asyncio, sys
from tests.integration.backend.ledger import test_tigerbeetle_crash as crash

asyncio.run(crash.run_client(sys.argv[1], int(sys.argv[2])))
"""


@pytest.fixture
def server() -> Iterator[TigerBeetleServer]:
    running = own_server()
    yield running
    running.stop()


@pytest.fixture
async def ledger(server: TigerBeetleServer) -> AsyncIterator[BatchedLedger]:
    engine = await TigerBeetleLedger.open(server.cluster.addresses)
    opened = BatchedLedger(engine)
    await opened.create_accounts(ACCOUNTS)
    yield opened
    await opened.close()


ACCOUNTS = [
    NewAccount(SOURCE, 1, 101, AccountFlags.NONE),
    NewAccount(DESTINATION, 1, 2, AccountFlags.NONE),
]


def transfer(number: int) -> Transfer:
    return Transfer(derive_id("crash", number), SOURCE, DESTINATION, AMOUNT, 1, 1)


async def received(ledger: BatchedLedger | TigerBeetleLedger) -> int:
    return (await ledger.lookup_accounts([DESTINATION]))[DESTINATION].credits_posted


async def submit_all(ledger: BatchedLedger, numbers: range) -> list[TransferStatus]:
    room = asyncio.Semaphore(IN_FLIGHT)

    async def submit(number: int) -> TransferStatus:
        async with room:
            return (await ledger.submit((transfer(number),))).status

    return await asyncio.gather(*(submit(number) for number in numbers))


async def run_client(addresses: str, count: int) -> None:
    """Write transfers for ever more, and print each batch that was answered."""
    ledger = BatchedLedger(await TigerBeetleLedger.open(addresses))
    for start in range(0, count, IN_FLIGHT):
        numbers = range(start, start + IN_FLIGHT)
        statuses = await submit_all(ledger, numbers)
        assert all(status is TransferStatus.CREATED for status in statuses)
        print(numbers.stop, flush=True)  # noqa: T201 the parent reads it
    await ledger.close()


async def test_a_server_killed_under_load_loses_nothing_and_repeats_nothing(
    server: TigerBeetleServer, ledger: BatchedLedger
) -> None:
    loaded = asyncio.create_task(submit_all(ledger, range(TRANSFERS)))
    while await received(ledger) < AMOUNT * TRANSFERS // 10:
        pass
    assert not loaded.done()
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    statuses = await loaded
    assert set(statuses) <= {TransferStatus.CREATED, TransferStatus.EXISTS}
    assert await received(ledger) == AMOUNT * TRANSFERS


async def test_while_the_server_is_down_waiting_is_bounded_and_the_retry_meets_the_outcome(
    server: TigerBeetleServer,
) -> None:
    engine = await TigerBeetleLedger.open(server.cluster.addresses, reply_timeout_s=IMPATIENT_S)
    await engine.create_accounts(ACCOUNTS)
    impatient = BatchedLedger(engine, retry_policy=ONCE)
    await asyncio.to_thread(server.kill)
    with pytest.raises(LedgerUnavailableError):
        await impatient.submit((transfer(1),))
    with pytest.raises(LedgerUnavailableError):
        await impatient.lookup_accounts([DESTINATION])
    await impatient.close()
    await asyncio.to_thread(server.start)
    patient = BatchedLedger(await TigerBeetleLedger.open(server.cluster.addresses))
    assert (await patient.submit((transfer(1),))).ok
    assert await received(patient) == AMOUNT
    await patient.close()


async def test_a_call_given_up_on_is_still_applied_once_the_server_is_back(
    server: TigerBeetleServer,
) -> None:
    engine = await TigerBeetleLedger.open(server.cluster.addresses, reply_timeout_s=IMPATIENT_S)
    await engine.create_accounts(ACCOUNTS)
    server.pause()
    with pytest.raises(LedgerUnavailableError):
        await engine.apply([[transfer(1)]])
    with pytest.raises(LedgerUnavailableError):
        await engine.apply([[transfer(2)]])
    server.resume()
    # Nothing was sent anew: the reads queue up behind the calls that were given up on.
    while await received_eventually(engine) < 2 * AMOUNT:
        pass
    results = await engine.apply([[transfer(1)], [transfer(2)]])
    assert [result.status for result in results] == [TransferStatus.EXISTS] * 2
    await engine.close()


async def received_eventually(engine: TigerBeetleLedger) -> int:
    try:
        return await received(engine)
    except LedgerUnavailableError:
        return 0


async def test_a_refusal_behind_a_lost_reply_is_told_to_the_retry(
    server: TigerBeetleServer,
) -> None:
    engine = await TigerBeetleLedger.open(server.cluster.addresses, reply_timeout_s=IMPATIENT_S)
    limited = AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS
    await engine.create_accounts([NewAccount(SOURCE, 1, 2, limited), ACCOUNTS[1]])
    server.pause()
    with pytest.raises(LedgerUnavailableError):
        await engine.apply([[transfer(1)]])
    server.resume()
    while engine.calls_abandoned:
        await received_eventually(engine)
    [result] = await engine.apply([[transfer(1)]])
    assert result.status is TransferStatus.INSUFFICIENT_BALANCE
    await engine.close()


async def test_a_cancelled_caller_does_not_undo_its_write(
    server: TigerBeetleServer, ledger: BatchedLedger
) -> None:
    server.pause()
    callers = [asyncio.create_task(ledger.submit((transfer(at),))) for at in range(20)]
    await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
    server.resume()
    assert (await ledger.submit((transfer(20),))).status is TransferStatus.CREATED
    assert await received(ledger) == 21 * AMOUNT


async def test_a_client_killed_under_load_is_replayed_by_the_next(
    server: TigerBeetleServer, ledger: BatchedLedger
) -> None:
    arguments = ["-c", CLIENT, server.cluster.addresses, str(1_000_000)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    answered = 0
    try:
        while answered < TRANSFERS // 2:
            line = await process.stdout.readline()
            assert line, "the client ended by itself"
            answered = int(line)
    finally:
        process.kill()
        rest = await process.stdout.read()
        await process.wait()
    answered = max([answered, *(int(line) for line in rest.split(b"\n")[:-1])])
    assert await received(ledger) >= answered * AMOUNT
    statuses = await submit_all(ledger, range(answered + IN_FLIGHT))
    assert statuses[:answered] == [TransferStatus.EXISTS] * answered
    assert all(status.ok for status in statuses)
    assert await received(ledger) == (answered + IN_FLIGHT) * AMOUNT
