"""What a pool promises: bounded, clean after every end of a call, and honest about failures."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from servicekit.database import Database, DatabaseLimits, WriteSession
from servicekit.database_errors import constraint_name
from servicekit.errors import InvalidArgument, NotFound, ResourceExhausted, Unavailable
from servicekit.statements import prepared
from sqlalchemy import bindparam, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.support.postgres import running_server

_LIMITS = DatabaseLimits(
    write_connections_max=1,
    read_connections_max=1,
    checkout_timeout_ms=200,
    lock_timeout_ms=100,
    statement_timeout_ms=2_000,
)
_PATIENT = DatabaseLimits(
    write_connections_max=1,
    read_connections_max=1,
    lock_timeout_ms=5_000,
    checkout_timeout_ms=5_000,
)
_PID = prepared(text("SELECT pg_backend_pid()"))
_SLEEP = text("SELECT pg_sleep(30)")
_SLEEPING = text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, limits=_LIMITS)
    async with opened.write() as session:
        for statement in (
            "DROP TABLE IF EXISTS parts, things, notes",
            "CREATE TABLE things (id int CONSTRAINT one_id PRIMARY KEY, size int)",
            "ALTER TABLE things ADD CONSTRAINT positive CHECK (size > 0)",
            "CREATE TABLE parts (peer_id int CONSTRAINT fk_parts_peer_id REFERENCES things)",
            "CREATE TABLE notes (title varchar(10))",
        ):
            await session.execute(text(statement))
    yield opened
    await opened.close()


async def _pid(database: Database) -> int:
    async with database.read() as session:
        return int(await session.scalar(_PID))


async def _sleeping(database: Database) -> bool:
    async with database.read() as session:
        return int(await session.scalar(_SLEEPING)) > 0


async def test_a_connection_and_its_prepared_statements_are_kept(database: Database) -> None:
    pid = await _pid(database)
    with database.count_statements() as statements:
        assert {await _pid(database) for _ in range(3)} == {pid}
    assert statements == [_PID.sql] * 3
    async with database.read() as session:
        names = await session.scalars(text("SELECT statement FROM pg_prepared_statements"))
        assert names.all().count(_PID.sql) == 1


async def test_a_cancelled_statement_is_stopped_and_leaves_the_connection_clean(
    database: Database, database_url: str
) -> None:
    other = Database(database_url, limits=_LIMITS)

    async def sleep() -> None:
        async with database.write() as session:
            await session.execute(text("INSERT INTO things VALUES (1, 1)"))
            await session.execute(_SLEEP)

    async with database.write() as session:
        pid = await session.scalar(_PID)
    sleeper = asyncio.create_task(sleep())
    while not await _sleeping(other):
        pass
    sleeper.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeper
    # Nobody waits for the end of the sleep, and the transaction is gone with its row.
    assert not await _sleeping(other)
    async with database.write() as session:
        assert await session.scalar(_PID) == pid
        assert await session.scalar(text("SELECT count(*) FROM things")) == 0
    await other.close()


async def test_a_call_cancelled_at_any_point_gives_its_connection_back(database: Database) -> None:
    async def call() -> None:
        async with database.write() as session:
            await session.execute(text("INSERT INTO things VALUES (2, 1)"))
            await session.execute(text("DELETE FROM things WHERE id = 2"))

    for turns in range(60):
        task = asyncio.create_task(call())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
    async with database.write() as session:
        assert await session.scalar(text("SELECT count(*) FROM things")) == 0


async def test_waiting_for_a_connection_ends_when_one_is_given_back(database_url: str) -> None:
    database = Database(database_url, limits=_PATIENT)
    order: list[int] = []

    async def use(number: int) -> None:
        async with database.read():
            order.append(number)

    async with database.read():
        waiting = [asyncio.create_task(use(number)) for number in range(4)]
        await asyncio.sleep(0)
        waiting[1].cancel()
    await asyncio.wait(waiting)
    assert order == [0, 2, 3]
    await database.close()


async def test_one_who_waits_too_long_is_told_that_the_service_is_overloaded(
    database: Database,
) -> None:
    async with database.write():
        for _ in range(2):
            with pytest.raises(ResourceExhausted) as error:
                await database.write_one(_PID)
            assert error.value.reason == "OVERLOADED"
    await database.write_one(_PID)


async def test_a_connection_that_breaks_in_use_is_replaced(database: Database) -> None:
    async def broken() -> None:
        async with database.write() as session:
            pid = await session.scalar(_PID)
            async with database.read() as other:
                await other.execute(text(f"SELECT pg_terminate_backend({pid})"))
            await session.execute(text("INSERT INTO things VALUES (1, 1)"))

    with pytest.raises(Unavailable):
        await broken()
    async with database.write() as session:
        assert await session.scalar(text("SELECT count(*) FROM things")) == 0


async def test_a_postgres_that_restarts_is_found_again() -> None:
    with running_server() as server:
        database = Database(server.url(), limits=_LIMITS)
        await _pid(database)
        server.stop()
        with pytest.raises(Unavailable):
            await _pid(database)
        server.start()
        assert await _pid(database) > 0
        await database.close()


async def test_statements_prepared_before_a_table_changed_are_prepared_anew(
    database: Database,
) -> None:
    query = prepared(text("SELECT * FROM parts"))
    async with database.read() as session:
        assert (await session.execute(query)).all() == []
    async with database.write() as session:
        await session.execute(text("ALTER TABLE parts ADD COLUMN note text"))
    async with database.read() as session:
        assert (await session.execute(query)).all() == []


async def test_a_transaction_whose_failure_was_swallowed_does_not_look_committed(
    database: Database,
) -> None:
    async def swallow() -> None:
        async with database.write() as session:
            await session.execute(text("INSERT INTO things VALUES (1, 1)"))
            with pytest.raises(IntegrityError):
                await session.execute(text("INSERT INTO things VALUES (1, 1)"))

    with pytest.raises(RuntimeError, match="rolled back"):
        await swallow()
    await database.write_one(_PID)


async def test_a_session_is_of_no_use_after_its_block(database: Database) -> None:
    async with database.read() as session:
        pass
    with pytest.raises(AssertionError):
        await session.execute(_PID)


async def test_nothing_is_sent_for_a_block_that_does_nothing(database: Database) -> None:
    with database.count_statements() as statements:
        async with database.write():
            pass
        async with database.read():
            pass
    assert statements == []


async def test_what_is_there_already_is_for_the_repository_to_name(database: Database) -> None:
    with pytest.raises(IntegrityError) as error:
        await database.write_one(prepared(text("INSERT INTO things VALUES (1, 1), (1, 1)")))
    assert constraint_name(error.value) == "one_id"


@pytest.mark.parametrize(
    ("statement", "raised", "reason", "shown"),
    [
        ("INSERT INTO things VALUES (1, 0)", InvalidArgument, "INVALID_FIELD", "positive"),
        ("INSERT INTO parts VALUES (7)", NotFound, "UNKNOWN_PEER", "peer_id"),
        ("INSERT INTO notes VALUES (repeat('x', 11))", InvalidArgument, "INVALID_FIELD", "stored"),
        (
            "INSERT INTO things VALUES (1, 1::bigint << 40)",
            InvalidArgument,
            "INVALID_FIELD",
            "stored",
        ),
        ("SELECT 1 / 0", DBAPIError, None, "division"),
        ("SELECT '\"\\u0000\"'::jsonb", InvalidArgument, "INVALID_FIELD", "stored"),
    ],
)
async def test_a_value_that_the_database_refuses_is_the_callers_fault_by_name(
    database: Database, statement: str, raised: type[Exception], reason: str | None, shown: str
) -> None:
    with pytest.raises(raised, match=shown) as error:
        await database.write_one(prepared(text(statement)))
    assert getattr(error.value, "reason", None) == reason


async def test_a_number_beyond_its_column_is_the_callers_fault(database: Database) -> None:
    wrong = prepared(text("SELECT id FROM things WHERE id = :id").bindparams(bindparam("id")))
    with pytest.raises(InvalidArgument, match="out of range"):
        await database.write_one(wrong, {"id": 2**31})


async def _too_slow(session: WriteSession) -> None:
    await session.execute(text("SET LOCAL statement_timeout = 10"))
    await session.execute(_SLEEP)


async def _raising(session: WriteSession, code: str) -> None:
    await session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$"))


@pytest.mark.parametrize(
    "work",
    [_too_slow, *(lambda s, c=c: _raising(s, c) for c in ("40001", "40P01", "55P03", "57P01"))],
)
async def test_a_busy_or_ending_postgres_is_unavailable(
    database: Database, work: Callable[[WriteSession], Awaitable[None]]
) -> None:
    async def run() -> None:
        async with database.write() as session:
            await work(session)

    with pytest.raises(Unavailable) as error:
        await run()
    assert error.value.retry_after_ms is not None
    await database.write_one(_PID)


async def test_a_wrong_statement_is_our_fault_and_shows_no_parameter(database: Database) -> None:
    wrong = prepared(
        text("SELECT * FROM nowhere WHERE id = :secret").bindparams(bindparam("secret"))
    )
    with pytest.raises(DBAPIError) as error:
        await database.write_one(wrong, {"secret": "hunter2"})
    assert "nowhere" in str(error.value)
    assert "hunter2" not in str(error.value)


async def test_a_closed_database_opens_nothing(database_url: str) -> None:
    database = Database(database_url, limits=_LIMITS)
    async with database.read() as session:
        await database.close()
        await session.execute(_PID)
    with pytest.raises(Unavailable, match="stopping"):
        await _pid(database)
