"""Child processes that end with their parent, log to a file and are waited for.

Only processes started here are ever stopped, by their own id.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

READY_S_MAX: Final = 60.0
# Longer than a service gives its own workers to end.
STOP_S_MAX: Final = 45.0
POLL_INTERVAL_S: Final = 0.05
LOG_TAIL_LINES: Final = 25
LOG_TAIL_BYTES: Final = 64_000
LOG_LINE_CHARACTERS_MAX: Final = 600

_PR_SET_PDEATHSIG: Final = 1


class ProcessFailedError(RuntimeError):
    """A child process did not start or ended by itself; the text holds the end of its log."""


def die_with_parent(signal_number: int = signal.SIGTERM) -> Callable[[], None] | None:
    """What a child runs before exec so that it gets a signal when its parent dies (Linux only)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)  # loaded here: a forked child should load nothing

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal_number)

    return ask


def log_tail(path: Path, start: int = 0) -> str:
    """The last lines that a log got since it was `start` bytes long."""
    if not path.exists():
        return "(no log)"
    with path.open("rb") as log:
        log.seek(max(start, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
        lines = log.read().decode(errors="replace").splitlines()
    return "\n".join(_shortened(line) for line in lines[-LOG_TAIL_LINES:])


def _shortened(line: str) -> str:
    """A line that fits a screen; of a long one, such as a whole traceback in JSON, both ends."""
    half = LOG_LINE_CHARACTERS_MAX // 2
    return line if len(line) <= LOG_LINE_CHARACTERS_MAX else f"{line[:half]} … {line[-half:]}"


class Child:
    """One child process: its command, environment and log."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log_path: Path,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Describe the process; `environment` replaces ours when it is given."""
        self.name = name
        self.log_path = log_path
        self._command = list(command)
        self._environment = None if environment is None else dict(environment)
        self._cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._asked = False

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start without waiting."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self._asked = False
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._cwd,
                start_new_session=True,  # a Ctrl-C in the terminal is the supervisor's to take
                preexec_fn=die_with_parent(),  # noqa: PLW1509 - one prctl call
            )

    def wait_ready(self, ready: Callable[[], bool], *, seconds_max: float = READY_S_MAX) -> None:
        """Return when `ready` says so; raise ProcessFailedError if the process ends or is late."""
        wait_all_ready([(self, ready)], seconds_max=seconds_max)

    def require_running(self) -> None:
        """Raise ProcessFailedError if it has ended."""
        if self.pid is None:
            code = None if self._process is None else self._process.returncode
            raise self.failure(f"ended with code {code}")

    def wait(self, *, seconds_max: float) -> None:
        """Return when it has ended well; raise ProcessFailedError otherwise, or when it is late."""
        if self._process is None:
            raise ProcessFailedError(f"{self.name} was never started")
        try:
            code = self._process.wait(seconds_max)
        except subprocess.TimeoutExpired as error:
            self.stop()
            raise self.failure(f"was not done after {seconds_max:g} s") from error
        if code != 0:
            raise self.failure(f"ended with code {code}")

    def ask_to_end(self) -> None:
        """Ask it to end, without waiting."""
        if self._process is not None and self._process.poll() is None and not self._asked:
            self._asked = True  # once: a second signal may mean "at once" to a service
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Ask it to end, and end it when it does not."""
        if self._process is None:
            return
        self.ask_to_end()
        if self._process.poll() is None:
            try:
                self._process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def failure(self, what: str) -> ProcessFailedError:
        """An error that says what happened to this process, with the end of its log."""
        tail = log_tail(self.log_path, self._log_start)
        return ProcessFailedError(f"{self.name} {what}; the end of {self.log_path}:\n{tail}")


def wait_all_ready(
    children: Iterable[tuple[Child, Callable[[], bool]]],
    *,
    seconds_max: float = READY_S_MAX,
    progress: Callable[[str], None] = lambda _line: None,
) -> None:
    """Return when each child's `ready` said so, each being told of as it happens.

    Raises ProcessFailedError as soon as one of them ends, or for the first one that is late.
    """
    deadline = time.monotonic() + seconds_max
    pending = list(children)
    while pending:
        for child, ready in list(pending):
            child.require_running()
            if ready():
                pending.remove((child, ready))
                progress(f"{child.name} is ready")
        if pending and time.monotonic() >= deadline:
            raise pending[0][0].failure(f"was not ready after {seconds_max:g} s")
        time.sleep(POLL_INTERVAL_S if pending else 0)
