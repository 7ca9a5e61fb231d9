"""A process's life, in a real process."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_PROGRAM = """
import asyncio, sys
from servicekit.lifecycle import run
from servicekit.settings import SettingsRefused
tries = 0
def say(text):
    print(text, flush=True)
def closer(name):
    async def close():
        say(f"closed {name}")
    return close
async def work():
    try:
        await asyncio.Event().wait()
    finally:
        say("worker cancelled")
async def broken():
    raise ValueError("a bug")
async def stuck():
    say("stuck")
    await asyncio.Event().wait()
async def main(life):
    mode = sys.argv[1]
    if mode == "refused":
        raise SettingsRefused("DATABASE_URL is not set")
    life.on_close(closer("store"))
    life.spawn("worker", work())
    life.on_close(closer("server"))
    if mode == "raises":
        raise ValueError("a bug")
    if mode == "broken":
        life.spawn("broken", broken())
    if mode == "stuck":
        life.on_close(stuck)
    if mode == "waiting":
        async def attempt():
            global tries
            tries += 1
            say(f"try {tries}")
            if tries < 3:
                raise ConnectionRefusedError("not there yet")
            return "opened"
        say(await life.opened("store", attempt))
    if mode == "never":
        async def never():
            say("try")
            raise ConnectionRefusedError("not there yet")
        await life.opened("store", never)
    if mode == "failing":
        async def failing():
            raise ValueError("a bug")
        life.on_close(failing)
    say("up")
run(main, shutdown_s_max=float(sys.argv[2]))
"""


async def _start(mode: str, shutdown_s: float = 20) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _PROGRAM,
        mode,
        str(shutdown_s),
        env={**os.environ, "PYTHONPATH": str(_ROOT / "libs")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def _line(process: asyncio.subprocess.Process, text: bytes) -> None:
    assert process.stdout is not None
    while text not in (line := await process.stdout.readline()):
        assert line, "the process ended"


async def _rest(process: asyncio.subprocess.Process) -> list[str]:
    out, _ = await process.communicate()
    words = ("closed", "worker")
    return [line for line in out.decode().splitlines() if line.startswith(words)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_closes_in_reverse_order(number: signal.Signals) -> None:
    process = await _start("fine")
    await _line(process, b"up")
    process.send_signal(number)
    assert await _rest(process) == ["closed server", "worker cancelled", "closed store"]
    assert process.returncode == 0


async def test_a_second_signal_exits_at_once() -> None:
    process = await _start("stuck")
    await _line(process, b"up")
    process.send_signal(signal.SIGTERM)
    await _line(process, b"stuck")
    process.send_signal(signal.SIGTERM)
    assert await _rest(process) == []
    assert process.returncode == 1


async def test_a_close_that_hangs_is_left_behind() -> None:
    process = await _start("stuck", shutdown_s=0.1)
    await _line(process, b"up")
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode == 1


async def test_a_close_that_fails_does_not_keep_the_others() -> None:
    process = await _start("failing")
    await _line(process, b"up")
    process.send_signal(signal.SIGTERM)
    assert await _rest(process) == ["closed server", "worker cancelled", "closed store"]
    assert process.returncode == 1


async def test_the_death_of_a_background_task_ends_the_process() -> None:
    process = await _start("broken")
    assert await _rest(process) == ["closed server", "worker cancelled", "closed store"]
    assert process.returncode == 1


async def test_a_start_that_fails_closes_what_was_opened() -> None:
    process = await _start("raises")
    assert "closed store" in await _rest(process)
    assert process.returncode == 1


async def test_refused_settings_are_told_without_a_traceback() -> None:
    process = await _start("refused")
    _, err = await process.communicate()
    assert err == b"DATABASE_URL is not set\n"
    assert process.returncode == 2


async def test_a_store_that_is_not_there_yet_is_waited_for() -> None:
    process = await _start("waiting")
    assert process.stdout is not None
    lines = [(await process.stdout.readline()).decode().strip() for _ in range(7)]
    waits = [line for line in lines if "waits_for_store" in line]
    assert len(waits) == 2
    said = [line for line in lines if line not in waits]
    assert said == ["try 1", "try 2", "try 3", "opened", "up"]
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode == 0


async def test_waiting_for_a_store_ends_when_it_is_asked_to() -> None:
    process = await _start("never")
    assert process.stdout is not None
    assert (await process.stdout.readline()).decode().strip() == "try"
    process.send_signal(signal.SIGTERM)
    out, _ = await process.communicate()
    assert process.returncode != 0
    assert b"closed store" in out
