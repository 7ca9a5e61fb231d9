"""A process from its start to its end: signals, background tasks, and closing in order."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, NoReturn, TypeVar

import structlog
import uvloop

from servicekit.errors import ServiceError
from servicekit.settings import SettingsRefused

SHUTDOWN_S_MAX = 30.0
EXIT_OK, EXIT_FAILED, EXIT_SETTINGS = 0, 1, 2
_START_BACKOFF_S = (0.1, 0.3, 1.0, 2.0)
T = TypeVar("T")
_log = structlog.get_logger(__name__)


class Lifecycle:
    """What a service's start is given: where to put what must be closed or keep running.

    What is opened first is closed last: stores, then workers, then servers at start; servers drain
    first at the end.
    """

    def __init__(self, stack: AsyncExitStack) -> None:
        self.stack = stack
        self.stopping = asyncio.Event()
        """Set at the first signal; loops that claim new work end then."""
        self.failed = False

    def on_close(self, close: Callable[[], Awaitable[object]]) -> None:
        """Await this at the end, after everything that was opened later is closed."""
        self.stack.push_async_callback(close)

    def spawn(self, name: str, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run a task for as long as the process; its death is the process's end.

        At closing it is cancelled, in its place in the order, and waited for.
        """
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)

        async def stop() -> None:
            task.cancel()
            await asyncio.wait([task])

        self.on_close(stop)
        return task

    def stop(self) -> None:
        """End the process in order."""
        self.stopping.set()

    async def opened(self, name: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Wait at start for a store that is not there yet, however long that takes.

        Processes and stores of a node start in any order. Raises what `attempt` raised last when
        the process is asked to end meanwhile.
        """
        failures = 0
        while True:
            try:
                return await attempt()
            except (ServiceError, OSError) as error:
                failures += 1
                _log.warning("waits_for_store", store=name, error=str(error))
                if await self._told_to_stop_within(_START_BACKOFF_S[min(failures, 4) - 1]):
                    raise

    async def _told_to_stop_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self.stopping.wait()
        except TimeoutError:
            return False

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if task.cancelled() or self.stopping.is_set():
            return
        error = task.exception()
        _log.error("task_ended", task=task.get_name(), exc_info=error)
        self.failed = True
        self.stop()


Main = Callable[[Lifecycle], Awaitable[None]]


def run(main: Main, *, shutdown_s_max: float = SHUTDOWN_S_MAX) -> NoReturn:
    """Start a service, wait for its end, and exit the process.

    `main` opens everything and returns. SIGTERM or SIGINT closes it in reverse order; a second one
    exits at once with 1. Exit codes: 0 in order, 1 failed or not closed in time, 2 wrong settings.
    """
    try:
        code = uvloop.run(_run(main, shutdown_s_max))
    except SettingsRefused as refused:
        sys.stderr.write(f"{refused}\n")
        code = EXIT_SETTINGS
    sys.exit(code)


async def _run(main: Main, shutdown_s_max: float) -> int:
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as signals:
        stack = AsyncExitStack()
        lifecycle = Lifecycle(stack)

        def received() -> None:
            if lifecycle.stopping.is_set():
                # Asked twice: whoever asks does not want to wait for any close.
                os._exit(EXIT_FAILED)
            lifecycle.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, received)
            signals.callback(loop.remove_signal_handler, number)
        try:
            await main(lifecycle)
            _log.info("started")
            await lifecycle.stopping.wait()
        finally:
            lifecycle.stopping.set()
            _log.info("stopping")
            closed = await _close(stack, shutdown_s_max)
    _log.info("stopped")
    return EXIT_OK if closed and not lifecycle.failed else EXIT_FAILED


async def _close(stack: AsyncExitStack, shutdown_s_max: float) -> bool:
    try:
        async with asyncio.timeout(shutdown_s_max):
            await stack.aclose()
    except TimeoutError:
        _log.exception("shutdown_took_too_long")
        return False
    except Exception:  # noqa: BLE001 - the exit code tells; the rest of the stack has been closed
        _log.exception("shutdown_failed")
        return False
    return True
