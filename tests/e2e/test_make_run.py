"""`make run` as a person meets it: it pays, says so, and leaves nothing behind."""

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local.banks import BANKS
from deploy.local.environment import ROOT
from deploy.local.ports import StackPorts, free_stack_ports

pytestmark = pytest.mark.e2e


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="rafiki-run-"))
    made.chmod(0o755)  # as root Postgres runs as another user, who must get in
    yield made
    shutil.rmtree(made, ignore_errors=True)


@contextmanager
def running(ports: StackPorts, folder: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "deploy.local", "--port-base", str(ports.base)]
    with subprocess.Popen(
        [*command, "--folder", str(folder), *more],
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


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """What the command prints up to a text, or to its end."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"it never said {text!r}:\n{seen}")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_pays_names_taken_ports_and_stops_cleanly(folder: Path, ending: signal.Signals) -> None:
    ports = free_stack_ports(len(BANKS), first=30_000)
    with running(ports, folder) as process:
        said = read_until(process, "Ctrl-C stops everything")
        assert "received  25.00 EUR in" in said
        assert f"http://127.0.0.1:{ports.node(0).operator}/" in said
        with running(ports, folder) as second:
            refused = second.communicate()[0]
        assert second.returncode == 1
        assert f"{ports.postgres} (Postgres)" in refused
        process.send_signal(ending)
        read_until(process, "stopped")
        assert process.wait() == 0
    ports.require_free()
    assert (folder / "secrets.json").exists()
