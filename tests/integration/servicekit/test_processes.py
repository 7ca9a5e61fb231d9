"""Parent and workers as real processes; what they do is read from what they write."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from servicekit.processes import worker_ports

_ROOT = Path(__file__).parents[3]
_PARENT = """
import asyncio, sys
from servicekit.backoff import Backoff
from servicekit.clock import SystemClock
from servicekit.ids import SystemIds
from servicekit.processes import WorkerLimits, WorkerProcesses, worker_ports
clock = SystemClock()
workers = WorkerProcesses(
    command=[sys.executable, "-u", "-c", sys.argv[1]],
    environments=worker_ports({"A_PORT": 4000, "B_PORT": 5000}, 2, 1),
    clock=clock, ids=SystemIds(clock),
    limits=WorkerLimits(stop_grace_s=float(sys.argv[2]),
                        backoff=Backoff(first_ms=1, max_ms=2)),
)
sys.exit(asyncio.run(workers.run()))
"""
_WORKER = """
import os, signal, sys, time
names = ("WORKER_INDEX", "A_PORT", "B_PORT")
# One write, because the workers share the pipe.
os.write(1, " ".join(["up", *(os.environ[n] for n in names), f"{os.getpid()}\\n"]).encode())
"""
_STAYS = _WORKER + "signal.sigwait([signal.SIGTERM]); os.write(1, b'down\\n')"


async def _parent(worker: str, grace_s: float = 20) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _PARENT,
        worker,
        str(grace_s),
        env={**os.environ, "PYTHONPATH": str(_ROOT / "libs")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def _lines(parent: asyncio.subprocess.Process, start: str, count: int) -> list[list[str]]:
    assert parent.stdout is not None
    found: list[list[str]] = []
    while len(found) < count:
        line = (await parent.stdout.readline()).decode()
        assert line, "the parent ended"
        if line.startswith(start):
            found.append(line.split())
    return found


def _block() -> str:
    return "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"


async def test_each_worker_has_its_ports_and_the_signal_reaches_all() -> None:
    parent = await _parent(_block() + _STAYS)
    ups = await _lines(parent, "up", 2)
    assert sorted(up[1:4] for up in ups) == [["0", "4000", "5000"], ["1", "4001", "5001"]]
    parent.send_signal(signal.SIGTERM)
    await _lines(parent, "down", 2)
    assert await parent.wait() == 0


async def test_a_worker_that_died_is_started_again() -> None:
    parent = await _parent(_block() + _STAYS)
    ups = await _lines(parent, "up", 2)
    victim = ups[0]
    os.kill(int(victim[4]), signal.SIGKILL)
    (again,) = await _lines(parent, "up", 1)
    assert again[1:4] == victim[1:4]
    assert again[4] != victim[4]
    parent.send_signal(signal.SIGINT)
    assert await parent.wait() == 0


async def test_a_worker_that_never_starts_ends_none_of_the_others() -> None:
    one_dies = _block() + _WORKER + "sys.exit(1) if os.environ['WORKER_INDEX'] == '1' else 0\n"
    parent = await _parent(one_dies + "signal.sigwait([signal.SIGTERM]); os.write(1, b'down\\n')")
    ups = await _lines(parent, "up", 12)
    assert [up[1] for up in ups].count("0") == 1
    assert [up[1] for up in ups].count("1") == 11
    parent.send_signal(signal.SIGTERM)
    await _lines(parent, "down", 1)
    assert await parent.wait() == 0


async def test_refused_settings_end_the_service_at_once() -> None:
    parent = await _parent(_WORKER + "sys.exit(2)")
    _, err = await parent.communicate()
    assert parent.returncode == 2
    assert b"refuses its settings" in err


async def test_workers_that_do_not_end_are_killed() -> None:
    deaf = _block() + _WORKER + "signal.sigwait([signal.SIGUSR1])"
    parent = await _parent(deaf, grace_s=0.1)
    pids = [int(up[4]) for up in await _lines(parent, "up", 2)]
    parent.send_signal(signal.SIGTERM)
    assert await parent.wait() == 1
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_second_signal_kills() -> None:
    deaf = _block() + _WORKER + "signal.sigwait([signal.SIGUSR1])"
    parent = await _parent(deaf)
    await _lines(parent, "up", 2)
    parent.send_signal(signal.SIGTERM)
    parent.send_signal(signal.SIGINT)
    assert await parent.wait() == 1


def test_ports_that_would_meet_are_refused() -> None:
    assert worker_ports({"A": 0}, 2, 1) == [{"A": "0"}, {"A": "0"}]
    with pytest.raises(ValueError, match="B of worker 0's too"):
        worker_ports({"A": 3001, "B": 3002}, 2, 1)
    assert worker_ports({"A": 3001, "B": 3002}, 2, 10)[1] == {"A": "3011", "B": "3012"}
    with pytest.raises(ValueError, match="65536"):
        worker_ports({"A": 65535}, 2, 1)
    with pytest.raises(ValueError, match="WORKERS"):
        worker_ports({"A": 1}, 0, 1)
