"""Several worker processes of one service: started, watched, restarted and ended together.

A worker that dies is started again, for ever: one that can't start must not end those that serve.

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
_PORT_MAX = 65_535
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class WorkerLimits:
    """Every bound of the watching; times in seconds."""

    early_death_s: float = 10.0
    """A worker that dies within this time did not start: the next start waits longer."""
    stop_grace_s: float = 40.0
    """From the forwarded signal to the kill; longer than a worker's own shutdown."""
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


class WorkerProcesses:
    """The parent: it serves nothing itself."""

    def __init__(
        self,
        *,
        command: Sequence[str],
        environments: Sequence[Mapping[str, str]],
        clock: Clock,
        ids: IdSource,
        limits: WorkerLimits | None = None,
    ) -> None:
        """One worker for each of `environments`, which are added to the parent's own."""
        self._command = tuple(command)
        self._environments = environments
        self._clock = clock
        self._ids = ids
        self._limits = limits or WorkerLimits()
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._stopping = asyncio.Event()
        self._exit_code = EXIT_OK
        self._forwarded: signal.Signals | None = None

    async def run(self) -> int:
        """Keep the workers running until a signal; returns the exit code.

        SIGTERM and SIGINT are forwarded; a second one kills.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
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
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
        return self._exit_code

    async def _keep(self, index: int, environment: Mapping[str, str]) -> None:
        early_deaths = 0
        while not self._stopping.is_set():
            started_at = self._clock.monotonic()
            code = await self._run_once(index, environment)
            if self._stopping.is_set():
                return
            early = self._clock.monotonic() - started_at < self._limits.early_death_s
            early_deaths = early_deaths + 1 if early else 0
            _log.error("worker_died", worker=index, code=code, early_deaths=early_deaths)
            if code == EXIT_SETTINGS:
                self._refused(index)
                return
            await self._pause(self._limits.backoff.delay_s(max(early_deaths, 1), self._ids))

    async def _run_once(self, index: int, environment: Mapping[str, str]) -> int:
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
            return await process.wait()
        finally:
            del self._running[index]

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
