"""Starts writer processes."""

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[4]


@dataclass(frozen=True)
class Outcome:
    """How a writer ended, and the status of each chain that it heard of."""

    returncode: int
    statuses: dict[int, str]
    errors: str


async def write(url: str, **options: object) -> Outcome:
    """Run a writer to its end, whichever that is."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.backend.ledger.writer",
        json.dumps({"url": url, "callers": 16, **options}),
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    pairs = [line.split() for line in out.decode().splitlines()]
    statuses = {int(number): status for number, status in pairs}
    assert process.returncode is not None
    return Outcome(process.returncode, statuses, err.decode())
