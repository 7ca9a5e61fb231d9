"""Calls to the cluster with bounded waiting and one session that is replaced when it is lost.

The native library waits for ever. Here a caller waits at most `reply_timeout_s`; after that it gets
`LedgerUnavailableError` and the call goes on by itself: the cluster applies it sooner or later, and
a retry under the same ids meets the outcome. The same holds when a caller is cancelled. Calls that
are overdue are counted, and from OVERDUE_CALLS_MAX on nothing more is sent: it would only queue up
behind them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from services.backend.ledger.errors import LedgerClosedError, LedgerUnavailableError
from services.backend.ledger.tigerbeetle.errors import (
    CLUSTER_SESSIONS_MAX,
    TigerBeetleClientLimitError,
    TigerBeetleReleaseError,
)
from services.backend.ledger.tigerbeetle.session import Session, SessionError, SessionFailure

OVERDUE_CALLS_MAX: Final = 8  # that many timeouts say that the cluster is away
CALLS_MAX: Final = 1_000  # under way at a time, those of cancelled callers included
SESSIONS_PER_CALL_MAX: Final = 2
REPLY_TIMEOUT_S: Final = 10.0

LateReply = Callable[[bytes], None]


class TooMuchDataError(Exception):
    """A request had more events than the cluster takes; nothing was sent."""


def release_error(failure: SessionFailure) -> TigerBeetleReleaseError | None:
    """The error for a release that the cluster does not talk to, if that is what happened."""
    if failure is SessionFailure.RELEASE_TOO_LOW:
        return TigerBeetleReleaseError(
            "this process's TigerBeetle client is older than the cluster's minimum client "
            "release: upgrade the `tigerbeetle` package"
        )
    if failure is SessionFailure.RELEASE_TOO_HIGH:
        return TigerBeetleReleaseError(
            "this process's TigerBeetle client is newer than the cluster: upgrade the replicas "
            "first, or install the `tigerbeetle` package of their release"
        )
    return None


class Calls:
    """Sends requests through one session.

    Args:
        connect: makes a session; used at the first call and after the cluster has evicted one.
        reply_timeout_s: how long a caller waits, in seconds.
    """

    def __init__(
        self, *, connect: Callable[[], Awaitable[Session]], reply_timeout_s: float
    ) -> None:
        self._connect = connect
        self._reply_timeout_s = reply_timeout_s
        self._session: Session | None = None
        self._changing = asyncio.Lock()
        self._under_way = 0
        self._abandoned: dict[asyncio.Future[bytes], tuple[int, bytearray]] = {}
        self._overdue: set[asyncio.Future[bytes]] = set()
        self._closed = False

    @property
    def abandoned_count(self) -> int:
        """How many calls are under way that nobody waits for."""
        return len(self._abandoned)

    async def ready(self) -> None:
        """Have a session, or raise why there can't be one."""
        await self._current()

    async def write(
        self, operation: int, body: bytearray, *, on_late_reply: LateReply | None = None
    ) -> bytes:
        """Send a request that is the same however often it is sent, and return the reply.

        A retry of a call that is still under way joins it instead of sending it again.
        `on_late_reply` gets the reply that comes when nobody waits any more. Raises what `read`
        does.
        """
        for future, request in self._abandoned.items():
            if request == (operation, body):
                return await self._join(future)
        return await self._send(operation, body, on_late_reply)

    async def read(self, operation: int, body: bytearray) -> bytes:
        """Send a request that changes nothing, and return the reply.

        Raises:
            LedgerUnavailableError: no reply in time, or too many calls are waiting for one.
            TooMuchDataError: nothing was sent.
            TigerBeetleReleaseError, LedgerClosedError.
        """
        return await self._send(operation, body, None)

    async def _send(
        self, operation: int, body: bytearray, on_late_reply: LateReply | None
    ) -> bytes:
        for _ in range(SESSIONS_PER_CALL_MAX):
            session = await self._current()
            self._check_room()
            future = session.submit(operation, body)
            self._under_way += 1
            future.add_done_callback(self._count_down)
            try:
                answered = await self._wait(future)
            finally:
                if not future.done():
                    self._abandon(future, operation, body, on_late_reply)
            if not answered:
                self._overdue.add(future)
                raise self._no_reply()
            try:
                return future.result()
            except SessionError as error:
                await self._on_failure(session, error.failure)
        raise TigerBeetleClientLimitError(
            "the cluster evicts this process's sessions as fast as they are made: more than "
            f"{CLUSTER_SESSIONS_MAX} clients are in use; run fewer processes that use the ledger"
        )

    def _check_room(self) -> None:
        if len(self._overdue) >= OVERDUE_CALLS_MAX or self._under_way >= CALLS_MAX:
            raise LedgerUnavailableError(
                f"{self._under_way} calls to TigerBeetle wait for a reply, {len(self._overdue)} of "
                "them for too long; nothing was sent"
            )

    def _count_down(self, future: asyncio.Future[bytes]) -> None:
        self._under_way -= 1
        self._overdue.discard(future)

    async def _join(self, future: asyncio.Future[bytes]) -> bytes:
        if not await self._wait(future):
            raise self._no_reply()
        try:
            return future.result()
        except SessionError as error:
            raise LedgerUnavailableError(
                f"the call to TigerBeetle was lost ({error}); the outcome is unknown, retry under "
                "the same ids"
            ) from error

    async def _wait(self, future: asyncio.Future[bytes]) -> bool:
        """Wait for a reply; neither the end of patience nor a cancellation cancels the call."""
        await asyncio.wait((future,), timeout=self._reply_timeout_s)
        return future.done()

    def _no_reply(self) -> LedgerUnavailableError:
        return LedgerUnavailableError(
            f"no reply from TigerBeetle in {self._reply_timeout_s:g} s; the outcome is unknown, "
            "retry under the same ids"
        )

    def _abandon(
        self,
        future: asyncio.Future[bytes],
        operation: int,
        body: bytearray,
        on_late_reply: LateReply | None,
    ) -> None:
        def settle(settled: asyncio.Future[bytes]) -> None:
            del self._abandoned[settled]
            if not settled.cancelled() and settled.exception() is None and on_late_reply:
                on_late_reply(settled.result())

        self._abandoned[future] = operation, body
        future.add_done_callback(settle)

    async def _current(self) -> Session:
        session = self._session
        if session is None or self._closed:
            async with self._changing:
                if self._closed:
                    raise LedgerClosedError
                if self._session is None:
                    self._session = await self._connect()
                session = self._session
        return session

    async def _on_failure(self, session: Session, failure: SessionFailure) -> None:
        """Raise what the caller must know; return when the call may be sent again."""
        if failure is SessionFailure.TOO_MUCH_DATA:
            raise TooMuchDataError
        mismatch = release_error(failure)
        if mismatch is not None:
            raise mismatch
        if failure is SessionFailure.CLOSED:
            raise LedgerUnavailableError(
                "the ledger was closed under a call; its outcome is unknown"
            )
        assert failure is SessionFailure.EVICTED, failure
        async with self._changing:
            if self._session is session:
                self._session = None
        await session.close()

    async def close(self) -> None:
        """End the session. Calls under way fail: their outcome is unknown."""
        async with self._changing:
            self._closed = True
            session = self._session
        if session is not None:
            await session.close()
