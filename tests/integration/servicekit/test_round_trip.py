"""Several writes in one statement do what they do one after the other, or nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servicekit.database import Database, WriteSession
from servicekit.errors import AlreadyExists, InvalidArgument, NotFound
from servicekit.round_trip import UnexpectedRows, Write, combined
from servicekit.statements import prepared
from servicekit.tables import new_metadata
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateTable

_METADATA = new_metadata()
_THINGS = Table(
    "things",
    _METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, CheckConstraint("size >= 0", name="size"), nullable=False),
)
_PARTS = Table(
    "parts",
    _METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("thing_id", Integer, ForeignKey("things.id"), nullable=False),
)
_ADD = prepared(insert(_THINGS), columns=("id", "name", "size"))
_ADD_PART = prepared(insert(_PARTS), columns=("id", "thing_id"))
_GROW = prepared(
    update(_THINGS)
    .where(_THINGS.c.id == bindparam("row_id"))
    .values(size=_THINGS.c.size + bindparam("by"), name="it's $1")
)
_DROP = prepared(delete(_THINGS).where(_THINGS.c.id == bindparam("row_id")).returning(_THINGS.c.id))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    async with opened.write() as session:
        await session.execute(text("DROP TABLE IF EXISTS parts, things"))
        await session.execute(CreateTable(_THINGS))
        await session.execute(CreateTable(_PARTS))
    yield opened
    await opened.close()


async def _rows(database: Database) -> list[tuple[Any, ...]]:
    async with database.read() as session:
        rows = await session.execute(select(_THINGS).order_by(_THINGS.c.id))
        return [tuple(row) for row in rows]


async def test_a_block_that_only_adds_is_one_round_trip(database: Database) -> None:
    with database.count_statements() as statements:
        async with database.write() as session:
            # The part refers to a thing that the same statement inserts.
            session.add(_ADD_PART, {"id": 7, "thing_id": 1})
            session.add(_ADD, {"id": 1, "name": "a", "size": 2})
            session.add(_ADD, {"id": 2, "name": "b", "size": 3}, rows=1)
            await session.notify("things", "1")
    assert len(statements) == 1
    assert await _rows(database) == [(1, "a", 2), (2, "b", 3)]


async def test_its_notifications_are_heard(database: Database, database_url: str) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await asyncpg.connect(database_url)
    await listener.add_listener("things", lambda *heard_now: heard.put_nowait(heard_now[3]))
    async with database.write() as session:
        session.add(_ADD, {"id": 1, "name": "a", "size": 2})
        await session.notify("things", "one")
        await session.notify("things", "two")
    assert [await heard.get(), await heard.get()] == ["one", "two"]
    await listener.close()


async def test_what_was_added_is_there_for_the_next_statement(database: Database) -> None:
    async with database.write() as session:
        session.add(_ADD, {"id": 1, "name": "a", "size": 2})
        assert await session.scalar(select(_THINGS.c.size)) == 2
        session.add(_GROW, {"row_id": 1, "by": 5}, rows=1)
    assert await _rows(database) == [(1, "it's $1", 7)]


async def test_a_savepoint_takes_back_what_was_added_in_it(database: Database) -> None:
    async def add_twice(session: WriteSession) -> None:
        async with session.savepoint():
            session.add(_ADD, {"id": 2, "name": "b", "size": 2})
            session.add(
                _ADD,
                {"id": 1, "name": "a", "size": 2},
                constraint="pk_things",
                refused=lambda: AlreadyExists("DUPLICATE_ASSET", "it is there"),
            )

    async with database.write() as session:
        session.add(_ADD, {"id": 1, "name": "a", "size": 2})
        with pytest.raises(AlreadyExists):
            await add_twice(session)
        session.add(_ADD, {"id": 3, "name": "c", "size": 2})
    assert [row[0] for row in await _rows(database)] == [1, 3]


@pytest.mark.parametrize("number_before", [0, 3])
async def test_a_wrong_count_of_rows_undoes_everything(
    database: Database, number_before: int
) -> None:
    async def grow(**expected: Any) -> None:
        async with database.write() as session:
            for number in range(number_before):
                session.add(_ADD, {"id": number, "name": "a", "size": 2})
            session.add(_GROW, {"row_id": 9, "by": 1}, rows=1, **expected)
            session.add(_ADD, {"id": 10, "name": "a", "size": 2})

    with pytest.raises(UnexpectedRows, match=f"write {number_before} touched 0 rows"):
        await grow()
    with pytest.raises(NotFound):
        await grow(refused=lambda: NotFound("UNKNOWN_ASSET", "there is none"))
    assert await _rows(database) == []


async def test_a_violation_that_no_write_expects_stays_what_it_is(database: Database) -> None:
    async def add() -> None:
        async with database.write() as session:
            session.add(_ADD, {"id": 1, "name": "a", "size": -1}, constraint="pk_things")
            session.add(_ADD, {"id": 2, "name": "a", "size": 1})

    with pytest.raises(InvalidArgument):
        await add()
    assert await _rows(database) == []


def test_the_same_combination_is_the_same_statement() -> None:
    def writes(size: int) -> list[Write]:
        values = {"id": 1, "name": "a", "size": size}
        return [
            Write(statement=_ADD, values=values, rows=1),
            Write(statement=_DROP, values={"row_id": 4}),
        ]

    (first, arguments), (second, others) = combined(writes(1)), combined(writes(2))
    assert first is second
    assert (arguments, others) == ([1, "a", 1, 4], [1, "a", 2, 4])


_OPERATIONS = st.lists(
    st.tuples(st.sampled_from(("add", "grow", "drop")), st.integers(0, 7), st.integers(-3, 9)),
    max_size=8,
    unique_by=lambda operation: operation[1],
)


def _write(kind: str, row_id: int, number: int) -> Write:
    if kind == "add":
        return Write(statement=_ADD, values={"id": row_id, "name": "n", "size": number})
    if kind == "grow":
        return Write(statement=_GROW, values={"row_id": row_id, "by": number})
    return Write(statement=_DROP, values={"row_id": row_id})


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(operations=_OPERATIONS)
async def test_together_is_as_one_after_the_other(
    database: Database, operations: Sequence[tuple[str, int, int]]
) -> None:
    async def begin_again() -> None:
        async with database.write() as session:
            await session.execute(delete(_THINGS))
            for row_id in (0, 2, 4, 6):
                session.add(_ADD, {"id": row_id, "name": "old", "size": 1})

    async def attempt(*, together: bool) -> tuple[bool, list[tuple[Any, ...]]]:
        await begin_again()
        try:
            async with database.write() as session:
                for operation in operations:
                    write = _write(*operation)
                    if together:
                        session.add(write.statement, write.values)
                    else:
                        await session.execute(write.statement, write.values)
        except (IntegrityError, InvalidArgument):
            return False, await _rows(database)
        return True, await _rows(database)

    assert await attempt(together=True) == await attempt(together=False)


async def test_a_part_gives_back_what_it_returns(database: Database) -> None:
    dropped: list[int] = []
    async with database.write() as session:
        session.add(_ADD, {"id": 1, "name": "a", "size": 1})
    async with database.write() as session:
        session.add(_DROP, {"row_id": 1}, returned=dropped.extend)
        session.add(_ADD, {"id": 2, "name": "b", "size": 1}, rows=1)
    assert dropped == [1]
    async with database.write() as session:
        session.add(_DROP, {"row_id": 2}, returned=dropped.extend)
    assert dropped == [1, 2]
