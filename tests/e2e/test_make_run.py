"""`make run` as a person meets it: it pays, says so, and leaves nothing behind."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.banks import BANKS
from deploy.local.environment import ROOT
from deploy.local.ports import StackPorts, free_stack_ports

pytestmark = pytest.mark.e2e
MONEY = r"[\d,]+\.\d\d"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the command runs, one test after the other: the second start finds the first's data."""

    ports: StackPorts
    folder: Path

    @contextmanager
    def running(self, *more: str) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-m", "deploy.local", "--port-base", str(self.ports.base)]
        with subprocess.Popen(
            [*command, "--folder", str(self.folder), *more],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait()

    def processes(self) -> dict[int, str]:
        """Command lines, by id, of processes that work in the folder or name it."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                where = str((entry / "cwd").readlink())
            except OSError:  # it has ended
                continue
            if int(entry.name) != os.getpid() and str(self.folder) in line + where:
                found[int(entry.name)] = line
        return found

    def left_behind(self) -> list[str]:
        return list(self.processes().values())


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    folder = Path(tempfile.mkdtemp(prefix="rafiki-run-"))
    folder.chmod(0o755)  # as root Postgres runs as another user, who must get in
    try:
        yield Place(ports=free_stack_ports(len(BANKS), first=30_000), folder=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """What the command prints up to a text, or to its end."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"it never said {text!r}:\n{seen}")


def test_once_pays_says_so_and_leaves_nothing(place: Place) -> None:
    with place.running("--once") as process:
        said = process.communicate()[0]
    assert process.returncode == 0, said
    assert re.search(rf"quote +{MONEY} USD debited delivers 25\.00 EUR", said)
    packets = re.search(r"received +25\.00 EUR in (\d+) packets", said)
    assert packets is not None
    assert int(packets[1]) > 1
    alice = re.search(rf"Alice .+: 1,000\.00 USD before, ({MONEY}) USD after", said)
    assert alice is not None
    assert alice[1] != "1,000.00"
    assert "Carla Costa at Happy Life Bank: 800.00 EUR before, 825.00 EUR after" in said
    for number, bank in enumerate(BANKS):
        ports = place.ports.node(number)
        assert f"\n  {bank.name}\n" in said
        for link in (
            f"admin UI          http://127.0.0.1:{ports.operator}/",
            f"customers         http://127.0.0.1:{ports.ase}/",
            f"gRPC              127.0.0.1:{ports.operator}",
            f"wallet address    http://127.0.0.1:{ports.public}/{bank.customers[0].path}",
        ):
            assert link in said
    assert said.rstrip().endswith("stopped")
    place.ports.require_free()
    assert place.left_behind() == []


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_keeps_its_data_names_taken_ports_and_stops_when_told(
    place: Place, ending: signal.Signals
) -> None:
    with place.running() as process:
        said = read_until(process, "Ctrl-C stops everything")
        assert "received  25.00 EUR in" in said
        assert "Carla Costa at Happy Life Bank: 800.00 EUR before" not in said
        with place.running() as second:
            refused = second.communicate()[0]
        assert second.returncode == 1
        assert f"{place.ports.postgres} (Postgres)" in refused
        assert f"{place.ports.node(0).public} (public listener of node 1)" in refused
        process.send_signal(ending)
        read_until(process, "stopped")
        assert process.wait() == 0
    place.ports.require_free()
    assert place.left_behind() == []
    assert (place.folder / "secrets.json").exists()


def test_what_ends_by_itself_is_started_again(place: Place) -> None:
    with place.running() as process:
        read_until(process, "Ctrl-C stops everything")
        for command, name in (("services.auth", "auth"), ("valkey-server", "Valkey")):
            victim = next(pid for pid, line in place.processes().items() if command in line)
            os.kill(victim, signal.SIGKILL)
            assert f"{name} ended by itself and was started again" in read_until(process, name)
        process.send_signal(signal.SIGINT)
        read_until(process, "stopped")
        assert process.wait() == 0
    assert place.left_behind() == []
