"""A TigerBeetle server for tests: started from the `tigerbeetle` on PATH, or one that is there.

The server is in no package registry, so its tests run where one of these is given:
`TIGERBEETLE_ADDRESSES` (with `TIGERBEETLE_CLUSTER_ID`, 0 unless told), or `tigerbeetle` on PATH.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple

import pytest

ADDRESSES_VARIABLE: Final = "TIGERBEETLE_ADDRESSES"
CLUSTER_ID_VARIABLE: Final = "TIGERBEETLE_CLUSTER_ID"
REASON_MISSING: Final = (
    "no TigerBeetle server: set TIGERBEETLE_ADDRESSES or put `tigerbeetle` (0.17) on PATH"
)
REASON_NO_BINARY: Final = (
    "no TigerBeetle server: put `tigerbeetle` (0.17) on PATH, this test starts and stops its own"
)
READY_TIMEOUT_S: Final = 60.0
_POLL_S: Final = 0.02
_SUMMARISED = pytest.StashKey[bool]()
_LISTENING = re.compile(rb"listening on .*port = (\d+)")


class Cluster(NamedTuple):
    """Where a cluster is, for `TigerBeetleLedger.open`."""

    addresses: str
    cluster_id: int


def server_binary() -> str | None:
    """The server on PATH, if there is one."""
    return shutil.which("tigerbeetle")


def external_cluster() -> Cluster | None:
    """The cluster that the environment names, if it does."""
    addresses = os.environ.get(ADDRESSES_VARIABLE)
    if not addresses:
        return None
    return Cluster(addresses, int(os.environ.get(CLUSTER_ID_VARIABLE, "0")))


class TigerBeetleServer:
    """One replica in a folder of its own, on a loopback port.

    `--development` takes 1.4 GB of memory, 253 transfers a request and 8 clients; production 3.2 GB
    and 8,189.
    """

    def __init__(
        self, folder: Path, *, binary: str, cluster_id: int = 0, development: bool = True
    ) -> None:
        self._binary = binary
        self._mode = ["--development"] if development else []
        self._folder = folder
        self._data = folder / "0_0.tigerbeetle"
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self.cluster_id = cluster_id
        folder.mkdir(parents=True, exist_ok=True)
        identity = [f"--cluster={cluster_id}", "--replica=0", "--replica-count=1"]
        subprocess.run(
            [binary, "format", *identity, *self._mode, str(self._data)],
            check=True,
            capture_output=True,
        )

    @property
    def cluster(self) -> Cluster:
        """Where it listens; the same after a restart."""
        return Cluster(f"127.0.0.1:{self._port}", self.cluster_id)

    @property
    def pid(self) -> int:
        """The running replica's process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the replica and wait until it listens; on the port that it had before, if any."""
        # With 0 the server takes a free port, and ends when its stdin does: with this process.
        address = f"127.0.0.1:{self._port}" if self._port else "0"
        offset = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary, "start", *self._mode, f"--addresses={address}", str(self._data)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self._port = self._wait_until_listening(self._process, offset)

    def _wait_until_listening(self, process: subprocess.Popen[bytes], offset: int) -> int:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            text = self._log.read_bytes()[offset:]
            found = _LISTENING.search(text)
            if found is not None:
                return int(found.group(1))
            if process.poll() is not None:
                break
            time.sleep(_POLL_S)
        raise RuntimeError(f"the TigerBeetle server did not start:\n{self.log_text()}")

    def log_text(self) -> str:
        """What the server said."""
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """End it at once, as a crash does (SIGKILL)."""
        process = self._process
        if process is not None:
            process.kill()
            process.wait()
            stdin: IO[bytes] | None = process.stdin
            if stdin is not None:
                stdin.close()
        self._process = None

    def pause(self) -> None:
        """Stop it without closing its connections (SIGSTOP): calls get no answer."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it and delete its gigabyte of data."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


@pytest.fixture(scope="session")
def tigerbeetle_cluster() -> Iterator[Cluster]:
    """A running cluster, shared by the tests of a run: they use ids and ledgers of their own."""
    external = external_cluster()
    if external is not None:
        yield external
        return
    if server_binary() is None:
        pytest.skip(REASON_MISSING)
    server = own_server()
    yield server.cluster
    server.stop()


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say plainly that an engine was not tested; a conftest.py imports this hook."""
    skipped = terminalreporter.stats.get("skipped", [])
    missed = [report for report in skipped if "no TigerBeetle server" in str(report.longrepr)]
    config = terminalreporter.config
    if missed and not config.stash.get(_SUMMARISED, False):
        config.stash[_SUMMARISED] = True
        terminalreporter.write_line(
            f"TigerBeetle was NOT tested ({len(missed)} tests skipped): set {ADDRESSES_VARIABLE}, "
            "or put a `tigerbeetle` server of release 0.17 on PATH",
            yellow=True,
            bold=True,
        )


def own_server(*, cluster_id: int = 0, development: bool = True) -> TigerBeetleServer:
    """A server for one test that stops or fills it; skips when there is no binary on PATH."""
    binary = server_binary()
    if binary is None:
        pytest.skip(REASON_NO_BINARY)
    folder = Path(tempfile.mkdtemp(prefix="tigerbeetle-"))
    server = TigerBeetleServer(
        folder, binary=binary, cluster_id=cluster_id, development=development
    )
    try:
        server.start()
    except BaseException:
        server.stop()
        raise
    return server
