"""Connections that a process keeps, a fixed number of them, each with the statements it prepared.

A free connection is clean: no transaction is open and no statement runs. What a failure or a
cancelled call leaves behind is rolled back before the next caller gets the connection, and a
connection that does not even do that is closed. The one freed last is the first one used.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import asyncpg

from servicekit.database_errors import as_error, no_free_connection
from servicekit.database_url import asyncpg_url
from servicekit.errors import Unavailable
from servicekit.statements import Prepared, Rows

PREPARED_MAX: Final = 300
"""Statements that one connection keeps prepared."""
ROLLBACK_TIMEOUT_S: Final = 5.0
CLOSE_TIMEOUT_S: Final = 2.0
# The server ends a statement first; this is for a server that vanished.
_COMMAND_GRACE_S: Final = 5.0
# Postgres changed a table under a prepared statement: prepare it anew.
_STALE: Final = (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError)
_JSONB_VERSION: Final = b"\x01"

Observe = Callable[[str], None]
"""Is told each statement that is sent."""


class Connection:
    """One connection, for one user at a time."""

    def __init__(self, driver: Any, observers: Sequence[Observe]) -> None:
        self._driver = driver
        self._observers = observers
        self._prepared: dict[str, Any] = {}
        self._dirty = False
        self.in_transaction = False

    @property
    def is_broken(self) -> bool:
        """Whether it ended."""
        return bool(self._driver.is_closed())

    @property
    def is_clean(self) -> bool:
        """Whether the next caller may have it as it is."""
        return not (self._dirty or self.in_transaction)

    async def run(self, statement: Prepared, arguments: Sequence[Any]) -> Rows:
        """Run a statement once."""
        sql = statement.sql
        self._sent(sql)
        try:
            try:
                driver_statement = await self._prepare(sql)
                records = await driver_statement.fetch(*arguments)
            except _STALE:
                self._prepared.clear()
                if self.in_transaction:
                    raise
                driver_statement = await self._prepare(sql)
                records = await driver_statement.fetch(*arguments)
        except BaseException as error:
            raise self._failed(error, sql) from error
        return statement.rows(
            records, driver_statement.get_statusmsg(), driver_statement.get_attributes
        )

    async def run_many(self, statement: Prepared, arguments: Sequence[Sequence[Any]]) -> Rows:
        """Run a statement for each list of arguments, in one round trip; all of them or none."""
        self._sent(statement.sql)
        try:
            driver_statement = await self._prepare(statement.sql)
            await driver_statement.executemany(arguments)
        except BaseException as error:
            raise self._failed(error, statement.sql) from error
        return statement.rows((), "", driver_statement.get_attributes)

    async def begin(self) -> None:
        """Start a transaction."""
        await self.command("BEGIN")
        self.in_transaction = True

    async def commit(self) -> None:
        """Commit, if anything was sent.

        Raises:
            RuntimeError: a statement had failed and the caller went on: Postgres rolled back.
        """
        if not self.in_transaction:
            return
        if await self.command("COMMIT") != "COMMIT":
            self.in_transaction = False
            raise RuntimeError("a statement of the transaction failed: it was rolled back")
        self.in_transaction = False

    async def command(self, sql: str) -> str:
        """Run SQL that has no parameters and no rows; gives the server's word for it."""
        self._sent(sql)
        try:
            return str(await self._driver.execute(sql))
        except BaseException as error:
            raise self._failed(error, sql) from error

    async def clean(self) -> None:
        """Undo what is unfinished; a connection where that fails is closed."""
        try:
            # Also waits until Postgres has stopped a statement whose caller was cancelled.
            await self._driver.execute("ROLLBACK", timeout=ROLLBACK_TIMEOUT_S)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._driver.terminate()
        self._dirty = self.in_transaction = False

    async def close(self) -> None:
        """Say goodbye, or hang up."""
        try:
            await self._driver.close(timeout=CLOSE_TIMEOUT_S)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._driver.terminate()

    def hang_up(self) -> None:
        """Close without waiting."""
        self._driver.terminate()

    async def _prepare(self, sql: str) -> Any:
        # Taken out and put back, so that the one unused for longest comes first.
        known = self._prepared.pop(sql, None)
        if known is None:
            known = await self._driver.prepare(sql)
            if len(self._prepared) >= PREPARED_MAX:
                del self._prepared[next(iter(self._prepared))]
        self._prepared[sql] = known
        return known

    def _sent(self, sql: str) -> None:
        for observe in self._observers:
            observe(sql)

    def _failed(self, error: BaseException, sql: str) -> BaseException:
        if not isinstance(error, Exception):
            # Cancelled while the statement ran: it may still be running.
            self._dirty = True
            return error
        if not isinstance(error, asyncpg.PostgresError):
            self._dirty = True
        return as_error(error, sql, broken=self.is_broken)


