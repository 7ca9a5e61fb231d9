"""Postgres: two kinds of sessions, and the one place that commits.

`read()` gives a session on a connection that Postgres itself holds to reading, with no transaction
around it. `write()` is one transaction: committed when its block ends, rolled back when it raises.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from sqlalchemy import CursorResult, Executable, ScalarResult, event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from servicekit.backoff import Backoff
from servicekit.clock import Clock, SystemClock
from servicekit.database_errors import connecting, is_retriable, translated
from servicekit.database_url import driver_url
from servicekit.errors import Unavailable
from servicekit.ids import IdSource, SystemIds

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
AfterCommit = Callable[[], Awaitable[None] | None]
T = TypeVar("T")

NOTIFY_PAYLOAD_BYTES_MAX = 7_999
"""Postgres' own limit."""
_NOTIFY = text(
    "SELECT pg_notify(c, p) FROM unnest(CAST(:channels AS text[]), CAST(:payloads AS text[]))"
    " AS n(c, p)"
)
_ONE = text("SELECT 1")
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

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def execute(
        self, statement: Executable, parameters: Parameters = None
    ) -> CursorResult[Any]:
        """Run a statement and give its rows."""
        return await self._connection.execute(statement, parameters)

    async def scalar(self, statement: Executable, parameters: Parameters = None) -> Any:
        """The first column of the first row, or None."""
        return (await self.execute(statement, parameters)).scalar()

    async def scalars(
        self, statement: Executable, parameters: Parameters = None
    ) -> ScalarResult[Any]:
        """The first column of each row."""
        return (await self.execute(statement, parameters)).scalars()


class WriteSession(ReadSession):
    """One transaction. It can't be committed from here: the block that opened it does."""

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection)
        self._after_commit: list[AfterCommit] = []
        self._notifications: dict[tuple[str, str], None] = {}

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
        async with self._connection.begin_nested():
            yield

    async def before_commit(self) -> None:
        """Send the notifications, all in one statement."""
        if self._notifications:
            channels, payloads = zip(*self._notifications, strict=True)
            await self.execute(_NOTIFY, {"channels": list(channels), "payloads": list(payloads)})

    async def committed(self) -> None:
        """Run what waited for the commit."""
        for callback in self._after_commit:
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
        self._writer = _engine(url, self._limits, application_name, read_only=False)
        self._reader = _engine(read_url or url, self._limits, application_name, read_only=True)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """A session that can't write.

        Raises:
            Unavailable: Postgres does not answer, or not in time.
            ResourceExhausted: no connection became free in time.
        """
        with translated():
            async with AsyncExitStack() as stack:
                with connecting():
                    connection = await stack.enter_async_context(self._reader.connect())
                yield ReadSession(connection)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteSession]:
        """One transaction, committed when the block ends without an exception.

        Raises:
            Unavailable: Postgres does not answer, or ended the transaction for another's sake; the
                transaction may have been committed only when the connection broke at its end.
            ResourceExhausted: no connection became free in time.
        """
        with translated():
            async with AsyncExitStack() as stack:
                with connecting():
                    connection = await stack.enter_async_context(self._writer.begin())
                session = WriteSession(connection)
                yield session
                await session.before_commit()
        await session.committed()

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

    async def check(self) -> None:
        """For health: raises when Postgres does not answer."""
        async with self.read() as session:
            await session.execute(_ONE)

    async def close(self) -> None:
        """Close all connections, also when the caller is being cancelled."""
        await asyncio.shield(asyncio.gather(self._writer.dispose(), self._reader.dispose()))

    @contextmanager
    def count_statements(self) -> Iterator[list[str]]:
        """Gather the text of each statement sent meanwhile; BEGIN and COMMIT are not among them."""
        seen: list[str] = []

        def listener(*arguments: Any) -> None:
            seen.append(arguments[2])

        engines = (self._writer.sync_engine, self._reader.sync_engine)
        for engine in engines:
            event.listen(engine, "before_cursor_execute", listener)
        try:
            yield seen
        finally:
            for engine in engines:
                event.remove(engine, "before_cursor_execute", listener)


def _engine(
    url: str, limits: DatabaseLimits, application_name: str, *, read_only: bool
) -> AsyncEngine:
    settings = {
        "application_name": application_name,
        "statement_timeout": str(limits.statement_timeout_ms),
        "lock_timeout": str(limits.lock_timeout_ms),
        "idle_in_transaction_session_timeout": str(limits.idle_in_transaction_timeout_ms),
        "jit": "off",
    }
    options: dict[str, Any] = {}
    if read_only:
        settings["default_transaction_read_only"] = "on"
        # No BEGIN and no ROLLBACK around a read: two round trips less.
        options["isolation_level"] = "AUTOCOMMIT"
    return create_async_engine(
        driver_url(url),
        pool_size=limits.read_connections_max if read_only else limits.write_connections_max,
        max_overflow=0,
        pool_timeout=limits.checkout_timeout_ms / 1000,
        pool_use_lifo=True,
        connect_args={
            "timeout": limits.connect_timeout_ms / 1000,
            "server_settings": settings,
        },
        **options,
    )
