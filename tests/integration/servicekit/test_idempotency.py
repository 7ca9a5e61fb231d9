"""Idempotency keys and the runner of commands, against a real Postgres."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from servicekit.commands import Command, Commands, Replies
from servicekit.database import Database, DatabaseLimits, WriteSession
from servicekit.errors import AlreadyExists, Conflict, InvalidArgument, NotFound
from servicekit.housekeeping import HOUSEKEEPING_LOCK, Housekeeper
from servicekit.idempotency import IdempotencyStore, Once, idempotency_table
from servicekit.statements import prepared
from servicekit.tables import new_metadata
from sqlalchemy import text
from sqlalchemy.schema import CreateTable

from tests.support.clock import ManualClock
from tests.support.ids import SeededIds
from tests.support.waiting import until

_METADATA = new_metadata()
_TABLE = idempotency_table(_METADATA)
_ADD = prepared(text("INSERT INTO effects (name) VALUES (:name) RETURNING name"))
_NAMES = text("SELECT name FROM effects ORDER BY name")
_ONE = text("SELECT 1")


class Fault(Exception):  # noqa: N818 - a test's own
    """The command failed."""


@dataclass
class AddEffect(Command[str, int, str]):
    """Writes a row that can be there once, and whatever else the test asks for."""

    reads: int = 0
    writes: int = 0
    finished: list[str] = field(default_factory=list)
    gate: asyncio.Event | None = None
    fails: int = 0
    executes: bool = False
    collisions: int = 0

    async def read(self, given: str) -> int:
        del given
        self.reads += 1
        return self.reads

    async def write(self, session: WriteSession, given: str, facts: int) -> str:
        self.writes += 1
        if self.executes:
            await session.execute(_ONE)
        if self.collisions:
            self.collisions -= 1
            raising = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$"
            await session.execute(text(raising))
        session.add(
            _ADD,
            {"name": given},
            constraint="one_name",
            refused=lambda: AlreadyExists("DUPLICATE_ASSET", "it is there"),
        )
        if self.gate is not None:
            await session.execute(_ONE)
            await self.gate.wait()
        if self.fails:
            self.fails -= 1
            raise Fault
        return f"{given} {facts}"

    async def finish(self, given: str, done: str) -> None:
        assert done.startswith(given)
        self.finished.append(done)


class AddAtOnce(AddEffect):
    """Reads without leaving anything; perhaps what it reads is gone the next time."""

    reading_leaves_nothing = True
    gone = False

    async def read(self, given: str) -> int:
        if self.gone:
            raise NotFound("UNKNOWN_ASSET", "it is gone")
        return await super().read(given)


class AddUnread(Command[str, None, str]):
    """Has nothing to read, and does not say that this leaves nothing."""

    async def write(self, session: WriteSession, given: str, facts: None) -> str:
        session.add(_ADD, {"name": given})
        return f"{given} {facts}"


_REPLIES: Replies[str, StringValue] = Replies(
    message=StringValue,
    encode=lambda done: StringValue(value=done),
    recover=lambda reply: reply.value,
)


@dataclass
class Setup:
    database: Database
    store: IdempotencyStore
    clock: ManualClock

    async def call(
        self,
        command: Command[str, Any, str],
        given: str,
        key: str | None = "k",
        *,
        scope: str = "s",
    ) -> str:
        once = None if key is None else Once(scope=scope, key=key, request=given.encode())
        commands = Commands(database=self.database, replies=self.store)
        return (await commands.run_once(command, given, once=once, replies=_REPLIES)).value

    async def names(self) -> list[str]:
        async with self.database.read() as session:
            return list((await session.scalars(_NAMES)).all())


@pytest.fixture
async def setup(database_url: str) -> AsyncIterator[Setup]:
    database, clock = Database(database_url, limits=DatabaseLimits()), ManualClock()
    async with database.write() as session:
        await session.execute(text("DROP TABLE IF EXISTS idempotency_keys, effects"))
        await session.execute(CreateTable(_TABLE))
        await session.execute(
            text("CREATE TABLE effects (name text CONSTRAINT one_name PRIMARY KEY)")
        )
    yield Setup(database, IdempotencyStore(table=_TABLE, clock=clock), clock)
    await database.close()


async def test_a_repeat_gets_the_first_reply_and_finishes_again(setup: Setup) -> None:
    command = AddEffect()
    assert await setup.call(command, "a") == "a 1"
    assert await setup.call(command, "a") == "a 1"
    assert (command.reads, command.writes) == (1, 1)
    assert command.finished == ["a 1", "a 1"]


async def test_a_call_that_only_adds_is_two_statements_and_its_repeat_one(setup: Setup) -> None:
    with setup.database.count_statements() as statements:
        await setup.call(AddEffect(), "a")
    assert len(statements) == 2
    with setup.database.count_statements() as statements:
        await setup.call(AddEffect(), "a")
    assert len(statements) == 1


async def test_a_call_whose_reading_leaves_nothing_is_one_statement(setup: Setup) -> None:
    command = AddAtOnce()
    with setup.database.count_statements() as statements:
        assert await setup.call(command, "a") == "a 1"
    assert len(statements) == 1
    assert await setup.call(command, "a") == "a 1"
    command.gone = True
    assert await setup.call(command, "a") == "a 1"
    assert await setup.names() == ["a"]
    assert command.finished == ["a 1"] * 3
    with pytest.raises(Conflict):
        await setup.call(command, "b")
    with pytest.raises(NotFound):
        await setup.call(command, "b", "other key")


async def test_a_call_that_reads_nothing_is_one_statement(setup: Setup) -> None:
    with setup.database.count_statements() as statements:
        assert await setup.call(AddUnread(), "a") == "a None"
    assert len(statements) == 1
    assert await setup.call(AddUnread(), "a") == "a None"
    assert await setup.names() == ["a"]


async def test_a_call_that_reads_in_its_transaction_still_writes_in_one_statement(
    setup: Setup,
) -> None:
    with setup.database.count_statements() as statements:
        await setup.call(AddEffect(executes=True), "a")
    assert [sql.split()[0] for sql in statements] == ["SELECT", "BEGIN", "SELECT", "WITH", "COMMIT"]


async def test_other_keys_and_scopes_are_other_calls(setup: Setup) -> None:
    command = AddEffect()
    await setup.call(command, "a")
    await setup.call(command, "b", "l")
    await setup.call(command, "c", scope="t")
    assert await setup.names() == ["a", "b", "c"]


async def test_the_same_key_with_another_input_is_a_conflict(setup: Setup) -> None:
    command = AddEffect()
    await setup.call(command, "a")
    with pytest.raises(Conflict) as error:
        await setup.call(command, "b")
    assert error.value.reason == "IDEMPOTENCY_KEY_REUSED"
    assert command.writes == 1


async def test_a_failed_call_leaves_nothing_and_its_key_free(setup: Setup) -> None:
    with pytest.raises(Fault):
        await setup.call(AddEffect(fails=1), "a")
    with pytest.raises(Fault):
        await setup.call(AddEffect(fails=1, executes=True), "a")
    assert await setup.names() == []
    assert await setup.call(AddEffect(), "b") == "b 1"


async def test_an_error_of_the_call_itself_is_raised(setup: Setup) -> None:
    await setup.call(AddEffect(), "a")
    for command in (AddEffect(), AddEffect(executes=True)):
        with pytest.raises(AlreadyExists):
            await setup.call(command, "a", "l")


@pytest.mark.parametrize("gated", [False, True])
async def test_calls_at_once_write_once_and_all_get_the_first_reply(
    setup: Setup, *, gated: bool
) -> None:
    gate = asyncio.Event() if gated else None
    commands = [AddEffect(gate=gate) for _ in range(5)]
    calls = [asyncio.create_task(setup.call(command, "a")) for command in commands]
    if gate is not None:
        await until(lambda: all(command.writes for command in commands))
        gate.set()
    assert set(await asyncio.gather(*calls)) == {"a 1"}
    assert await setup.names() == ["a"]
    assert [command.finished for command in commands] == [["a 1"]] * 5


async def test_another_input_at_the_same_time_is_a_conflict_too(setup: Setup) -> None:
    gate = asyncio.Event()
    commands = [AddEffect(gate=gate), AddEffect(gate=gate)]
    calls = [
        asyncio.create_task(setup.call(command, given))
        for command, given in zip(commands, "ab", strict=True)
    ]
    await until(lambda: all(command.writes for command in commands))
    gate.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert len([result for result in results if isinstance(result, Conflict)]) == 1
    assert len(await setup.names()) == 1


async def test_a_second_call_takes_over_when_the_first_fails(setup: Setup) -> None:
    gate = asyncio.Event()
    first = AddEffect(gate=gate, fails=1)
    failing = asyncio.create_task(setup.call(first, "a"))
    await until(lambda: first.writes == 1)
    gate.set()
    assert await setup.call(AddEffect(), "a") == "a 1"
    with pytest.raises(Fault):
        await failing


async def test_a_transaction_that_postgres_ended_is_tried_again(setup: Setup) -> None:
    command = AddEffect(collisions=2)
    assert await setup.call(command, "a") == "a 1"
    assert (command.reads, command.writes, command.finished) == (1, 3, ["a 1"])


async def test_without_a_key_each_call_is_a_new_one(setup: Setup) -> None:
    command = AddEffect()
    with setup.database.count_statements() as statements:
        assert await setup.call(command, "a", None) == "a 1"
    assert len(statements) == 1
    assert await setup.call(command, "b", None) == "b 2"


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_has_bounds(key: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        Once(scope="s", key=key, request=b"")
    assert error.value.field == "idempotency_key"


async def test_an_expired_key_is_free_and_purged(setup: Setup) -> None:
    await setup.call(AddEffect(), "a")
    await setup.call(AddEffect(), "b", "old")
    await setup.clock.advance(timedelta(hours=24).total_seconds())
    assert await setup.call(AddEffect(), "c") == "c 1"
    housekeeper = Housekeeper(
        database=setup.database,
        tasks=[setup.store.housekeeping],
        clock=setup.clock,
        ids=SeededIds(setup.clock),
    )
    # While another process deletes, this one leaves it to that.
    async with setup.database.write() as session:
        await session.execute(text(f"SELECT pg_advisory_xact_lock({HOUSEKEEPING_LOCK})"))
        assert await housekeeper.clean() == {"idempotency_keys": 0}
    assert await housekeeper.clean() == {"idempotency_keys": 1}
    assert await housekeeper.clean() == {"idempotency_keys": 0}
    repeat = AddEffect()
    assert await setup.call(repeat, "c") == "c 1"
    assert repeat.writes == 0
