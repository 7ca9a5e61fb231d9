"""An event loop in virtual time, and processes in it that can be killed or frozen at any await.

Nothing of a killed process runs again, no `finally` either: as after kill -9. What a frozen one
would have run waits until it thaws. Whose a callback is, its context says.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVarTuple, Unpack

START: Final = datetime(2030, 1, 1, tzinfo=UTC)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_Args = TypeVarTuple("_Args")


class Process:
    """Something that can die."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop
        self._context = copy_context()
        self._context.run(_PROCESS.set, self)
        self._tasks: list[asyncio.Task[Any]] = []
        self.alive = True
        self.frozen = False
        self.held: list[asyncio.Handle] = []

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something in this process."""
        task = self._loop.create_task(work, context=self._context.copy())
        self._tasks.append(task)

    def kill(self) -> None:
        """Nothing of it runs from now on."""
        self.alive = False
        self.held.clear()

    def thaw(self) -> None:
        """Go on where it was frozen."""
        self.frozen = False
        self._loop.again(self.held)
        self.held = []


_PROCESS: ContextVar[Process] = ContextVar("_PROCESS")


def _may_run(handle: asyncio.Handle, context: Context) -> bool:
    process = context.get(_PROCESS)
    if process is None or (process.alive and not process.frozen):
        return True
    if process.alive:
        process.held.append(handle)
    return False


class _Soon(asyncio.Handle):
    __slots__ = ()
    _context: Context

    def _run(self) -> None:
        if _may_run(self, self._context):
            super()._run()


class _Timer(asyncio.TimerHandle):
    __slots__ = ()
    _context: Context

    def _run(self) -> None:
        if _may_run(self, self._context):
            super()._run()


class VirtualLoop(asyncio.BaseEventLoop):
    """Time passes when nothing else is left to do; nothing comes from outside."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self) -> None:
        super().__init__()
        self._elapsed = 0.0
        self._selector = self
        self.tasks: list[asyncio.Task[Any]] = []
        self.set_task_factory(self._new_task)

    def time(self) -> float:
        """Seconds since the start."""
        return self._elapsed

    def select(self, timeout: float | None) -> list[Any]:
        """As the selector of asyncio's loop, which waits here."""
        if timeout is None:
            raise RuntimeError("nothing is left that could happen")
        self._elapsed += max(timeout, 0.0)
        return []

    def call_soon(
        self,
        callback: Callable[[Unpack[_Args]], object],
        *args: *_Args,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """As asyncio's."""
        handle = _Soon(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Args]], object],
        *args: *_Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As asyncio's."""
        timer = _Timer(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True  # type: ignore[attr-defined] # asyncio names it so
        return timer

    def again(self, handles: list[asyncio.Handle]) -> None:
        """Run what was held back."""
        self._ready.extend(handles)

    def end(self) -> None:
        """Throw away what still waits; the dead ran no `finally`, and must not do it now."""
        for task in self.tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined] # asyncio names it so
                _discard(task.get_coro())
        self._ready.clear()
        self._scheduled.clear()
        self.tasks.clear()
        self.close()

    def _new_task(self, loop: Any, coro: Any, context: Context | None = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, context=context)
        self.tasks.append(task)
        return task

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody waits elsewhere."""


def _discard(coro: Any) -> None:
    for _ in range(8):
        try:
            coro.close()
        except BaseException:  # noqa: BLE001, S112 - it may answer its end with anything
            continue
        return


class VirtualClock:
    """A `servicekit.clock.Clock` of one machine, which may be wrong by some milliseconds."""

    def __init__(self, loop: VirtualLoop, *, ahead_ms: int = 0) -> None:
        self._loop = loop
        self._start = START + timedelta(milliseconds=ahead_ms)

    def now(self) -> datetime:
        """The wall time."""
        return self._start + timedelta(seconds=self._loop.time())

    def now_ms(self) -> int:
        """The same in milliseconds since the epoch."""
        return (self.now() - _EPOCH) // timedelta(milliseconds=1)

    def monotonic(self) -> float:
        """Seconds since the start."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(max(seconds, 0.0))
