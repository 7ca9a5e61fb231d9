"""Whatever dies between any two steps: nothing is half done, nothing acknowledged is lost."""

import asyncio
import signal

import asyncpg
import pytest

from services.backend.ledger.batching.batcher import BatchedLedger
from services.backend.ledger.errors import TransferStatus
from services.backend.ledger.postgres.engine import PostgresLedger
from services.backend.migrations.run import upgrade
from tests.integration.backend.ledger import workload
from tests.integration.backend.ledger.audit import applied, audit
from tests.integration.backend.ledger.faults import MOMENTS, Fault, Strike, faulty
from tests.integration.backend.ledger.processes import write
from tests.support.postgres import TestPostgres

pytestmark = pytest.mark.integration
CHAINS = 60


@pytest.mark.parametrize(("when", "statement"), MOMENTS)
async def test_a_killed_writer_leaves_whole_chains_and_can_be_run_again(
    ledger: BatchedLedger, ledger_url: str, when: str, statement: str
) -> None:
    options = {"seed": 4, "chains": CHAINS}
    killed = await write(ledger_url, when=when, statement=statement, batch=2, **options)
    assert killed.returncode == -signal.SIGKILL, killed.errors
    await audit(ledger_url)
    chains = workload.chains(4, CHAINS)
    before = await applied(ledger_url, chains)
    assert len(killed.statuses) <= before < CHAINS
    again = await write(ledger_url, **options)
    assert again.returncode == 0, again.errors
    expected = ["Created"] * (CHAINS - before) + ["Exists"] * before
    assert sorted(again.statuses.values()) == expected
    assert await applied(ledger_url, chains) == CHAINS
    await audit(ledger_url)


async def run_with_fault(url: str, *, when: str, statement: str, fault: Fault) -> None:
    """Write a workload while the fault strikes once; each caller must get an answer."""
    upgrade(url, "0100_apply_batch")
    plain = BatchedLedger(PostgresLedger(url))
    await workload.prepare(plain, plain)
    await plain.close()
    strike = Strike(when=when, statement=statement, batch=2, fault=fault)
    engine = PostgresLedger(url, batch_transfers_max=64, connect=faulty(strike))
    ledger = BatchedLedger(engine)
    chains = workload.chains(5, CHAINS)
    results = await asyncio.gather(*[ledger.submit(chain) for chain in chains])
    assert strike.struck
    assert {result.status for result in results} <= {
        TransferStatus.CREATED,
        TransferStatus.EXISTS,
    }
    again = await asyncio.gather(*[ledger.submit(chain) for chain in chains])
    assert {result.status for result in again} == {TransferStatus.EXISTS}
    await ledger.close()
    assert await applied(url, chains) == CHAINS
    await audit(url)


@pytest.mark.parametrize(("when", "statement"), MOMENTS)
async def test_a_killed_server_loses_nothing_that_was_acknowledged(
    durable_server: TestPostgres, when: str, statement: str
) -> None:
    server = durable_server.server

    async def kill_and_restart() -> None:
        server.kill()
        server.start()  # not in a thread: it would end with it

    url = durable_server.create_database()
    await run_with_fault(url, when=when, statement=statement, fault=kill_and_restart)
    durable_server.drop_database(url)


@pytest.mark.parametrize(("when", "statement"), MOMENTS)
async def test_a_lost_reply_is_asked_for_again(
    durable_server: TestPostgres, when: str, statement: str
) -> None:
    """Above all after COMMIT: the batch is in the ledger, and only its caller doesn't know."""

    async def lose_connection() -> None:
        raise asyncpg.ConnectionDoesNotExistError("the reply is lost")

    url = durable_server.create_database()
    await run_with_fault(url, when=when, statement=statement, fault=lose_connection)
    durable_server.drop_database(url)


async def test_a_server_killed_under_load_comes_back_whole(durable_server: TestPostgres) -> None:
    """Without a chosen moment: two processes write, the server dies twice."""
    url = durable_server.create_database()
    upgrade(url, "0100_apply_batch")
    ledger = BatchedLedger(PostgresLedger(url))
    await workload.prepare(ledger, ledger)
    writers = [
        asyncio.create_task(write(url, seed=seed, chains=2_000, callers=64)) for seed in (6, 7)
    ]
    for _ in range(2):
        start = await transfers(url)
        while await transfers(url) < start + 300:
            pass  # each look is a query, so the writers run meanwhile
        durable_server.server.kill()
        durable_server.server.start()
    for seed, outcome in zip((6, 7), await asyncio.gather(*writers), strict=True):
        assert outcome.returncode == 0, outcome.errors
        assert len(outcome.statuses) == 2_000
        assert set(outcome.statuses.values()) <= {"Created", "Exists"}
        assert await applied(url, workload.chains(seed, 2_000)) == 2_000
    await audit(url)
    await ledger.close()


async def transfers(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM ledger.transfers"))
    finally:
        await connection.close()