class ConnectionPool:
    """At most so many connections with the same settings; opened when first needed."""

    def __init__(
        self,
        url: str,
        *,
        connections_max: int,
        checkout_timeout_s: float,
        connect_timeout_s: float,
        statement_timeout_s: float,
        settings: Mapping[str, str],
        observers: Sequence[Observe],
    ) -> None:
        self._url = asyncpg_url(url)
        self._connections_max = self._slots_free = connections_max
        self._checkout_timeout_s = checkout_timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._command_timeout_s = statement_timeout_s + _COMMAND_GRACE_S
        self._settings = dict(settings)
        self._observers = observers
        self._idle: list[Connection] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._cleaning: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def in_use(self) -> int:
        """Connections that somebody has, or that are being opened or cleaned for somebody."""
        return self._connections_max - self._slots_free

    @property
    def waiting(self) -> int:
        """Callers that wait for one."""
        return sum(not each.done() for each in self._waiting)

    async def acquire(self) -> Connection:
        """A clean connection; give it back with `release`.

        Raises:
            ResourceExhausted: none became free in time.
            Unavailable: Postgres does not answer.
        """
        if self._slots_free and not self._waiting:
            self._slots_free -= 1
        else:
            await self._wait_for_slot()
        try:
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_broken:
                    return connection
            return await self._connect()
        except BaseException:
            self._free_slot()
            raise

    async def release(self, connection: Connection) -> None:
        """Give a connection back; returns when nothing of its user is left in Postgres."""
        if connection.is_clean:
            self._put_back(connection)
            return
        # In a task of its own: it has to end even when the caller is cancelled once more.
        cleaning = asyncio.create_task(self._clean(connection))
        self._cleaning.add(cleaning)
        cleaning.add_done_callback(self._cleaning.discard)
        await asyncio.shield(cleaning)

    async def close(self) -> None:
        """Close what is idle now and what is in use when it comes back."""
        self._closed = True
        if self._cleaning:
            await asyncio.wait(self._cleaning)
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.close() for connection in idle))

    async def _connect(self) -> Connection:
        if self._closed:
            raise Unavailable("UNAVAILABLE", "the service is stopping")
        try:
            driver = await asyncpg.connect(
                self._url,
                timeout=self._connect_timeout_s,
                command_timeout=self._command_timeout_s,
                server_settings=self._settings,
            )
            await _set_json_codecs(driver)
        except Exception as error:
            raise as_error(error, None, broken=False) from error
        return Connection(driver, self._observers)

    async def _wait_for_slot(self) -> None:
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        try:
            async with asyncio.timeout(self._checkout_timeout_s):
                await mine
        except BaseException as error:
            if mine.done() and not mine.cancelled():
                self._free_slot()  # it was given to us just as we stopped waiting
            else:
                with contextlib.suppress(ValueError):
                    self._waiting.remove(mine)
            if isinstance(error, TimeoutError):
                raise no_free_connection() from None
            raise

    def _free_slot(self) -> None:
        while self._waiting:
            next_one = self._waiting.popleft()
            if not next_one.done():
                next_one.set_result(None)
                return
        self._slots_free += 1

    async def _clean(self, connection: Connection) -> None:
        try:
            await connection.clean()
        finally:
            self._put_back(connection)

    def _put_back(self, connection: Connection) -> None:
        if self._closed:
            connection.hang_up()
        elif not connection.is_broken:
            self._idle.append(connection)
        self._free_slot()


async def _set_json_codecs(driver: Any) -> None:
    """JSON goes as text that SQLAlchemy's types made, and comes as what it says."""
    await driver.set_type_codec(
        "json", schema="pg_catalog", format="binary", encoder=str.encode, decoder=json.loads
    )
    await driver.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda text: _JSONB_VERSION + text.encode(),
        decoder=lambda data: json.loads(data[1:]),
    )
