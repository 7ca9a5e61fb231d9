"""Postgres: two kinds of sessions, and the one place that commits.

`read()` gives a session on a connection that Postgres itself holds to reading, with no transaction
around it. `write()` is one transaction: committed when its block ends, rolled back when it raises.
It begins with the first statement that is executed. What is only added is sent when the block ends,
all in one statement, so that a block that only adds is one round trip without BEGIN and COMMIT.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from prometheus_client.registry import Collector
from sqlalchemy import Executable, ScalarResult, text
from sqlalchemy.exc import DBAPIError

from servicekit.backoff import Backoff
from servicekit.clock import Clock, SystemClock
from servicekit.connections import Connection, ConnectionPool, Observe
from servicekit.database_errors import is_retriable
from servicekit.errors import Unavailable
from servicekit.ids import IdSource, SystemIds
from servicekit.metrics import Reading
from servicekit.round_trip import Write, combined, hand_back, refusal
from servicekit.statements import Compiler, Parameters, Prepared, Rows, prepared

AfterCommit = Callable[[], Awaitable[None] | None]
Statement = Prepared | Executable
T = TypeVar("T")

NOTIFY_PAYLOAD_BYTES_MAX = 7_999
"""Postgres' own limit."""
_NOTIFY = prepared(
    text(
        "SELECT pg_notify(c, p) FROM unnest(CAST(:channels AS text[]), CAST(:payloads AS text[]))"
        " AS n(c, p)"
    )
)
_ONE = prepared(text("SELECT 1"))
_compiler = Compiler()
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class DatabaseLimits:
    """Every bound of the connections of one process; times in milliseconds."""

    write_connections_max: int = 10
    read_connections_max: int = 10
    checkout_timeout_ms: int = 5_000
    """Waiting for a free connection; beyond: OVERLOADED."""
    connect_timeout_ms: int = 5_000
    statement_timeout_ms: int = 30_000
    lock_timeout_ms: int = 10_000
    idle_in_transaction_timeout_ms: int = 60_000
    write_attempts_max: int = 5
    """Of `write_retrying`, on serialization failures and deadlocks."""
    write_backoff: Backoff = field(default_factory=lambda: Backoff(first_ms=5, max_ms=200))


class ReadSession:
    """Statements that only read; each sees its own snapshot."""

    def __init__(self, connection: Connection) -> None:
        self._open: Connection | None = connection

    @property
    def _connection(self) -> Connection:
        assert self._open is not None  # the block ended: the connection is somebody else's now
        return self._open

    def end(self) -> None:
        """Let go of the connection; nothing can be run any more."""
        self._open = None

    async def execute(self, statement: Statement, parameters: Parameters = None) -> Rows:
        """Run a statement and give its rows; for several sets of parameters it gives none."""
        if isinstance(statement, Prepared) and (
            parameters is None or isinstance(parameters, Mapping)
        ):
            return await self._connection.run(statement, statement.arguments(parameters))
        plan, arguments = _compiled(statement, parameters)
        if len(arguments) == 1:
            return await self._connection.run(plan, arguments[0])
        return await self._connection.run_many(plan, arguments)

    async def scalar(self, statement: Statement, parameters: Parameters = None) -> Any:
        """The first column of the first row, or None."""
        return (await self.execute(statement, parameters)).scalar()

    async def scalars(
        self, statement: Statement, parameters: Parameters = None
    ) -> ScalarResult[Any]:
        """The first column of each row."""
        return (await self.execute(statement, parameters)).scalars()


