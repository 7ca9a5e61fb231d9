"""The ledger's engines as the benchmark runs them: on real servers with durable writes."""

import os
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from servicekit.clock import SystemClock

from services.backend.ledger.interface import LedgerEngine
from services.backend.ledger.memory import MemoryLedger
from services.backend.ledger.postgres import PostgresLedger
from services.backend.ledger.tigerbeetle import TigerBeetleLedger
from services.backend.migrations.run import upgrade
from tests.support.postgres import TestPostgres, running_server
from tests.support.tigerbeetle import external_cluster, own_server, server_binary

OpenEngine = Callable[[], AbstractAsyncContextManager[LedgerEngine | None]]
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def memory() -> AsyncIterator[LedgerEngine | None]:
    """Books in dictionaries: what the batcher and the evaluation cost."""
    yield MemoryLedger(clock=SystemClock())


@asynccontextmanager
async def postgres() -> AsyncIterator[LedgerEngine | None]:
    """The embedded server, with every commit on disk before it is answered."""
    with running_server({"fsync": "on", "full_page_writes": "on"}) as server:
        url = TestPostgres(server).create_database()
        upgrade(url, "0001_ledger")
        engine = PostgresLedger(url)
        yield engine
        await engine.close()


@asynccontextmanager
async def tigerbeetle() -> AsyncIterator[LedgerEngine | None]:
    """A server with production's settings (3.2 GB); None where there is no server."""
    external = external_cluster()
    if external is not None:
        engine = await TigerBeetleLedger.open(external.addresses, cluster_id=external.cluster_id)
        yield engine
        await engine.close()
        return
    if server_binary() is None:
        yield None
        return
    server = own_server(development=False)
    try:
        engine = await TigerBeetleLedger.open(server.cluster.addresses)
        yield engine
        await engine.close()
    finally:
        server.stop()


ENGINES: dict[str, OpenEngine] = {
    "memory": memory,
    "postgres": postgres,
    "tigerbeetle": tigerbeetle,
}


def new_ids(count: int) -> list[int]:
    """Fresh ids, which grow with time as those of production do."""
    first = uuid.uuid1().time << 68
    return [first + number for number in range(1, count + 1)]


def children_cpu_s() -> float:
    """CPU seconds used so far by the servers that this process started, and by their children."""
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        parents[int(entry.name)] = int(fields[1])
        used[int(entry.name)] = sum(map(int, fields[11:15]))
    total = 0
    for pid, ticks in used.items():
        parent = parents[pid]
        while parent not in (0, 1, os.getpid()):
            parent = parents.get(parent, 0)
        total += ticks if parent == os.getpid() else 0
    return total / _TICKS_PER_SECOND
