"""Child processes: readiness, failures that show the log, and no orphans."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.environment import ROOT
from deploy.local.processes import Child, ProcessFailedError

FOREVER = "import time\nprint('up', flush=True)\nwhile True: time.sleep(1)"


def python(code: str, log: Path) -> Child:
    return Child("child", [sys.executable, "-c", code], log_path=log)


def test_a_child_is_ready_when_it_says_so_and_stops_when_asked(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = python(FOREVER, log)
    child.start()
    child.wait_ready(lambda: "up" in log.read_text())
    pid = child.pid
    assert pid is not None
    child.stop()
    assert child.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_child_that_ends_shows_the_end_of_its_log_only(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("of an earlier run\n")
    child = python("import sys; print('the cause'); sys.exit(3)", log)
    child.start()
    with pytest.raises(ProcessFailedError, match="ended with code 3") as failed:
        child.wait_ready(lambda: False)
    assert "the cause" in str(failed.value)
    assert "earlier" not in str(failed.value)


def test_a_child_that_is_not_ready_in_time_is_a_failure(tmp_path: Path) -> None:
    child = python(FOREVER, tmp_path / "log")
    child.start()
    try:
        with pytest.raises(ProcessFailedError, match=r"was not ready after 0\.1 s"):
            child.wait_ready(lambda: False, seconds_max=0.1)
    finally:
        child.stop()


def test_waiting_for_the_end_tells_success_from_failure(tmp_path: Path) -> None:
    good, bad = python("pass", tmp_path / "good"), python("1/0", tmp_path / "bad")
    good.start()
    bad.start()
    good.wait(seconds_max=60)
    with pytest.raises(ProcessFailedError, match="ZeroDivisionError"):
        bad.wait(seconds_max=60)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals orphans")
def test_a_child_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from deploy.local.processes import Child\n"
        f"child = Child('child', [sys.executable, '-c', {FOREVER!r}], log_path=Path('log'))\n"
        "child.start(); print(child.pid, flush=True); time.sleep(60)"
    )
    environment = {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        watched = os.pidfd_open(pid)  # readable once that process is gone
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    try:
        assert select.select([watched], [], [], 30)[0]
    finally:
        os.close(watched)
