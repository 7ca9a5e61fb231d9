"""The outbox against a real Postgres, in virtual time."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from servicekit.database import Database
from servicekit.errors import Unavailable
from servicekit.outbox import ANYONE, NOBODY, Delivery, NewDelivery, Outbox
from servicekit.outbox_tables import DONE, OPEN, PARKED, outbox_table
from servicekit.outbox_worker import DeliveryFailed, OutboxLimits, OutboxWorker
from servicekit.tables import new_metadata
from sqlalchemy import select, text
from sqlalchemy.schema import CreateIndex, CreateTable

from tests.support.clock import ManualClock
from tests.support.ids import SeededIds
from tests.support.waiting import until

_METADATA = new_metadata()
_TABLE = outbox_table(_METADATA)
_LIMITS = OutboxLimits(concurrent_max=8, lane_concurrent_max=3, lease_s=60, idle_poll_s=1000)


class Recipient:
    """Takes deliveries, as its table says; counts how many it has at once."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, int]] = []
        self.answers: dict[str, Callable[[Delivery], Awaitable[int]]] = {}
        self.at_once: dict[str, int] = defaultdict(int)
        self.at_once_max: dict[str, int] = defaultdict(int)

    async def deliver(self, delivery: Delivery) -> int:
        name, lane = delivery.payload["name"], delivery.lane
        self.taken.append((name, delivery.attempts))
        for counter in (lane, "all"):
            self.at_once[counter] += 1
            self.at_once_max[counter] = max(self.at_once_max[counter], self.at_once[counter])
        try:
            return await self.answers[name](delivery) if name in self.answers else 200
        finally:
            self.at_once[lane] -= 1
            self.at_once["all"] -= 1

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.taken]


class Setup:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = ManualClock()
        self.ids = SeededIds(self.clock)
        self.outbox = Outbox(table=_TABLE, channel="outbox", clock=self.clock, ids=self.ids)
        self.recipient = Recipient()

    def worker(self, limits: OutboxLimits = _LIMITS) -> OutboxWorker:
        return OutboxWorker(
            database=self.database,
            outbox=self.outbox,
            deliver=self.recipient.deliver,
            retry_delay=lambda attempt: timedelta(seconds=10 * attempt),
            clock=self.clock,
            ids=self.ids,
            limits=limits,
        )

    @asynccontextmanager
    async def running(self, limits: OutboxLimits = _LIMITS) -> AsyncIterator[OutboxWorker]:
        worker = self.worker(limits)
        task = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled(), task

    async def add(self, *names: str, lane: str = "t", key: str = "", tries: int = 3) -> list[UUID]:
        async with self.database.write() as session:
            return await self.outbox.add(
                session,
                [
                    NewDelivery(
                        lane=lane, ordering_key=key or n, payload={"name": n}, attempts_max=tries
                    )
                    for n in names
                ],
            )

    async def claim(self, count: int = 100, lane_max: int = 100, **busy: int) -> list[Delivery]:
        return await self.outbox.claim(
            self.database,
            count=count,
            lane_max=lane_max,
            busy=busy,
            lease_for=timedelta(seconds=60),
        )

    async def rows(self) -> dict[str, Any]:
        async with self.database.read() as session:
            rows = (await session.execute(select(_TABLE))).all()
        return {row.payload["name"]: row for row in rows}

    async def states(self) -> dict[str, int]:
        return {name: row.state for name, row in (await self.rows()).items()}

    async def settled(self, expected: dict[str, int]) -> None:
        """Wait until the table says so."""
        while await self.states() != expected:  # noqa: ASYNC110 - the table has no event
            await asyncio.sleep(0.001)


@pytest.fixture
async def setup(database_url: str) -> AsyncIterator[Setup]:
    database = Database(database_url)
    async with database.write() as session:
        await session.execute(text("DROP TABLE IF EXISTS outbox"))
        await session.execute(CreateTable(_TABLE))
        for index in _TABLE.indexes:
            await session.execute(CreateIndex(index))
    yield Setup(database)
    await database.close()


def _names(deliveries: list[Delivery]) -> list[str]:
    return [delivery.payload["name"] for delivery in deliveries]


def _failing(times: int) -> Callable[[Delivery], Awaitable[int]]:
    async def answer(delivery: Delivery) -> int:
        if delivery.attempts <= times:
            raise DeliveryFailed("refused", status=500)
        return 200

    return answer


async def test_deliveries_come_and_go_with_their_transaction(setup: Setup) -> None:
    async def rolled_back() -> None:
        async with setup.database.write() as session:
            new = NewDelivery(lane="t", ordering_key="k", payload={"name": "x"}, attempts_max=1)
            await setup.outbox.add(session, [new])
            raise LookupError

    with pytest.raises(LookupError):
        await rolled_back()
    assert await setup.claim() == []


