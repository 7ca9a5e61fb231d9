"""Several worker processes of one service: started, watched, restarted and ended together.

A worker that dies is started again, for ever: one that can't start must not end those that serve.
SIGHUP replaces the workers one by one, so that new code is taken up while the others serve.

Each worker has ports of its own, because one shared port behind a proxy sends every call to one of
them: the proxy in front balances over the ports.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from servicekit.backoff import Backoff
from servicekit.clock import Clock
from servicekit.ids import IdSource
from servicekit.lifecycle import EXIT_FAILED, EXIT_OK, EXIT_SETTINGS

WORKER_INDEX_VARIABLE = "WORKER_INDEX"
WORKERS_MAX = 256
LOOPBACK = "127.0.0.1"
ANY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 - named, not bound to
_PORT_MAX = 65_535
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class WorkerLimits:
    """Every bound of the watching; times in seconds."""

    early_death_s: float = 10.0
    """A worker that dies within this time did not start: the next start waits longer."""
    stop_grace_s: float = 40.0
    """From the forwarded signal to the kill; longer than a worker's own shutdown."""
    serves_within_s: float = 60.0
    """A replaced worker that listens no sooner ends the replacing: the others stay as they are."""
    poll_s: float = 0.1
    backoff: Backoff = field(default_factory=lambda: Backoff(first_ms=200, max_ms=10_000))


def worker_ports(base_ports: Mapping[str, int], workers: int, step: int) -> list[dict[str, str]]:
    """The port variables of each worker: `base + index * step`; port 0 stays 0.

    Raises:
        ValueError: two of them would be the same, or there is no such port.
    """
    if not 1 <= workers <= WORKERS_MAX:
        raise ValueError(f"WORKERS: must be from 1 to {WORKERS_MAX}")
    owners: dict[int, str] = {}
    sets: list[dict[str, str]] = []
    for index in range(workers):
        ports = {name: base + index * step if base else 0 for name, base in base_ports.items()}
        for name, port in ports.items():
            if port > _PORT_MAX:
                raise ValueError(f"{name}: worker {index} would get port {port}")
            if port and port in owners:
                raise ValueError(f"{name}: port {port} of worker {index} is {owners[port]}'s too")
            owners[port] = f"{name} of worker {index}"
        sets.append({name: str(port) for name, port in ports.items()})
    return sets


def worker_index() -> str | None:
    """Which of several worker processes this one is; None of a process alone."""
    return os.environ.get(WORKER_INDEX_VARIABLE)


