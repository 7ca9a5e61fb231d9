"""A change waits for the processes that trust their memory, and for no other."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from servicekit.database import Database
from servicekit.errors import Unavailable
from servicekit.listen import Listener
from sqlalchemy import select
from structlog.testing import capture_logs

from services.backend.changes import hearing
from services.backend.changes.announcement import announce_change
from services.backend.changes.hearing import QUESTIONS_CHANNEL, TRUST_S, Hearing
from services.backend.changes.model import Kind
from services.backend.changes.tables import trusting_processes
from tests.integration.backend.admin.conftest import OPERATOR
from tests.support.clock import ManualClock
from tests.support.ids import SeededIds
from tests.support.waiting import until


class Process:
    """The part of a process that hears of changes."""

    def __init__(self, url: str, name: str) -> None:
        self.database = Database(url)
        self.clock = ManualClock()
        self.hearing = Hearing(database=self.database, clock=self.clock, process=name)
        self.handles = asyncio.Event()
        self.handles.set()
        self._listener = Listener(
            url,
            channels=[QUESTIONS_CHANNEL, self.hearing.answers_channel],
            on_notify=self._on_notify,
            on_reload=self._on_reload,
            clock=self.clock,
            ids=SeededIds(self.clock),
        )
        self._running = asyncio.create_task(self._listener.run())

    async def start(self) -> None:
        await self._listener.loaded()
        self.hearing.hear_on(self._listener)

    async def stop(self) -> None:
        self._running.cancel()
        await asyncio.wait([self._running])
        await self.database.close()

    async def change(self) -> None:
        async with self.database.write() as session:
            await announce_change(session, Kind.TENANT, OPERATOR)

    @contextmanager
    def questions(self) -> Iterator[list[str]]:
        asked: list[str] = []
        with self.database.count_statements() as statements:
            yield asked
        asked += [each for each in statements if "WITH asked" in each]

    async def _on_notify(self, channel: str, payload: str) -> None:
        await self.handles.wait()
        if channel == QUESTIONS_CHANNEL:
            await self.hearing.on_question(channel, payload)
        else:
            await self.hearing.on_answer(channel, payload)

    async def _on_reload(self) -> None:
        """There is nothing to load."""


@pytest.fixture
async def writer(backend_database_url: str) -> AsyncIterator[Process]:
    process = Process(backend_database_url, "writer")
    await process.start()
    yield process
    await process.stop()


@pytest.fixture
async def reader(backend_database_url: str) -> AsyncIterator[Process]:
    process = Process(backend_database_url, "reader")
    await process.start()
    yield process
    await process.stop()


async def test_a_change_waits_for_a_process_that_trusts_its_memory(
    writer: Process, reader: Process
) -> None:
    assert await reader.hearing.trusted()
    reader.handles.clear()
    change = asyncio.create_task(writer.change())
    await until(lambda: bool(writer.hearing._asking.locked()))
    assert not change.done()
    reader.handles.set()
    await change


async def test_nobody_waits_for_one_that_was_asked_nothing_or_has_ended(
    writer: Process, reader: Process
) -> None:
    reader.handles.clear()  # it never answers
    with capture_logs() as logs:
        await writer.change()
        reader.handles.set()
        assert await reader.hearing.trusted()
        reader.handles.clear()
        await reader.hearing.end()
        await writer.change()
    assert not [log for log in logs if log["event"] == "change_not_heard"]


async def test_a_process_that_never_answers_delays_a_change_and_is_named(
    writer: Process, reader: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "TRUST_S", 0.05)
    reader.handles.clear()
    with capture_logs() as logs:
        assert await reader.hearing.trusted()
        await writer.change()
    assert [log["by"] for log in logs if log["event"] == "change_not_heard"] == [["1 reader"]]


async def test_changes_at_once_share_a_question(writer: Process, reader: Process) -> None:
    assert await reader.hearing.trusted()
    reader.handles.clear()
    with writer.questions() as asked:
        changes = [asyncio.create_task(writer.change())]
        await until(lambda: bool(writer.hearing._asking.locked()))
        changes += [asyncio.create_task(writer.change()) for _ in range(9)]
        await until(lambda: writer.hearing._wanted == len(changes))
        reader.handles.set()
        await asyncio.gather(*changes)
    assert len(asked) == 2


async def test_a_process_hears_itself_without_a_statement(writer: Process) -> None:
    assert await writer.hearing.trusted()
    with capture_logs() as logs, writer.database.count_statements() as statements:
        await writer.change()
    assert len(statements) == 2  # the change and the question
    assert not [log for log in logs if log["event"] == "change_not_heard"]


async def test_trust_is_made_sure_of_once_and_again_when_it_is_over(reader: Process) -> None:
    rows = reader.database
    assert await reader.hearing.trusted()
    first = await _ends_at(rows)
    assert await reader.hearing.trusted()
    assert await _ends_at(rows) == first
    await reader.clock.advance(TRUST_S)
    assert all(await asyncio.gather(*(reader.hearing.trusted() for _ in range(5))))
    assert await _ends_at(rows) > first


async def test_without_an_answer_of_the_database_a_change_waits_until_nobody_trusts(
    writer: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> Any:
        raise Unavailable("UNAVAILABLE", "the database is away")

    monkeypatch.setattr(writer.database, "write_one", away)
    change = asyncio.create_task(writer.hearing.by_all())
    await until(lambda: writer.clock.sleeping == 1)
    assert not change.done()
    await writer.clock.advance(TRUST_S)
    await change


async def _ends_at(database: Database) -> Any:
    async with database.read() as session:
        return await session.scalar(select(trusting_processes.c.ends_at))