async def test_everything_is_delivered_once_and_within_the_bounds(setup: Setup) -> None:
    for lane in ("a", "b"):
        await setup.add(*(f"{lane}{number}" for number in range(10)), lane=lane)
    gate = asyncio.Event()

    async def slow(_: Delivery) -> int:
        await gate.wait()
        return 200

    setup.recipient.answers = {f"{lane}{n}": slow for lane in "ab" for n in range(10)}
    async with setup.running():
        await until(lambda: setup.recipient.at_once["all"] == 6)
        gate.set()
        await until(lambda: len(setup.recipient.taken) == 20)
        await setup.settled(dict.fromkeys(setup.recipient.names, DONE))
    assert len(set(setup.recipient.names)) == 20
    assert dict(setup.recipient.at_once_max) == {"a": 3, "b": 3, "all": 6}


async def test_slow_recipients_never_hold_another_lane(setup: Setup) -> None:
    gate = asyncio.Event()

    async def slow(_: Delivery) -> int:
        await gate.wait()
        return 200

    limits = OutboxLimits(concurrent_max=4, lane_concurrent_max=2, idle_poll_s=1000)
    for lane in ("tarpit1", "tarpit2"):
        names = [f"{lane}-{number}" for number in range(10)]
        setup.recipient.answers |= dict.fromkeys(names, slow)
        await setup.add(*names, lane=lane)
    async with setup.running(limits) as worker:
        await until(lambda: setup.recipient.at_once["all"] == 4)
        await setup.add("ours", "ours too", lane="operator")
        worker.wake()
        await until(lambda: {"ours", "ours too"} <= set(setup.recipient.names))
        assert setup.recipient.at_once_max == {"tarpit1": 2, "tarpit2": 2, "operator": 1, "all": 5}
        gate.set()
        await until(lambda: len(setup.recipient.taken) == 22)


async def test_one_key_is_delivered_in_order_also_through_failures(setup: Setup) -> None:
    await setup.add("first", "second", "third", key="payment")
    await setup.add("other")
    setup.recipient.answers["first"] = _failing(2)
    async with setup.running() as worker:
        await until(lambda: setup.recipient.names.count("other") == 1)
        for attempt in (1, 2):
            await until(lambda seen=attempt: ("first", seen) in setup.recipient.taken)  # type: ignore[misc]  # the default binds it
            await until(lambda: bool(worker._retries))
            await setup.clock.advance(10 * attempt)
        await setup.settled(dict.fromkeys(("first", "second", "third", "other"), DONE))
    order = [name for name in setup.recipient.names if name != "other"]
    assert order == ["first", "first", "first", "second", "third"]


@pytest.mark.parametrize(
    ("failure", "error", "status"),
    [
        (DeliveryFailed("said no", status=404), "said no", 404),
        (Unavailable("UNAVAILABLE", "away"), "away", None),
        (TimeoutError(), "timed out", None),
        (ValueError("a bug with a secret"), "ValueError", None),
    ],
)
async def test_any_failure_counts_and_the_last_one_parks(
    setup: Setup, failure: Exception, error: str, status: int | None
) -> None:
    (delivery_id,) = await setup.add("x", tries=2)

    async def fail(_: Delivery) -> int:
        raise failure

    setup.recipient.answers["x"] = fail
    async with setup.running() as worker:
        await until(lambda: bool(worker._retries))
        assert await setup.states() == {"x": OPEN}
        await setup.clock.advance(10)
        await setup.settled({"x": PARKED})
        row = (await setup.rows())["x"]
        assert (row.attempts, row.last_error, row.last_status) == (2, error, status)
        del setup.recipient.answers["x"]
        async with setup.database.write() as session:
            assert await setup.outbox.replay(session, [delivery_id]) == 1
            assert await setup.outbox.replay(session, [delivery_id]) == 0
        worker.wake()
        await setup.settled({"x": DONE})
    assert setup.recipient.taken[-1] == ("x", 1)


async def test_a_parked_delivery_lets_its_key_go_on(setup: Setup) -> None:
    await setup.add("bad", tries=1, key="k")
    await setup.add("next", key="k")
    setup.recipient.answers["bad"] = _failing(9)
    async with setup.running():
        await setup.settled({"bad": PARKED, "next": DONE})


