"""What the benches of whole nodes share: a running network, its CPU by process, its statements."""

import asyncio
import contextlib
import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "libs"), str(ROOT / "generated/python")]

import asyncpg  # noqa: E402 - after the path is set, as all below

from deploy.local.banks import BANKS  # noqa: E402 - likewise
from deploy.local.ports import free_stack_ports  # noqa: E402 - likewise
from deploy.local.stack import Stack  # noqa: E402 - likewise

CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")
RELOAD_S: Final = 0.3
"""Each server process of Postgres reads the new setting when it next looks."""
_MS: Final = 1000
_STATEMENT: Final = re.compile(r"LOG:  (?:statement|execute [^:]*):\s+(.*)")
# Named by the service that it serves; the bank's own process is not a part of the node.
_SERVICES: Final = ("backend", "auth", "frontend", "envoy")


@contextlib.contextmanager
def running_network() -> Iterator[Stack]:
    """Two peered nodes with everything real, in a folder of their own."""
    folder = Path(tempfile.mkdtemp(prefix="rafiki-bench-"))
    folder.chmod(0o755)  # as root Postgres runs as another user, who must get in
    stack = Stack(free_stack_ports(len(BANKS)), folder)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
        shutil.rmtree(folder, ignore_errors=True)


class CpuClock:
    """CPU that the processes of a network have used, by what they are."""

    def __init__(self, stack: Stack) -> None:
        self._roots = {
            pid: next((service for service in _SERVICES if service in name), None)
            for node in stack.nodes
            for name, pid in node.pids().items()
        }
        self._roots |= {stack.pids()["Postgres"]: "postgres", stack.pids()["Valkey"]: "valkey"}

    def read_ms(self) -> Counter[str]:
        """Milliseconds so far; what ended and was waited for counts with its parent."""
        children: dict[int, list[int]] = {}
        used: dict[int, float] = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
            ticks = sum(int(fields[index]) for index in (11, 12, 13, 14))
            used[int(entry.name)] = ticks * _MS / CLOCK_TICKS
        found: Counter[str] = Counter()
        for root, service in self._roots.items():
            if service is None:
                continue
            waiting = [root]
            while waiting:
                pid = waiting.pop()
                waiting += children.get(pid, [])
                found[service] += round(used.get(pid, 0.0))
        return found


@contextlib.asynccontextmanager
async def counted_statements(stack: Stack) -> Any:
    """Let Postgres log each statement meanwhile; gives a Counter that is filled at the end."""
    connection: Any = await asyncpg.connect(stack.postgres_url)
    found: Counter[str] = Counter()
    try:
        await _log_statements(connection, "all")
        start = stack.postgres_log.stat().st_size
        yield found
        await _log_statements(connection, "none")
    finally:
        await connection.close()
    with stack.postgres_log.open("rb") as log:
        log.seek(start)
        for said in _STATEMENT.finditer(log.read().decode(errors="replace")):
            found[" ".join(said[1].split())[:70]] += 1
    for own in list(found):
        if own.startswith(("ALTER SYSTEM", "SELECT pg_reload_conf")):
            del found[own]


async def _log_statements(connection: Any, what: str) -> None:
    await connection.execute(f"ALTER SYSTEM SET log_statement = '{what}'")
    await connection.execute("SELECT pg_reload_conf()")
    await asyncio.sleep(RELOAD_S)


def percentile(sorted_values: list[float], share: float) -> float:
    """The value below which that share of the values lies."""
    return sorted_values[min(int(len(sorted_values) * share), len(sorted_values) - 1)]


def shares(cpu: Mapping[str, float], units: int) -> str:
    """CPU a unit by process, in milliseconds, the largest first."""
    parts = sorted(cpu.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {ms / units:.2f}" for name, ms in parts if ms / units >= 0.01)
