"""Sessions against a real Postgres."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest
from servicekit.backoff import Backoff
from servicekit.database import Database, DatabaseLimits, WriteSession
from servicekit.database_errors import constraint_name
from servicekit.database_url import driver_url
from servicekit.errors import ResourceExhausted, Unavailable
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

_INSERT = text("INSERT INTO things VALUES (:id)")
_COUNT = text("SELECT count(*) FROM things")
_LIMITS = DatabaseLimits(
    write_connections_max=3,
    read_connections_max=2,
    checkout_timeout_ms=200,
    lock_timeout_ms=200,
    write_backoff=Backoff(first_ms=1, max_ms=2),
)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, limits=_LIMITS)
    async with opened.write() as session:
        await session.execute(text("DROP TABLE IF EXISTS things"))
        await session.execute(text("CREATE TABLE things (id int CONSTRAINT one_id PRIMARY KEY)"))
    yield opened
    await opened.close()


async def _count(database: Database) -> int:
    async with database.read() as session:
        return int(await session.scalar(_COUNT))


async def test_a_clean_block_commits_and_a_raising_one_rolls_back(database: Database) -> None:
    async with database.write() as session:
        await session.execute(_INSERT, [{"id": 1}, {"id": 2}])
    assert await _count(database) == 2

    async def fail() -> None:
        async with database.write() as session:
            await session.execute(_INSERT, {"id": 3})
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await _count(database) == 2


async def test_a_read_session_can_not_write(database: Database) -> None:
    async def write_by_reading() -> None:
        async with database.read() as session:
            await session.execute(_INSERT, {"id": 1})

    with pytest.raises(DBAPIError, match="read-only"):
        await write_by_reading()
    assert await _count(database) == 0


async def test_callbacks_run_after_the_commit_only_and_may_fail(database: Database) -> None:
    seen: list[int] = []

    async def look() -> None:
        seen.append(await _count(database))

    def broken() -> None:
        raise ValueError

    async with database.write() as session:
        session.after_commit(broken)
        session.after_commit(look)
        await session.execute(_INSERT, {"id": 1})
    assert seen == [1]

    async def rolled_back() -> None:
        async with database.write() as session:
            session.after_commit(look)
            raise LookupError

    with pytest.raises(LookupError):
        await rolled_back()
    assert seen == [1]


async def test_a_savepoint_survives_a_violated_constraint_and_names_it(database: Database) -> None:
    async def twice(session: WriteSession) -> None:
        async with session.savepoint():
            await session.execute(_INSERT, [{"id": 1}, {"id": 1}])

    async with database.write() as session:
        await session.execute(_INSERT, {"id": 0})
        with pytest.raises(IntegrityError) as error:
            await twice(session)
    assert constraint_name(error.value) == "one_id"
    assert await _count(database) == 1


async def test_notifications_leave_with_the_commit_and_equal_ones_once(
    database: Database, database_url: str
) -> None:
    heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    listener = await asyncpg.connect(database_url)
    await listener.add_listener(
        "ch", lambda _c, _p, channel, text: heard.put_nowait((channel, text))
    )

    async def rolled_back() -> None:
        async with database.write() as session:
            await session.notify("ch", "lost")
            raise LookupError

    with pytest.raises(LookupError):
        await rolled_back()
    async with database.write() as session:
        await session.notify("ch", "one")
        await session.notify("ch", "one")
        await session.notify("ch", "two")
        with pytest.raises(ValueError, match="7999"):
            await session.notify("ch", "x" * 8000)
    assert [await heard.get(), await heard.get()] == [("ch", "one"), ("ch", "two")]
    assert heard.empty()
    await listener.close()


async def test_statements_are_counted_while_asked(database: Database) -> None:
    with database.count_statements() as statements:
        async with database.write() as session:
            await session.execute(_INSERT, {"id": 1})
        await _count(database)
    await _count(database)
    insert, count = "INSERT INTO things VALUES ($1)", "SELECT count(*) FROM things"
    assert statements == ["BEGIN", insert, "COMMIT", count]


async def test_serialization_failures_are_tried_again_until_they_pass(database: Database) -> None:
    attempts = 0
    async with database.write() as session:
        await session.execute(_INSERT, {"id": 1})

    async def collide(session: WriteSession) -> int:
        nonlocal attempts
        attempts += 1
        await session.execute(text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"))
        before = int(await session.scalar(_COUNT))
        if attempts < 3:
            async with database.write() as other:
                await other.execute(text("UPDATE things SET id = id + 10"))
        await session.execute(text("UPDATE things SET id = id + 1"))
        return before

    assert await database.write_retrying(collide) == 1
    assert attempts == 3


async def test_retries_are_bounded(database: Database) -> None:
    attempts = 0

    async def never(session: WriteSession) -> None:
        nonlocal attempts
        attempts += 1
        await session.execute(text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$"))

    with pytest.raises(Unavailable) as error:
        await database.write_retrying(never)
    assert attempts == DatabaseLimits().write_attempts_max
    assert error.value.retry_after_ms is not None


async def test_a_lock_held_by_another_is_unavailable_and_not_retried(database: Database) -> None:
    attempts = 0

    async def locked(session: WriteSession) -> None:
        nonlocal attempts
        attempts += 1
        await session.execute(text("LOCK TABLE things"))

    async with database.write() as holder:
        await holder.execute(text("LOCK TABLE things"))
        with pytest.raises(Unavailable):
            await database.write_retrying(locked)
    assert attempts == 1


async def test_no_free_connection_is_overload(database: Database) -> None:
    async with database.read(), database.read():
        with pytest.raises(ResourceExhausted):
            await _count(database)
    assert await _count(database) == 0


async def test_a_connection_that_ended_while_nobody_used_it_is_replaced(
    database: Database,
) -> None:
    await _count(database)
    async with database.write() as session:
        await session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    # The one who comes before the process has heard of the end may be told so, once.
    with contextlib.suppress(Unavailable):
        await _count(database)
    assert await _count(database) == 0
    await database.check()


async def test_nobody_listening_is_unavailable() -> None:
    nowhere = Database("postgresql://user:secret@127.0.0.1:1/none")
    with pytest.raises(Unavailable) as error:
        await nowhere.check()
    assert "secret" not in str(error.value)
    await nowhere.close()


def test_urls_are_taken_as_operators_write_them() -> None:
    url = driver_url("postgres://u:p%40@h:5433/d?sslmode=require")
    assert url.drivername == "postgresql+asyncpg"
    assert (url.password, url.port, url.query["ssl"]) == ("p@", 5433, "require")
    for wrong in ("mysql://u:secret@h/d", "no url with secret"):
        with pytest.raises(ValueError, match="URL") as error:
            driver_url(wrong)
        assert "secret" not in str(error.value)
