"""What is particular to the Postgres engine: its constraints, failures, clock and sweep."""

import asyncio
from typing import Any

import asyncpg
import pytest

from services.backend.ledger.batching.batcher import BatchedLedger, RetryPolicy
from services.backend.ledger.errors import LedgerError, LedgerUnavailableError, TransferStatus
from services.backend.ledger.model import NewAccount, Transfer, TransferKind, post
from services.backend.ledger.postgres.connection import connect
from services.backend.ledger.postgres.engine import DUE_TRANSFERS_MAX, PostgresLedger
from services.backend.ledger.rules.chart import FLAGS, AccountCode
from services.backend.migrations.run import upgrade, upgrade_async
from tests.integration.backend.ledger import workload
from tests.integration.backend.ledger.audit import audit
from tests.support.clock import ManualClock
from tests.support.postgres import TestPostgres, free_port

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger.transfers SET amount = amount + 1",
        "DELETE FROM ledger.transfers",
        "TRUNCATE ledger.transfers",
        "DELETE FROM ledger.accounts",
        "TRUNCATE ledger.accounts",
        "DELETE FROM ledger.pending_transfers",
        "TRUNCATE ledger.pending_transfers",
    ],
)
async def test_what_was_written_stays(
    ledger: BatchedLedger, ledger_url: str, statement: str
) -> None:
    connection: Any = await asyncpg.connect(ledger_url)
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await connection.execute(statement)
    await connection.close()


@pytest.mark.parametrize(
    ("column", "constraint"),
    [
        ("debits_posted", "debits_must_not_exceed_credits"),
        ("debits_pending", "debits_must_not_exceed_credits"),
    ],
)
async def test_the_database_itself_refuses_an_overdraft(
    ledger: BatchedLedger, ledger_url: str, column: str, constraint: str
) -> None:
    connection: Any = await asyncpg.connect(ledger_url)
    with pytest.raises(asyncpg.CheckViolationError, match=constraint):
        await connection.execute(
            f"UPDATE ledger.accounts SET {column} = credits_posted + 1 WHERE code = 3"  # noqa: S608 - two constants
        )
    with pytest.raises(asyncpg.CheckViolationError, match="credits_must_not_exceed_debits"):
        await connection.execute(
            "UPDATE ledger.accounts SET credits_pending = debits_posted + 1 WHERE code = 101"
        )
    await connection.close()


async def test_a_missing_schema_is_named_with_its_remedy(postgres_server: TestPostgres) -> None:
    url = postgres_server.create_database()
    engine = PostgresLedger(url)
    with pytest.raises(LedgerError, match="run the backend's migrations"):
        await engine.open()
    with pytest.raises(LedgerError, match="run the backend's migrations"):
        await engine.apply([[Transfer(1, 2, 3, 4, 5, 6)]])
    await engine.close()
    postgres_server.drop_database(url)


async def test_a_server_that_is_not_there_is_an_unknown_outcome() -> None:
    engine = PostgresLedger(f"postgresql://rafiki@127.0.0.1:{free_port()}/none")
    policy = RetryPolicy(attempts_max=2, delay_s_min=0, delay_s_max=0)
    ledger = BatchedLedger(engine, retry_policy=policy)
    with pytest.raises(LedgerUnavailableError):
        await ledger.submit((Transfer(1, 2, 3, 4, 5, 6),))
    with pytest.raises(LedgerUnavailableError):
        await ledger.lookup_accounts([1])
    await ledger.close()


async def test_a_wrong_password_is_told_at_once(postgres_server: TestPostgres) -> None:
    engine = PostgresLedger(postgres_server.server.url().replace(":", ":x", 2).replace("x//", "//"))
    with pytest.raises(LedgerError, match="password authentication failed"):
        await engine.open()


async def test_more_expired_transfers_than_one_sweep_takes_are_all_released(
    ledger_url: str,
) -> None:
    clock = ManualClock()
    engine = PostgresLedger(ledger_url, clock=clock)
    await workload.prepare(engine, BatchedLedger(engine))
    payer, payee = workload.account_id(0), workload.account_id(1)
    count = 2 * DUE_TRANSFERS_MAX + 10
    pendings = [
        [Transfer(50_000 + at, payer, payee, 1, 7, 1, TransferKind.PENDING, timeout_s=1)]
        for at in range(count)
    ]
    for start in range(0, count, 1_000):
        await engine.apply(pendings[start : start + 1_000])
    assert (await engine.lookup_accounts([payer]))[payer].debits_pending == count
    await clock.advance(2)
    # All of it is needed, so all of it must be free before the batch is evaluated.
    whole = Transfer(60_000, payer, payee, workload.FUNDS, 7, 1)
    (result,) = await engine.apply([[whole]])
    assert result.ok
    assert (await engine.lookup_accounts([payer]))[payer].debits_pending == 0
    await audit(ledger_url)
    await engine.close()


async def test_time_is_the_databases_when_no_clock_is_given(
    ledger: BatchedLedger, ledger_url: str
) -> None:
    payer, payee = workload.account_id(0), workload.account_id(1)
    result = await ledger.submit((Transfer(70_000, payer, payee, 1, 7, 1),))
    connection: Any = await asyncpg.connect(ledger_url)
    now_ns = await connection.fetchval("SELECT ledger.now_ns()")
    await connection.close()
    assert 0 <= now_ns - result.timestamps[0] < 3600 * 10**9


