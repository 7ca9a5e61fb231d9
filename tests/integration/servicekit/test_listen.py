"""The listener against a real Postgres."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from servicekit import listen
from servicekit.database import Database
from servicekit.listen import Listener
from servicekit.statements import prepared
from sqlalchemy import text

from tests.support.clock import ManualClock
from tests.support.ids import SeededIds
from tests.support.waiting import until

_KILL_OTHERS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


class Heard:
    def __init__(self) -> None:
        self.reloads = 0
        self.notes: list[tuple[str, str]] = []
        self.fail_next_reload = False
        self.fail_next_note = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def on_reload(self) -> None:
        if self.fail_next_reload:
            self.fail_next_reload = False
            raise LookupError
        self.reloads += 1

    async def on_notify(self, channel: str, payload: str) -> None:
        await self.gate.wait()
        if self.fail_next_note:
            self.fail_next_note = False
            raise LookupError
        self.notes.append((channel, payload))


@asynccontextmanager
async def _listening(url: str, heard: Heard) -> AsyncIterator[ManualClock]:
    clock = ManualClock()
    listener = Listener(
        url,
        channels=["one", "two"],
        on_notify=heard.on_notify,
        on_reload=heard.on_reload,
        clock=clock,
        ids=SeededIds(clock),
    )
    task = asyncio.create_task(listener.run())
    await until(lambda: heard.reloads > 0 or clock.sleeping > 0)
    try:
        yield clock
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _notify(database: Database, *notes: tuple[str, str]) -> None:
    for channel, payload in notes:
        async with database.write() as session:
            await session.notify(channel, payload)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    await opened.close()


async def test_reloads_once_connected_and_then_hears_in_order(
    database: Database, database_url: str
) -> None:
    heard = Heard()
    async with _listening(database_url, heard):
        await _notify(database, ("one", "a"), ("two", "b"), ("three", "c"), ("one", ""))
        await until(lambda: len(heard.notes) == 3)
    assert heard.notes == [("one", "a"), ("two", "b"), ("one", "")]
    assert heard.reloads == 1


async def test_reconnects_and_reloads_when_the_connection_breaks(
    database: Database, database_url: str
) -> None:
    heard = Heard()
    async with _listening(database_url, heard) as clock:
        async with database.write() as session:
            await session.execute(_KILL_OTHERS)
        await until(lambda: clock.sleeping == 1)
        await clock.advance(10)
        await until(lambda: heard.reloads == 2)
        await _notify(database, ("one", "after"))
        await until(lambda: heard.notes == [("one", "after")])


@pytest.mark.parametrize("which", ["fail_next_reload", "fail_next_note"])
async def test_a_failed_handler_starts_over_with_a_reload(
    database: Database, database_url: str, which: str
) -> None:
    heard = Heard()
    setattr(heard, which, True)
    async with _listening(database_url, heard) as clock:
        reloads = heard.reloads
        if which == "fail_next_note":
            await _notify(database, ("one", "lost"))
        await until(lambda: clock.sleeping == 1)
        await clock.advance(10)
        await until(lambda: heard.reloads == reloads + 1)


async def test_equal_waiting_notifications_are_handled_once(
    database: Database, database_url: str
) -> None:
    heard = Heard()
    heard.gate.clear()
    async with _listening(database_url, heard):
        await _notify(database, ("one", "first"), *[("one", "same")] * 5, ("one", "last"))
        # A round trip on another channel's connection does not order them; the last one does.
        await asyncio.sleep(0)
        heard.gate.set()
        await until(lambda: ("one", "last") in heard.notes)
    assert heard.notes.count(("one", "same")) <= 5
    assert heard.notes[0] == ("one", "first")


async def test_too_many_waiting_notifications_become_a_reload(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "PENDING_MAX", 2)
    heard = Heard()
    heard.gate.clear()
    async with _listening(database_url, heard) as clock:
        async with database.write() as session:
            for number in range(10):
                await session.notify("one", str(number))
        await until(lambda: clock.sleeping == 1)
        await clock.advance(10)
        await until(lambda: heard.reloads == 2)
    assert heard.notes == []


async def test_pings_between_notifications_disturb_nothing(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "PING_INTERVAL_S", 0.0001)
    heard = Heard()
    async with _listening(database_url, heard):
        for number in range(20):
            await _notify(database, ("one", str(number)))
        await until(lambda: len(heard.notes) == 20)
    assert heard.reloads == 1


async def test_a_database_that_is_away_is_tried_again() -> None:
    heard = Heard()
    async with _listening("postgresql://u:p@127.0.0.1:1/none", heard) as clock:
        for _ in range(3):
            await until(lambda: clock.sleeping == 1)
            await clock.advance(10)
    assert heard.reloads == 0


_ONE = prepared(text("SELECT 1"))


@asynccontextmanager
async def _confirming(url: str, heard: Heard) -> AsyncIterator[Listener]:
    clock = ManualClock()
    listener = Listener(
        url,
        channels=["one"],
        on_notify=heard.on_notify,
        on_reload=heard.on_reload,
        clock=clock,
        ids=SeededIds(clock),
    )
    assert not await listener.confirm(_ONE, {})
    task = asyncio.create_task(listener.run())
    await listener.loaded()
    try:
        yield listener
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_what_was_committed_before_it_is_confirmed_has_been_handled(
    database: Database, database_url: str
) -> None:
    heard = Heard()
    async with _confirming(database_url, heard) as listener:
        for number in range(20):
            await _notify(database, ("one", str(number)))
            assert await listener.confirm(_ONE, {})
            assert heard.notes[-1] == ("one", str(number))
        confirmed = await asyncio.gather(*(listener.confirm(_ONE, {}) for _ in range(5)))
        assert all(confirmed)


async def test_nothing_is_confirmed_while_a_handler_hangs_or_the_connection_is_lost(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    async with _confirming(database_url, heard) as listener:
        heard.gate.clear()
        await _notify(database, ("one", "slow"))
        monkeypatch.setattr(listen, "CONFIRM_TIMEOUT_S", 0.05)
        assert not await listener.confirm(_ONE, {})
        monkeypatch.setattr(listen, "CONFIRM_TIMEOUT_S", 30.0)
        waiting = asyncio.create_task(listener.confirm(_ONE, {}))
        heard.gate.set()
        assert await waiting
        async with database.write() as session:
            await session.execute(_KILL_OTHERS)
        assert not await listener.confirm(_ONE, {})
