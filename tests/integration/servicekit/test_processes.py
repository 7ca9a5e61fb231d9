"""Parent and workers as real processes; what they do is read from what they write."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import ExitStack, suppress
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
    environments=worker_ports({"A_PORT": int(sys.argv[3]), "B_PORT": int(sys.argv[4])}, 2, 1),
    clock=clock, ids=SystemIds(clock),
    limits=WorkerLimits(stop_grace_s=float(sys.argv[2]), serves_within_s=float(sys.argv[5]),
                        poll_s=0.01,
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


async def _parent(
    worker: str, grace_s: float = 20, ports: tuple[int, int] = (4000, 5000), serves_s: float = 20
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _PARENT,
        worker,
        *map(str, (grace_s, *ports, serves_s)),
        env={**os.environ, "PYTHONPATH": str(_ROOT / "libs")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def _lines(
    parent: asyncio.subprocess.Process, start: str | tuple[str, ...], count: int
) -> list[list[str]]:
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


_LISTENS = """
import socket
listening = [socket.create_server(("127.0.0.1", int(os.environ[name]))) for name in names[1:]]
"""


def _free_pairs() -> tuple[int, int]:
    """The first ports of two pairs: each worker takes one of each pair."""
    for base in range(21_000, 31_000, 4):
        with ExitStack() as stack, suppress(OSError):
            for port in range(base, base + 4):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return base, base + 2
    raise AssertionError("no four free ports")


async def test_a_hangup_replaces_the_workers_one_by_one() -> None:
    worker = (
        _block() + _WORKER + _LISTENS + "signal.sigwait([signal.SIGTERM]); os.write(1, b'down\\n')"
    )
    parent = await _parent(worker, ports=_free_pairs())
    before = await _lines(parent, "up", 2)
    parent.send_signal(signal.SIGHUP)
    said = [(await _lines(parent, ("up", "down"), 1))[0] for _ in range(4)]
    # A worker ends, its successor is up, and only then the next one ends.
    assert [line[0] for line in said] == ["down", "up", "down", "up"]
    assert [line[1:4] for line in said if line[0] == "up"] == sorted(line[1:4] for line in before)
    assert {line[4] for line in said if line[0] == "up"}.isdisjoint(line[4] for line in before)
    parent.send_signal(signal.SIGTERM)
    await _lines(parent, "down", 2)
    assert await parent.wait() == 0


async def test_a_replaced_worker_that_does_not_serve_leaves_the_others_as_they_are() -> None:
    parent = await _parent(_block() + _STAYS, ports=_free_pairs(), serves_s=0.05)
    await _lines(parent, "up", 2)
    parent.send_signal(signal.SIGHUP)
    said = [" ".join(line) for line in await _lines(parent, "", 3)]
    # Of two workers one has ended and come again, and the other was left alone.
    assert sum("worker_not_replaced" in line for line in said) == 1
    assert sum(line == "down" for line in said) == 1
    parent.send_signal(signal.SIGTERM)
    await _lines(parent, "down", 2)
    assert await parent.wait() == 0


def test_ports_that_would_meet_are_refused() -> None:
    assert worker_ports({"A": 0}, 2, 1) == [{"A": "0"}, {"A": "0"}]
    with pytest.raises(ValueError, match="B of worker 0's too"):
        worker_ports({"A": 3001, "B": 3002}, 2, 1)
    assert worker_ports({"A": 3001, "B": 3002}, 2, 10)[1] == {"A": "3011", "B": "3012"}
    with pytest.raises(ValueError, match="65536"):
        worker_ports({"A": 65535}, 2, 1)
    with pytest.raises(ValueError, match="WORKERS"):
        worker_ports({"A": 1}, 0, 1)