async def test_a_quiet_outbox_is_asked_seldom_until_something_is_heard(setup: Setup) -> None:
    limits = OutboxLimits(lease_s=30, idle_poll_s=10, quiet_poll_s=60)
    async with setup.running(limits) as worker:
        with setup.database.count_statements() as seen:
            for _ in range(12):  # two minutes: a look at 10 s and another a minute later
                await until(lambda: setup.clock.sleeping == 1)
                await setup.clock.advance(10)
            assert 3 <= len([text for text in seen if "lanes" in text or "EXISTS" in text]) <= 5
        # Another process, which dies, says that it delivers this; nobody says anything later.
        elsewhere = Setup(setup.database)
        elsewhere.outbox = Outbox(table=_TABLE, channel="outbox", clock=setup.clock, ids=setup.ids)
        await elsewhere.add("x")
        assert _names(await elsewhere.claim()) == ["x"]
        worker.heard(NOBODY)
        for _ in range(8):
            await until(lambda: setup.clock.sleeping == 1)
            await setup.clock.advance(10)
        await setup.settled({"x": DONE})
    assert setup.recipient.taken == [("x", 2)]


async def test_a_dead_workers_lease_runs_out_and_its_attempt_counted(setup: Setup) -> None:
    await setup.add("x", tries=1)
    (claimed,) = await setup.claim()
    assert claimed.attempts == 1
    assert await setup.claim() == []
    await setup.clock.advance(61)
    async with setup.running():
        await setup.settled({"x": PARKED})
    assert setup.recipient.taken == []
    assert (await setup.rows())["x"].last_error == "gave up after workers died"


async def test_an_outcome_without_its_lease_does_not_count(setup: Setup) -> None:
    await setup.add("x")
    (late,) = await setup.claim()
    await setup.clock.advance(61)
    (current,) = await setup.claim()
    failure = setup.worker()._failure
    assert await setup.outbox.settle(setup.database, [failure(late, "late", None)]) == {}
    counted = await setup.outbox.settle(setup.database, [failure(current, "now", None)])
    assert counted == {current.id: False}
    assert (await setup.rows())["x"].last_error == "now"


async def test_a_flooding_lane_leaves_room_for_the_others(setup: Setup) -> None:
    await setup.add(*(f"flood{number}" for number in range(300)), lane="flood")
    await setup.add("small", lane="small")
    assert "small" in _names(await setup.claim(count=4, lane_max=3))
    # Places count from what the lane has in flight, so the flood does not get them all either.
    await setup.add("late1", "late2", lane="late")
    assert _names(await setup.claim(count=2, lane_max=6, flood=3)) == ["late1", "late2"]
    assert await setup.claim(count=4, lane_max=3, flood=3) == []


async def test_workers_at_once_never_claim_the_same(setup: Setup) -> None:
    await setup.add(*(f"n{number}" for number in range(60)))
    claims = await asyncio.gather(*(setup.claim(count=20) for _ in range(6)))
    names = [name for claimed in claims for name in _names(claimed)]
    assert len(names) == len(set(names))
    names += _names(await setup.claim())
    assert len(set(names)) == 60


async def test_a_slow_delivery_is_cut_at_its_limit(setup: Setup) -> None:
    await setup.add("stuck")

    async def stuck(_: Delivery) -> int:
        await asyncio.Event().wait()
        return 200

    setup.recipient.answers["stuck"] = stuck
    limits = OutboxLimits(delivery_timeout_s=0.01, idle_poll_s=1000)
    async with setup.running(limits) as worker:
        await until(lambda: bool(worker._retries))
    assert (await setup.rows())["stuck"].last_error == "timed out"


async def test_ending_waits_for_what_is_in_flight_and_writes_it(setup: Setup) -> None:
    await setup.add("slow", "late")
    release = asyncio.Event()

    async def slow(_: Delivery) -> int:
        await release.wait()
        return 200

    async def late(_: Delivery) -> int:
        await asyncio.Event().wait()
        return 200

    setup.recipient.answers = {"slow": slow, "late": late}
    worker = setup.worker(OutboxLimits(drain_s_max=0.2))
    task = asyncio.create_task(worker.run())
    await until(lambda: len(setup.recipient.taken) == 2)
    task.cancel()
    release.set()
    await asyncio.wait([task])
    assert await setup.states() == {"slow": DONE, "late": OPEN}
    assert (await setup.rows())["late"].last_error == "the worker ended"


async def test_purge_takes_old_delivered_rows_only(setup: Setup) -> None:
    await setup.add("done")
    await setup.add("parked", tries=1)
    setup.recipient.answers["parked"] = _failing(9)
    async with setup.running():
        await setup.settled({"done": DONE, "parked": PARKED})
    async with setup.database.write() as session:
        assert await setup.outbox.purge(session, older_than=timedelta(days=1)) == 0
        await setup.clock.advance(90_000)
        assert await setup.outbox.purge(session, older_than=timedelta(days=1)) == 1
    assert await setup.states() == {"parked": PARKED}


