"""Transfers per second, latency and CPU of the ledger engines.

    python bench/bench_ledger.py                        memory and an embedded Postgres
    python bench/bench_ledger.py --url postgresql://... an existing database (its data stays)
    python bench/bench_ledger.py --preload              also with 10,000,000 transfers in it

TigerBeetle is measured on the cluster at TIGERBEETLE_ADDRESSES, or on the `tigerbeetle` on PATH,
started with production's settings (3.2 GB of memory).

Callers each submit single transfers one after the other; "in flight" says how many callers. "hot":
every transfer debits one account. For one caller the last column compares with the engine itself,
called directly with one transfer. CPU is the process's own and, for servers started here, the
server's, in microseconds a transfer.
"""

import argparse
import asyncio
import itertools
import os
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import uvloop

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "libs")]

from servicekit.clock import SystemClock  # noqa: E402 - likewise, as all below

from deploy.local.postgres import PostgresServer  # noqa: E402 - after the path is set
from services.backend.ledger.batching.batcher import BatchedLedger  # noqa: E402 - likewise
from services.backend.ledger.ids import derive_id  # noqa: E402 - likewise
from services.backend.ledger.interface import LedgerEngine  # noqa: E402 - likewise
from services.backend.ledger.memory.engine import MemoryLedger  # noqa: E402 - likewise
from services.backend.ledger.model import LEDGER_MAX, NewAccount, Transfer  # noqa: E402 - likewise
from services.backend.ledger.postgres.engine import PostgresLedger  # noqa: E402 - likewise
from services.backend.ledger.rules.chart import FLAGS, AccountCode  # noqa: E402 - likewise
from services.backend.ledger.tigerbeetle.engine import TigerBeetleLedger  # noqa: E402 - likewise
from services.backend.migrations.run import upgrade_async  # noqa: E402 - likewise
from tests.support.postgres import free_port  # noqa: E402 - likewise
from tests.support.tigerbeetle import (  # noqa: E402 - likewise
    REASON_MISSING,
    Cluster,
    external_cluster,
    own_server,
    server_binary,
)

CALLERS = (1, 64, 512, 2_048)
ACCOUNTS = 10_000
CREATE_BATCH = 5_000
FUNDS = 10**12
PRELOADED_ACCOUNTS = 1_000_000
PRELOADED_TRANSFERS = 10_000_000
PRELOAD_STEP = 1_000_000
# Each account pays its successor ten times: debits and credits are 10 each, plus its funds.
PRELOAD_ACCOUNTS = """
INSERT INTO ledger.accounts (id, ledger, code, flags, user_data_128, user_data_64, user_data_32,
        "timestamp", last_timestamp, debits_posted, credits_posted)
    SELECT md5('account' || n)::uuid, 4242, 3, 2, md5('asset')::uuid, 0, 0, n, 1000000000,
        $2::bigint, $2::bigint + 1000000000
    FROM generate_series(0, $1 - 1) n
"""
PRELOAD_TRANSFERS = f"""
INSERT INTO ledger.transfers (id, debit_account_id, credit_account_id, amount, ledger, code, kind,
        timeout_s, "timestamp")
    SELECT md5('transfer' || n)::uuid, md5('account' || n % {PRELOADED_ACCOUNTS})::uuid,
        md5('account' || (n + 1) % {PRELOADED_ACCOUNTS})::uuid, 1, 4242, 1, 0, 0, n + 1
    FROM generate_series($1, $2 - 1) n
"""  # noqa: S608 - put together from constants of this file
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Engine:
    name: str
    engine: LedgerEngine
    server_cpu_s: Callable[[], float]


@dataclass
class Scene:
    """Accounts of one run, all of a fresh ledger number."""

    ledger: int
    accounts: list[int]
    counter: "itertools.count[int]"
    seed: bytes

    def transfer(self, *, hot: bool) -> Transfer:
        number = next(self.counter)
        transfer_id = derive_id(self.seed, number)
        size = len(self.accounts)
        # Low bits of the id spread over the accounts as well as any random source.
        debit = 0 if hot else transfer_id % size
        credit = 1 + (transfer_id >> 20) % (size - 1)
        if debit == credit:
            credit = debit - 1 if debit else 1
        return Transfer(transfer_id, self.accounts[debit], self.accounts[credit], 1, self.ledger, 1)


