"""Idempotency keys against a real Postgres."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from servicekit.database import Database
from servicekit.errors import Conflict
from servicekit.idempotency import IdempotencyStore, idempotency_table
from servicekit.tables import new_metadata
from sqlalchemy import text
from sqlalchemy.schema import CreateTable

from tests.support.clock import ManualClock
from tests.support.waiting import until

_METADATA = new_metadata()
_TABLE = idempotency_table(_METADATA)


@dataclass
class Setup:
    database: Database
    store: IdempotencyStore
    clock: ManualClock
    runs: int = 0

    async def call(
        self,
        key: str,
        request: bytes = b"r",
        *,
        scope: str = "s",
        gate: asyncio.Event | None = None,
    ) -> bytes:
        async def produce() -> bytes:
            self.runs += 1
            if gate is not None:
                await gate.wait()
            if request == b"fail":
                raise LookupError
            return b"reply %d" % self.runs

        async with self.database.write() as session:
            return await self.store.execute(
                session, scope=scope, key=key, request=request, produce=produce
            )


@pytest.fixture
async def setup(database_url: str) -> AsyncIterator[Setup]:
    database, clock = Database(database_url), ManualClock()
    async with database.write() as session:
        await session.execute(text("DROP TABLE IF EXISTS idempotency_keys"))
        await session.execute(CreateTable(_TABLE))
    yield Setup(database, IdempotencyStore(table=_TABLE, clock=clock), clock)
    await database.close()


async def test_a_repeat_gets_the_first_reply(setup: Setup) -> None:
    assert await setup.call("k") == b"reply 1"
    assert await setup.call("k") == b"reply 1"
    assert setup.runs == 1


async def test_other_keys_and_scopes_are_other_calls(setup: Setup) -> None:
    replies = [await setup.call("k"), await setup.call("l"), await setup.call("k", scope="t")]
    assert replies == [b"reply 1", b"reply 2", b"reply 3"]


async def test_the_same_key_with_another_input_is_a_conflict(setup: Setup) -> None:
    await setup.call("k", b"one")
    with pytest.raises(Conflict) as error:
        await setup.call("k", b"two")
    assert error.value.reason == "IDEMPOTENCY_KEY_REUSED"
    assert setup.runs == 1


async def test_a_failed_call_leaves_its_key_free(setup: Setup) -> None:
    with pytest.raises(LookupError):
        await setup.call("k", b"fail")
    assert await setup.call("k", b"other") == b"reply 2"


async def test_a_second_call_at_once_waits_for_the_first_reply(setup: Setup) -> None:
    gate = asyncio.Event()
    first = asyncio.create_task(setup.call("k", gate=gate))
    await until(lambda: setup.runs == 1)
    second = asyncio.create_task(setup.call("k"))
    await _until_blocked(setup.database)
    gate.set()
    assert list(await asyncio.gather(first, second)) == [b"reply 1", b"reply 1"]
    assert setup.runs == 1


async def test_a_second_call_takes_over_when_the_first_fails(setup: Setup) -> None:
    gate = asyncio.Event()
    first = asyncio.create_task(setup.call("k", b"fail", gate=gate))
    await until(lambda: setup.runs == 1)
    second = asyncio.create_task(setup.call("k"))
    await _until_blocked(setup.database)
    gate.set()
    with pytest.raises(LookupError):
        await first
    assert await second == b"reply 2"


async def test_an_expired_key_is_free_and_purged(setup: Setup) -> None:
    await setup.call("k", b"one")
    await setup.call("old")
    await setup.clock.advance(timedelta(hours=24).total_seconds())
    assert await setup.call("k", b"two") == b"reply 3"
    async with setup.database.write() as session:
        assert await setup.store.purge(session) == 1
        assert await setup.store.purge(session) == 0
    assert await setup.call("k", b"two") == b"reply 3"


async def test_an_earlier_reply_is_found_without_running_anything(setup: Setup) -> None:
    async def earlier(request: bytes, scope: str = "s") -> bytes | None:
        async with setup.database.read() as session:
            return await setup.store.earlier(session, scope=scope, key="k", request=request)

    assert await earlier(b"one") is None
    await setup.call("k", b"one")
    assert await earlier(b"one") == b"reply 1"
    assert await earlier(b"one", scope="other") is None
    with pytest.raises(Conflict):
        await earlier(b"two")
    await setup.clock.advance(timedelta(hours=24).total_seconds())
    assert await earlier(b"two") is None
    assert setup.runs == 1


async def _until_blocked(database: Database) -> None:
    """Wait until a session waits for another one's transaction."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    blocked = 0
    while not blocked:
        async with database.read() as session:
            blocked = await session.scalar(waiting)