async def test_an_idle_worker_is_woken_by_new_deliveries(setup: Setup) -> None:
    async with setup.running() as worker:
        await until(lambda: setup.clock.sleeping > 0)
        await setup.add("x")
        worker.wake()
        await setup.settled({"x": DONE})


async def test_a_delivery_takes_three_statements_from_its_change_to_its_end(setup: Setup) -> None:
    with setup.database.count_statements() as statements:
        await setup.add("x")
        async with setup.running():
            await until(lambda: len(statements) >= 3)
            await until(lambda: setup.clock.sleeping == 1)  # it has nothing more to do
    assert [_kind(sql) for sql in statements] == ["add", "claim", "settle"]


async def test_a_delivery_of_a_process_whose_worker_runs_is_leased_where_it_is_written(
    setup: Setup,
) -> None:
    async with setup.running():
        await until(lambda: setup.clock.sleeping > 0)
        with setup.database.count_statements() as statements:
            await setup.add("x", "y")
            await until(lambda: len(statements) >= 2)
            await until(lambda: setup.clock.sleeping == 1)
        assert [_kind(sql) for sql in statements][:2] == ["add", "settle"]
        await setup.settled({"x": DONE, "y": DONE})
    assert setup.recipient.taken == [("x", 1), ("y", 1)]


async def test_what_its_worker_has_no_room_for_is_left_to_any_other(setup: Setup) -> None:
    gate = asyncio.Event()

    async def answer(delivery: Delivery) -> int:
        del delivery
        await gate.wait()
        return 200

    setup.recipient.answers = {"x": answer}
    async with setup.running(OutboxLimits(concurrent_max=1, lane_concurrent_max=1)):
        await until(lambda: setup.clock.sleeping > 0)
        await setup.add("x")
        await until(lambda: setup.recipient.names == ["x"])
        await setup.add("y")
        assert _names(await setup.claim()) == ["y"]
        gate.set()
        await setup.settled({"x": DONE, "y": OPEN})


@pytest.mark.parametrize("together", [True, False])
async def test_a_delivery_waits_behind_an_open_one_of_its_key(
    setup: Setup, *, together: bool
) -> None:
    gate = asyncio.Event()

    async def answer(delivery: Delivery) -> int:
        del delivery
        await gate.wait()
        return 200

    names = ["x", "y", "z"]
    setup.recipient.answers = {"x": answer}
    async with setup.running() as worker:
        await until(lambda: setup.clock.sleeping > 0)
        if together:
            async with setup.database.write() as session:
                for name in names:
                    new = NewDelivery(
                        lane="t", ordering_key="k", payload={"name": name}, attempts_max=1
                    )
                    await setup.outbox.add(session, [new])
        else:
            for name in names:
                await setup.add(name, key="k")
        worker.heard(ANYONE)
        await until(lambda: setup.recipient.names == ["x"])
        assert [(await setup.rows())[name].lease is None for name in names] == [False, True, True]
        gate.set()
        await setup.settled(dict.fromkeys(names, DONE))
    assert setup.recipient.names == names


async def test_outcomes_that_come_together_are_written_together(setup: Setup) -> None:
    gate = asyncio.Event()

    async def answer(delivery: Delivery) -> int:
        del delivery
        await gate.wait()
        return 200

    names = [f"d{number}" for number in range(3)]
    setup.recipient.answers = dict.fromkeys(names, answer)
    await setup.add(*names)
    with setup.database.count_statements() as statements:
        async with setup.running():
            await until(lambda: len(setup.recipient.taken) == 3)
            gate.set()
            await setup.settled(dict.fromkeys(names, DONE))
    assert [_kind(sql) for sql in statements].count("settle") == 1


async def test_deliveries_of_one_transaction_keep_the_order_of_their_adding(setup: Setup) -> None:
    names = [f"d{number}" for number in range(12)]
    async with setup.database.write() as session:
        for pair in (names[start : start + 2] for start in range(0, 12, 2)):
            new = [
                NewDelivery(lane="t", ordering_key="k", payload={"name": name}, attempts_max=1)
                for name in pair
            ]
            await setup.outbox.add(session, new)
    rows = await setup.rows()
    assert sorted(names, key=lambda name: int(rows[name].position)) == names


def _kind(sql: str) -> str:
    """Which of the outbox's statements it is."""
    if "INSERT INTO outbox" in sql:
        return "add"
    if "RECURSIVE" in sql:
        return "claim"
    return "settle" if "settled" in sql else sql