class WorkerProcesses:
    """The parent: it serves nothing itself."""

    def __init__(
        self,
        *,
        command: Sequence[str],
        environments: Sequence[Mapping[str, str]],
        host: str = "127.0.0.1",
        clock: Clock,
        ids: IdSource,
        limits: WorkerLimits | None = None,
    ) -> None:
        """One worker for each of `environments` (its ports), which are added to the parent's own.

        A worker serves when each of its ports takes connections at `host`.
        """
        self._command = tuple(command)
        self._environments = environments
        self._clock = clock
        self._ids = ids
        self._limits = limits or WorkerLimits()
        self._host = LOOPBACK if host in ANY_ADDRESS else host
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._replaced: set[asyncio.subprocess.Process] = set()
        self._replacing: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._exit_code = EXIT_OK
        self._forwarded: signal.Signals | None = None

    async def run(self) -> int:
        """Keep the workers running until a signal; returns the exit code.

        SIGTERM and SIGINT are forwarded; a second one kills. SIGHUP replaces the workers.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        loop.add_signal_handler(signal.SIGHUP, self._replace)
        try:
            tasks = [
                asyncio.create_task(self._keep(index, environment))
                for index, environment in enumerate(self._environments)
            ]
            await self._stopping.wait()
            _, late = await asyncio.wait(tasks, timeout=self._limits.stop_grace_s)
            if late:
                self._signal_all(signal.SIGKILL)
                self._exit_code = EXIT_FAILED
                await asyncio.wait(late)
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)
            if self._replacing is not None:
                self._replacing.cancel()
        return self._exit_code

    async def _keep(self, index: int, environment: Mapping[str, str]) -> None:
        early_deaths = 0
        while not self._stopping.is_set():
            started_at = self._clock.monotonic()
            code, replaced = await self._run_once(index, environment)
            if self._stopping.is_set():
                return
            if replaced:
                continue
            early = self._clock.monotonic() - started_at < self._limits.early_death_s
            early_deaths = early_deaths + 1 if early else 0
            _log.error("worker_died", worker=index, code=code, early_deaths=early_deaths)
            if code == EXIT_SETTINGS:
                self._refused(index)
                return
            await self._pause(self._limits.backoff.delay_s(max(early_deaths, 1), self._ids))

    async def _run_once(self, index: int, environment: Mapping[str, str]) -> tuple[int, bool]:
        """One life of a worker: its exit code, and whether it ended to be replaced."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            env={**os.environ, **environment, WORKER_INDEX_VARIABLE: str(index)},
            # A Ctrl-C in the terminal reaches the parent alone, which forwards it once.
            start_new_session=True,
        )
        self._running[index] = process
        if self._forwarded is not None:
            # It was being started when the others got theirs.
            process.send_signal(self._forwarded)
        try:
            code = await process.wait()
        finally:
            del self._running[index]
        replaced = process in self._replaced
        self._replaced.discard(process)
        return code, replaced

    def _replace(self) -> None:
        """SIGHUP: a second one during a replacing changes nothing."""
        if self._replacing is None or self._replacing.done():
            self._replacing = asyncio.create_task(self._replace_all())

    async def _replace_all(self) -> None:
        for index, environment in enumerate(self._environments):
            process = self._running.get(index)
            if process is not None:  # else it is being started again, with the new code
                self._replaced.add(process)
                process.send_signal(signal.SIGTERM)
                await self._ended(process)
            if not await self._serves(index, environment):
                _log.error(
                    "worker_not_replaced", worker=index, seconds=self._limits.serves_within_s
                )
                return
            _log.info("worker_replaced", worker=index)

    async def _ended(self, process: asyncio.subprocess.Process) -> None:
        try:
            async with asyncio.timeout(self._limits.stop_grace_s):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _serves(self, index: int, environment: Mapping[str, str]) -> bool:
        """Wait until a worker listens on all its ports; False when it does not in time."""
        until = self._clock.monotonic() + self._limits.serves_within_s
        while self._clock.monotonic() < until and not self._stopping.is_set():
            listening = [
                await self._listens(int(port)) for port in environment.values() if port != "0"
            ]
            if all(listening) and index in self._running:
                return True
            await self._clock.sleep(self._limits.poll_s)
        return False

    async def _listens(self, port: int) -> bool:
        try:
            _, writer = await asyncio.open_connection(self._host, port)
        except OSError:
            return False
        writer.close()
        return True

    async def _pause(self, seconds: float) -> None:
        sleeping = asyncio.create_task(self._clock.sleep(seconds))
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait((sleeping, stopping), return_when=asyncio.FIRST_COMPLETED)
        sleeping.cancel()
        stopping.cancel()

    def _refused(self, index: int) -> None:
        """All workers have the same settings, so none of them can start."""
        sys.stderr.write(f"worker {index} refuses its settings; see its output\n")
        self._exit_code = EXIT_SETTINGS
        self._stopping.set()
        self._signal_all(signal.SIGTERM)

    def _signalled(self) -> None:
        if self._stopping.is_set():
            self._exit_code = EXIT_FAILED
            self._signal_all(signal.SIGKILL)
            return
        self._stopping.set()
        self._signal_all(signal.SIGTERM)

    def _signal_all(self, number: signal.Signals) -> None:
        self._forwarded = number
        for process in self._running.values():
            if process.returncode is None:
                process.send_signal(number)