class WriteSession(ReadSession):
    """One transaction. It can't be committed from here: the block that opened it does."""

    def __init__(
        self, connection: Connection, *, followers: Mapping[str, AfterCommit] | None = None
    ) -> None:
        super().__init__(connection)
        self._followers = followers or {}
        self._added: list[Write] = []
        self._after_commit: list[AfterCommit] = []
        self._notifications: dict[tuple[str, str], None] = {}
        self._savepoints = 0

    def add(
        self,
        statement: Prepared,
        values: Mapping[str, Any],
        *,
        rows: int | None = None,
        constraint: str | None = None,
        refused: Callable[[], Exception] | None = None,
        returned: Callable[[list[Any]], None] | None = None,
    ) -> None:
        """Write this later, in one statement with all that is added.

        That is sent at the block's end, or before the next statement that is executed. What is
        added together must not touch the same row twice: no part sees another's work.

        Args:
            statement: an INSERT, UPDATE or DELETE, or a SELECT for what it does.
            values: its parameters.
            rows: how many rows it must touch; with another count the transaction fails.
            constraint: a constraint that it may violate.
            refused: makes the error to raise in either case.
            returned: gets the one column that the statement returns, before the commit.
        """
        self._added.append(
            Write(
                statement=statement,
                values=values,
                rows=rows,
                constraint=constraint,
                refused=refused,
                returned=returned,
            )
        )

    async def execute(self, statement: Statement, parameters: Parameters = None) -> Rows:
        """Run a statement in the transaction, which begins with the first one."""
        await self._begin()
        return await super().execute(statement, parameters)

    def after_commit(self, callback: AfterCommit) -> None:
        """Run this once the transaction is committed; its failure is logged, not raised."""
        self._after_commit.append(callback)

    async def notify(self, channel: str, payload: str = "") -> None:
        """Tell listeners when the transaction commits; equal notifications become one."""
        if len(payload.encode()) > NOTIFY_PAYLOAD_BYTES_MAX:
            raise ValueError(f"a notification holds at most {NOTIFY_PAYLOAD_BYTES_MAX} bytes")
        self._notifications[channel, payload] = None

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part that can fail (a unique constraint, say) without losing the transaction."""
        await self._begin()
        self._savepoints += 1
        name = f"part_{self._savepoints}"
        await self._connection.command(f"SAVEPOINT {name}")
        try:
            yield
            await self._send_added()
        except Exception:
            self._added.clear()
            await self._connection.command(f"ROLLBACK TO SAVEPOINT {name}")
            raise
        await self._connection.command(f"RELEASE SAVEPOINT {name}")

    async def before_commit(self) -> None:
        """Send what was added, and the notifications, in one statement."""
        if self._notifications:
            channels, payloads = zip(*self._notifications, strict=True)
            self.add(_NOTIFY, {"channels": list(channels), "payloads": list(payloads)})
        await self._send_added()

    async def _begin(self) -> None:
        if not self._connection.in_transaction:
            await self._connection.begin()
        await self._send_added()

    async def _send_added(self) -> None:
        if not self._added:
            return
        writes, self._added = self._added, []
        statement, arguments = combined(writes)
        try:
            rows = await self._connection.run(statement, arguments)
        except DBAPIError as error:
            refused = refusal(writes, error)
            if refused is None:
                raise
            raise refused from error
        hand_back(writes, rows)

    async def committed(self) -> None:
        """Run what waited for the commit."""
        notified = dict.fromkeys(channel for channel, _ in self._notifications)
        followers = [self._followers[each] for each in notified if each in self._followers]
        for callback in [*self._after_commit, *followers]:
            try:
                result = callback()
                if inspect.isawaitable(result):
                    await result
            except Exception:  # noqa: BLE001 - the data is written, so the call succeeded
                _log.exception("after_commit_failed")


class Database:
    """The connections of one process to one Postgres database."""

    def __init__(
        self,
        url: str,
        *,
        limits: DatabaseLimits | None = None,
        read_url: str | None = None,
        application_name: str = "rafiki",
        clock: Clock | None = None,
        ids: IdSource | None = None,
    ) -> None:
        """Nothing is opened until the first session.

        Args:
            url: `postgresql://user:password@host:port/database`, `sslmode` as libpq reads it.
            limits: every bound of the connections.
            read_url: a replica for `read()`, when stale reads are acceptable everywhere.
            application_name: what Postgres shows in `pg_stat_activity`.
            clock: for the waiting between attempts.
            ids: for the jitter of that waiting.
        """
        self._limits = limits or DatabaseLimits()
        self._clock = clock or SystemClock()
        self._ids = ids or SystemIds(self._clock)
        self._observers: list[Observe] = []
        self._followers: dict[str, AfterCommit] = {}
        self._writers = self._pool(url, application_name, read_only=False)
        self._readers = self._pool(read_url or url, application_name, read_only=True)

    @property
    def measures(self) -> tuple[Collector, ...]:
        """What `/metrics` tells: connections in use, by what they are for."""
        return (
            Reading(
                "rafiki_database_connections_reading",
                "connections to Postgres in use by reads",
                lambda: self._readers.in_use,
            ),
            Reading(
                "rafiki_database_connections_writing",
                "connections to Postgres in use by writes",
                lambda: self._writers.in_use,
            ),
            Reading(
                "rafiki_database_callers_waiting",
                "callers that wait for a connection to Postgres",
                lambda: self._readers.waiting + self._writers.waiting,
            ),
        )

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """A session that can't write.

        Raises:
            Unavailable: Postgres does not answer, or not in time.
            ResourceExhausted: no connection became free in time.
        """
        connection = await self._readers.acquire()
        session = ReadSession(connection)
        try:
            yield session
        finally:
            session.end()
            await self._readers.release(connection)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteSession]:
        """One transaction, committed when the block ends without an exception.

        Raises:
            Unavailable: Postgres does not answer, or ended the transaction for another's sake; the
                transaction may have been committed only when the connection broke at its end.
            ResourceExhausted: no connection became free in time.
        """
        connection = await self._writers.acquire()
        session = WriteSession(connection, followers=self._followers)
        try:
            yield session
            await session.before_commit()
            await connection.commit()
        finally:
            session.end()
            await self._writers.release(connection)
        await session.committed()

    async def write_one(
        self, statement: Prepared, parameters: Mapping[str, Any] | None = None
    ) -> Rows:
        """Run one statement, in one round trip: a write, or a read that no replica may answer.

        It is a transaction of its own; raises as `write` does.
        """
        arguments = statement.arguments(parameters)
        connection = await self._writers.acquire()
        try:
            return await connection.run(statement, arguments)
        finally:
            await self._writers.release(connection)

    async def write_retrying(self, work: Callable[[WriteSession], Awaitable[T]]) -> T:
        """Run `work` in a transaction, again when Postgres ended it for another one's sake.

        `work` runs several times, so it touches nothing but its session.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                async with self.write() as session:
                    return await work(session)
            except Unavailable as error:
                if attempt >= self._limits.write_attempts_max or not is_retriable(error):
                    raise
            await self._clock.sleep(self._limits.write_backoff.delay_s(attempt, self._ids))

    def after_notifying(self, channel: str, follower: AfterCommit) -> None:
        """Run this after each transaction that notified a channel, before its caller goes on."""
        self._followers[channel] = follower

    async def check(self) -> None:
        """For health: raises when Postgres does not answer."""
        async with self.read() as session:
            await session.execute(_ONE)

    async def close(self) -> None:
        """Close all connections, also when the caller is being cancelled."""
        await asyncio.shield(asyncio.gather(self._writers.close(), self._readers.close()))

    @contextmanager
    def count_statements(self) -> Iterator[list[str]]:
        """Gather the text of each round trip meanwhile: statements, BEGIN and COMMIT alike."""
        seen: list[str] = []
        observe = seen.append
        self._observers.append(observe)
        try:
            yield seen
        finally:
            self._observers.remove(observe)

    def _pool(self, url: str, application_name: str, *, read_only: bool) -> ConnectionPool:
        limits = self._limits
        settings = {
            "application_name": application_name,
            "statement_timeout": str(limits.statement_timeout_ms),
            "lock_timeout": str(limits.lock_timeout_ms),
            "idle_in_transaction_session_timeout": str(limits.idle_in_transaction_timeout_ms),
            "jit": "off",
        }
        if read_only:
            settings["default_transaction_read_only"] = "on"
        return ConnectionPool(
            url,
            connections_max=(
                limits.read_connections_max if read_only else limits.write_connections_max
            ),
            checkout_timeout_s=limits.checkout_timeout_ms / 1000,
            connect_timeout_s=limits.connect_timeout_ms / 1000,
            statement_timeout_s=limits.statement_timeout_ms / 1000,
            settings=settings,
            observers=self._observers,
        )


def _compiled(statement: Statement, parameters: Parameters) -> tuple[Prepared, list[list[Any]]]:
    sets = [parameters] if isinstance(parameters, Mapping) else list(parameters or ())
    if isinstance(statement, Prepared):
        return statement, [statement.arguments(given) for given in sets]
    return _compiler.compile(statement, sets)