async def test_migrating_twice_at_once_is_no_trouble(postgres_server: TestPostgres) -> None:
    url = postgres_server.create_database()
    await asyncio.gather(*[upgrade_async(url, "0100_apply_batch") for _ in range(3)])
    upgrade(url, "0100_apply_batch")
    engine = PostgresLedger(url)
    account = NewAccount(5, 5, 101, FLAGS[AccountCode.SETTLEMENT])
    (result,) = await engine.create_accounts([account])
    assert result.status.ok
    await engine.close()
    postgres_server.drop_database(url)


GROW = (
    """
    INSERT INTO ledger.accounts (id, ledger, code, flags, user_data_128, user_data_64, user_data_32,
            "timestamp")
        SELECT md5('account' || n)::uuid, 7, 3, 2, md5('asset')::uuid, 0, 0, 1
        FROM generate_series($1::integer, $2::integer) n
    """,
    """
    INSERT INTO ledger.transfers (id, debit_account_id, credit_account_id, amount, ledger, code,
            kind, timeout_s, "timestamp")
        SELECT md5('transfer' || n)::uuid, md5('account' || n)::uuid,
            md5('account' || n + 1)::uuid, 1, 7, 1, 1, 9, 1
        FROM generate_series($1::integer, $2::integer - 1) n
    """,
    """
    INSERT INTO ledger.pending_transfers
        SELECT md5('transfer' || n)::uuid, md5('account' || n)::uuid,
            md5('account' || n + 1)::uuid, 1, 7, 1, 9223372036854775807, 0
        FROM generate_series($1::integer, $2::integer - 1) n
    """,
)
ROWS_READ = """
SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))
    + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = 'ledger')
FROM pg_stat_user_tables WHERE schemaname = 'ledger'
"""


async def test_what_is_read_does_not_grow_with_the_ledger(ledger_url: str) -> None:
    """Plans that were made on small tables stay with the connection; they must not scan."""
    engine = PostgresLedger(ledger_url, read_connections_max=1)
    ledger = BatchedLedger(engine)
    await workload.prepare(ledger, ledger)
    made = workload.chains(11, 400)
    connection: Any = await asyncpg.connect(ledger_url)

    async def work(chains: list[workload.Chain]) -> int:
        """Use every statement, and return how many rows Postgres read for it."""
        pool = await engine._readers()
        before = await connection.fetchval(ROWS_READ)
        for at in range(0, len(chains), 20):
            await engine.apply(chains[at : at + 20])
        await ledger.lookup_accounts([workload.account_id(0)])
        await ledger.lookup_transfers(workload.ids(chains))
        await ledger.history(workload.account_id(0), limit=10)
        await ledger.history(workload.account_id(0), limit=10, newest_first=True)
        await ledger.create_accounts([NewAccount(7, 7, 101, FLAGS[AccountCode.SETTLEMENT])])
        assert engine._writer is not None
        for each in (engine._writer, pool):
            await each.execute("SELECT pg_stat_force_next_flush()")
        await connection.execute("SELECT pg_stat_clear_snapshot()")
        return int(await connection.fetchval(ROWS_READ) - before)

    async def grow(first: int, last: int) -> None:
        for statement in GROW:
            await connection.execute(statement, first, last)

    await grow(1, 2_000)
    await connection.execute("ANALYZE")
    small = await work(made[:200])
    await grow(2_001, 40_000)
    await connection.execute("SELECT pg_stat_force_next_flush()")
    await connection.execute("SELECT pg_stat_clear_snapshot()")
    large = await work(made[200:])
    assert 0 < large < 2 * small
    await connection.close()
    await ledger.close()


async def test_a_batch_is_one_statement_until_there_is_something_to_refuse(
    ledger_url: str,
) -> None:
    statements: list[str] = []

    async def counted(url: str) -> Any:
        connection = await connect(url)
        connection.add_query_logger(lambda record: statements.append(record.query))
        return connection

    engine = PostgresLedger(ledger_url, connect=counted)
    await engine.apply([(Transfer(9, 8, 9, 1, 7, 1),)])  # the driver learns the types of arrays
    statements.clear()
    opening = [
        NewAccount(1, 7, int(AccountCode.SETTLEMENT), FLAGS[AccountCode.SETTLEMENT]),
        NewAccount(2, 7, int(AccountCode.PEER), FLAGS[AccountCode.PEER]),
        NewAccount(3, 7, int(AccountCode.PEER), FLAGS[AccountCode.PEER]),
    ]
    deposit = Transfer(10, 1, 2, 100, 7, 2)
    reserved = Transfer(11, 2, 3, 40, 7, 5, TransferKind.PENDING, timeout_s=60)
    done = await engine.apply([(deposit,), (reserved,)], opening=opening)
    done += await engine.apply([(post(12, 11, amount=30), Transfer(13, 3, 2, 5, 7, 1))])
    assert [result.ok for result in done] == [True] * 3
    assert len(statements) == 2
    too_much = Transfer(14, 3, 2, 1_000, 7, 1)
    results = await engine.apply([(deposit,), (too_much,), (Transfer(15, 3, 2, 1, 7, 1),)])
    assert [result.status for result in results] == [
        TransferStatus.EXISTS,
        TransferStatus.INSUFFICIENT_BALANCE,
        TransferStatus.CREATED,
    ]
    assert len(statements) == 2 + 5
    accounts = await engine.lookup_accounts([2, 3])
    assert [tuple(accounts[at][7:11]) for at in (2, 3)] == [(0, 30, 0, 106), (0, 6, 0, 30)]
    await engine.close()