async def new_scene(engine: LedgerEngine, accounts: int) -> Scene:
    ledger = 1 + secrets.randbelow(LEDGER_MAX)
    seed = secrets.token_bytes(8)
    settlement = NewAccount(
        derive_id(seed, "settlement"), ledger, 101, FLAGS[AccountCode.SETTLEMENT]
    )
    ids = [derive_id(seed, "account", number) for number in range(accounts)]
    peers = [NewAccount(each, ledger, 3, FLAGS[AccountCode.PEER]) for each in ids]
    await engine.create_accounts([settlement])
    for start in range(0, accounts, CREATE_BATCH):
        await engine.create_accounts(peers[start : start + CREATE_BATCH])
    batched = BatchedLedger(engine)
    funding = [
        Transfer(derive_id(seed, "funds", each), settlement.id, each, FUNDS, ledger, 2)
        for each in ids
    ]
    await asyncio.gather(*[batched.submit((transfer,)) for transfer in funding])
    return Scene(ledger, ids, itertools.count(1), seed)


async def preloaded_scene(connection: asyncpg.Connection) -> Scene:
    """Take accounts that `preload` made."""
    rows = await connection.fetch(
        "SELECT id FROM ledger.accounts WHERE code = 3 AND ledger = 4242 LIMIT 1000000"
    )
    return Scene(4242, [row[0].int for row in rows], itertools.count(1), secrets.token_bytes(8))


@dataclass
class Figures:
    rate: float
    p50_ms: float
    p99_ms: float
    client_us: float
    server_us: float


