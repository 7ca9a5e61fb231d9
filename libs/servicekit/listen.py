"""LISTEN on Postgres channels, for caches in memory that must not go stale unseen.

Rules: after every connect, listening comes first and then `on_reload`, so nothing falls between.
When anything goes wrong (the connection, a handler, too many waiting notifications), all starts
over with a connect and a reload; a notification is never dropped without one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import asyncpg
import structlog
from sqlalchemy import text

from servicekit.backoff import Backoff
from servicekit.clock import Clock
from servicekit.database_url import asyncpg_url
from servicekit.ids import IdSource
from servicekit.statements import Prepared, prepared

OnNotify = Callable[[str, str], Awaitable[None]]
OnReload = Callable[[], Awaitable[None]]

PENDING_MAX = 10_000
PING_INTERVAL_S = 30.0
PING_TIMEOUT_S = 5.0
CONFIRM_TIMEOUT_S = 10.0
"""More than a ping may take: a connection that does not answer is given up, and waited for once."""
CONNECT_TIMEOUT_S = 10.0
BACKOFF = Backoff(first_ms=100, max_ms=10_000)
# The last: asked while it reads the server's farewell.
_LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
_PING = prepared(text("SELECT 1"))
_log = structlog.get_logger(__name__)


class _Broken(Exception):  # noqa: N818 - it reads as what happened
    """This connection can't be trusted any more."""


class Listener:
    """One subscription, on a connection of its own."""

    def __init__(
        self,
        url: str,
        *,
        channels: Sequence[str],
        on_notify: OnNotify,
        on_reload: OnReload,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        """Handlers run one at a time, in order; equal waiting notifications are handled once."""
        self._url = asyncpg_url(url)
        self._channels = tuple(channels)
        self._on_notify = on_notify
        self._on_reload = on_reload
        self._clock = clock
        self._ids = ids
        self._loaded = asyncio.Event()
        self._pending: dict[tuple[str, str] | asyncio.Future[bool], None] = {}
        """What waits in order: notifications, and callers of `confirm`."""
        self._connection: Any = None
        """The one that is listened on, once everything is loaded."""
        self._querying = asyncio.Lock()
        self._wake = asyncio.Event()
        self._closed = False
        self._loaded_now = False

    async def loaded(self) -> None:
        """Wait for the first reload to be done."""
        await self._loaded.wait()

    async def confirm(self, statement: Prepared, values: Mapping[str, Any]) -> bool:
        """Run a statement on the connection and handle all that was committed before it.

        False when that can't be said: the connection is lost, or something is loaded or handled
        that takes longer than CONFIRM_TIMEOUT_S.
        """
        connection = self._connection
        if connection is None:
            return False
        handled: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(CONFIRM_TIMEOUT_S):
                if not await self._answers(connection, statement, values):
                    return False
                # What was notified on the connection before the answer waits before this.
                self._pending[handled] = None
                self._wake.set()
                return await handled
        except TimeoutError:
            return False

    async def run(self) -> None:
        """Listen until cancelled, reconnecting with a bounded back-off."""
        attempt = 0
        while True:
            self._loaded_now = False
            try:
                await self._session()
            except _LOST as error:
                _log.warning("listener_disconnected", error=repr(error))
            except _Broken as error:
                _log.warning("listener_disconnected", error=str(error))
            except Exception:  # noqa: BLE001 - a failed handler means stale state: start over
                _log.exception("listener_handler_failed")
            attempt = 1 if self._loaded_now else attempt + 1
            await self._clock.sleep(BACKOFF.delay_s(attempt, self._ids))

    async def _session(self) -> None:
        self._pending.clear()
        self._wake.clear()
        self._closed = False
        connection: Any = await asyncpg.connect(self._url, timeout=CONNECT_TIMEOUT_S)
        try:
            connection.add_termination_listener(self._terminated)
            for channel in self._channels:
                await connection.add_listener(channel, self._received)
            await self._on_reload()
            self._connection = connection
            self._loaded_now = True
            self._loaded.set()
            await self._handle_until_broken(connection)
        finally:
            self._connection = None
            for waiting in self._pending:
                if isinstance(waiting, asyncio.Future) and not waiting.done():
                    waiting.set_result(False)
            self._pending.clear()
            connection.terminate()

    async def _handle_until_broken(self, connection: Any) -> None:
        while True:
            try:
                async with asyncio.timeout(PING_INTERVAL_S):
                    await self._wake.wait()
            except TimeoutError:
                # A peer that vanished without a word shows only when asked.
                if not await self._answers(connection):
                    raise _Broken("the connection does not answer") from None
                continue
            self._wake.clear()
            if self._closed:
                raise _Broken("the connection ended")
            if len(self._pending) > PENDING_MAX:
                raise _Broken("too many notifications wait")
            while self._pending:
                waiting = next(iter(self._pending))
                del self._pending[waiting]
                if isinstance(waiting, tuple):
                    await self._on_notify(*waiting)
                elif not waiting.done():
                    waiting.set_result(True)

    async def _answers(
        self, connection: Any, statement: Prepared = _PING, values: Mapping[str, Any] | None = None
    ) -> bool:
        """Whether the connection lives; what was notified on it before the answer is here then."""
        try:
            async with self._querying:
                arguments = statement.arguments(values)
                await connection.fetch(statement.sql, *arguments, timeout=PING_TIMEOUT_S)
        except _LOST:
            self._terminated(connection)
            return False
        return True

    def _received(self, _connection: Any, _pid: int, channel: str, payload: object) -> None:
        if len(self._pending) <= PENDING_MAX:
            self._pending[channel, str(payload)] = None
        self._wake.set()

    def _terminated(self, _connection: Any) -> None:
        self._closed = True
        self._wake.set()