async def measure(
    target: Engine, scene: Scene, *, callers: int, hot: bool, seconds: float
) -> Figures:
    ledger = BatchedLedger(target.engine)
    latencies: list[float] = []
    end = 0.0

    async def call() -> None:
        while True:
            start = time.perf_counter()
            if start >= end:
                return
            result = await ledger.submit((scene.transfer(hot=hot),))
            latencies.append(time.perf_counter() - start)
            if not result.ok:
                raise AssertionError(result)

    async def run(duration_s: float) -> tuple[float, float, float]:
        nonlocal end
        latencies.clear()
        start, client, server = time.perf_counter(), time.process_time(), target.server_cpu_s()
        end = start + duration_s
        await asyncio.gather(*[call() for _ in range(callers)])
        return (
            time.perf_counter() - start,
            time.process_time() - client,
            target.server_cpu_s() - server,
        )

    await run(min(1.0, seconds / 4))  # plans, caches, connections
    wall_s, client_s, server_s = await run(seconds)
    latencies.sort()
    count = len(latencies)
    return Figures(
        rate=count / wall_s,
        p50_ms=latencies[count // 2] * 1e3,
        p99_ms=latencies[count * 99 // 100] * 1e3,
        client_us=client_s / count * 1e6,
        server_us=server_s / count * 1e6,
    )


async def batcher_ratio(target: Engine, scene: Scene, seconds: float) -> float:
    """Return how much longer one caller waits than the engine takes when called directly.

    Both take turns, so that a busy machine slows both.
    """
    ledger = BatchedLedger(target.engine)
    direct: list[float] = []
    batched: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        await target.engine.apply([(scene.transfer(hot=False),)])
        middle = time.perf_counter()
        await ledger.submit((scene.transfer(hot=False),))
        direct.append(middle - start)
        batched.append(time.perf_counter() - middle)
    return sorted(batched)[len(batched) // 2] / sorted(direct)[len(direct) // 2]


async def table(target: Engine, scene: Scene, seconds: float, label: str) -> None:
    ratio = await batcher_ratio(target, scene, seconds)
    for hot in (False, True):
        for callers in CALLERS:
            figures = await measure(target, scene, callers=callers, hot=hot, seconds=seconds)
            note = f"{ratio:.2f}x the engine's round trip" if callers == 1 and not hot else ""
            print(
                f"{target.name + label:<22}{'hot' if hot else 'spread':<8}{callers:>9}"
                f"{figures.rate:>13,.0f}{figures.p50_ms:>10.2f}{figures.p99_ms:>10.2f}"
                f"{figures.client_us:>10.1f}{figures.server_us:>10.1f}  {note}",
                flush=True,
            )


def tree_cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process and its children so far."""
    ticks = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(entry.name) == pid or int(fields[1]) == pid:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / CLOCK_TICKS


async def preload(url: str, transfers: int) -> None:
    """Fill a database with accounts and transfers whose balances agree."""
    connection = await asyncpg.connect(url)
    start = time.perf_counter()
    try:
        await connection.execute(
            PRELOAD_ACCOUNTS, PRELOADED_ACCOUNTS, transfers // PRELOADED_ACCOUNTS
        )
        # Indexes are built afterwards: ten million insertions into three of them take far longer.
        indexes = await connection.fetch(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'ledger' "
            "AND tablename = 'transfers' AND indexname <> 'transfers_pkey'"
        )
        await connection.execute("ALTER TABLE ledger.transfers DROP CONSTRAINT transfers_pkey")
        for index in indexes:
            await connection.execute(f"DROP INDEX ledger.{index['indexname']}")
        for first in range(0, transfers, PRELOAD_STEP):
            await connection.execute(PRELOAD_TRANSFERS, first, first + PRELOAD_STEP)
            print(f"# {first + PRELOAD_STEP:,} transfers", file=sys.stderr, flush=True)
        await connection.execute("SET maintenance_work_mem = '1GB'")
        await connection.execute("ALTER TABLE ledger.transfers ADD PRIMARY KEY (id)")
        for index in indexes:
            await connection.execute(index["indexdef"])
        await connection.execute("VACUUM ANALYZE ledger.accounts")
        await connection.execute("VACUUM ANALYZE ledger.transfers")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    print(f"# preloaded in {time.perf_counter() - start:.0f} s", file=sys.stderr)


@asynccontextmanager
async def embedded_postgres() -> AsyncIterator[PostgresServer]:
    """Run a server as an operator would: everything durable, memory for the indexes."""
    with tempfile.TemporaryDirectory(prefix="rafiki-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101, S103 - as root the server is another user
        server = PostgresServer(
            Path(folder) / "data",
            free_port(),
            Path(folder) / "log",
            password=secrets.token_hex(8),
            settings={
                "shared_buffers": "2GB",
                "max_wal_size": "16GB",
                "checkpoint_timeout": "30min",
            },
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()


async def bench_postgres(options: argparse.Namespace) -> None:
    if options.url:
        await run_postgres(options, options.url, lambda: 0.0)
        return
    async with embedded_postgres() as server:
        pid = server.pid
        if pid is None:
            raise AssertionError("the server is not running")
        await run_postgres(options, server.url(), lambda: tree_cpu_s(pid))


async def run_postgres(
    options: argparse.Namespace, url: str, server_cpu_s: Callable[[], float]
) -> None:
    await upgrade_async(url, "0100_apply_batch")
    engine = PostgresLedger(url)
    target = Engine("postgres", engine, server_cpu_s)
    await table(target, await new_scene(engine, ACCOUNTS), options.seconds, "")
    if options.preload:
        await preload(url, options.preload)
        connection = await asyncpg.connect(url)
        scene = await preloaded_scene(connection)
        await connection.close()
        # Its indexes are cold: fill the cache and get over the first write to each page.
        await measure(target, scene, callers=2_048, hot=False, seconds=options.warm_seconds)
        await table(target, scene, options.seconds, " preloaded")
    await engine.close()


async def bench_tigerbeetle(options: argparse.Namespace) -> None:
    cluster = external_cluster()
    if cluster is not None:
        await run_tigerbeetle(options, cluster, lambda: 0.0)
        return
    if server_binary() is None:
        print(f"tigerbeetle: not measured, {REASON_MISSING}")
        return
    server = own_server(development=False)
    try:
        await run_tigerbeetle(options, server.cluster, lambda: tree_cpu_s(server.pid))
    finally:
        server.stop()


async def run_tigerbeetle(
    options: argparse.Namespace, cluster: Cluster, server_cpu_s: Callable[[], float]
) -> None:
    engine = await TigerBeetleLedger.open(cluster.addresses, cluster_id=cluster.cluster_id)
    target = Engine("tigerbeetle", engine, server_cpu_s)
    await table(target, await new_scene(engine, ACCOUNTS), options.seconds, "")
    await engine.close()


async def main(options: argparse.Namespace) -> None:
    print(
        f"{'engine':<22}{'accounts':<8}{'in flight':>9}{'transfers/s':>13}{'p50 ms':>10}"
        f"{'p99 ms':>10}{'own us':>10}{'server us':>10}"
    )
    if "memory" in options.engines:
        engine = MemoryLedger(clock=SystemClock())
        target = Engine("memory", engine, lambda: 0.0)
        await table(target, await new_scene(engine, ACCOUNTS), options.seconds, "")
    if "postgres" in options.engines:
        await bench_postgres(options)
    if "tigerbeetle" in options.engines:
        await bench_tigerbeetle(options)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="per row")
    parser.add_argument("--engines", default="memory,postgres,tigerbeetle")
    parser.add_argument("--warm-seconds", type=float, default=60.0, help="after --preload")
    parser.add_argument("--url", help="an existing Postgres database, instead of an embedded one")
    parser.add_argument(
        "--preload",
        type=int,
        nargs="?",
        const=PRELOADED_TRANSFERS,
        metavar="TRANSFERS",
        help="measure again with so many transfers, ten million by default, in the ledger",
    )
    uvloop.run(main(parser.parse_args()))
