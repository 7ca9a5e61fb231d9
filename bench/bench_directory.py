"""What a process holds in memory, and what one change costs it, with few and with many rows.

    python -m bench.bench_directory                       10,000 wallet addresses, 1,000 peers
    python -m bench.bench_directory --wallets 1000000 --peers 10000

Rows are made by Postgres; a process's directory is loaded, then wallet addresses are asked for at
random, then single rows are changed and heard of.
"""

import argparse
import asyncio
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random  # noqa: TID251 - seeded: each run is the same
from uuid import UUID

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "libs"), str(ROOT / "generated/python")]

from servicekit.clock import SystemClock  # noqa: E402 - after the path is set, as all below
from servicekit.commands import Commands  # noqa: E402 - likewise
from servicekit.database import Database, DatabaseLimits  # noqa: E402 - likewise
from servicekit.idempotency import IdempotencyStore  # noqa: E402 - likewise
from servicekit.ids import SystemIds  # noqa: E402 - likewise

from services.backend.assets.build import build as build_assets  # noqa: E402 - likewise
from services.backend.assets.commands.create_asset import NewAsset  # noqa: E402 - likewise
from services.backend.changes.announcement import DIRECTORY_CHANNEL  # noqa: E402 - likewise
from services.backend.changes.model import Change, Kind, encode_change  # noqa: E402 - likewise
from services.backend.directory.build import Lookups  # noqa: E402 - likewise
from services.backend.directory.build import build as build_directory  # noqa: E402 - likewise
from services.backend.events.tables import idempotency_keys  # noqa: E402 - likewise
from services.backend.ledger.batching.batcher import BatchedLedger  # noqa: E402 - likewise
from services.backend.ledger.memory.engine import MemoryLedger  # noqa: E402 - likewise
from services.backend.migrations.run import upgrade  # noqa: E402 - likewise
from services.backend.tenants.commands.ensure_operator import (  # noqa: E402 - likewise
    EnsureOperator,
    Operator,
)
from services.backend.tenants.scope import Scope  # noqa: E402 - likewise
from tests.support.growth import add_peers, add_wallets, wallet_id  # noqa: E402 - likewise
from tests.support.postgres import TestPostgres, running_server  # noqa: E402 - likewise

OPERATOR = UUID(int=1)
URL = "https://bank.example"
LOOKUPS = 50_000
CHANGES = 200
ROWS_MADE_WITHIN_MS = 600_000
MEBIBYTE = 1 << 20


async def _measure(url: str, arguments: argparse.Namespace) -> None:
    clock = SystemClock()
    ids = SystemIds(clock)
    database = Database(url, limits=DatabaseLimits(statement_timeout_ms=ROWS_MADE_WITHIN_MS))
    commands = Commands(
        database=database, replies=IdempotencyStore(table=idempotency_keys, clock=clock)
    )
    operator = Operator(tenant_id=OPERATOR, api_secret=ids.uuid().hex)
    await commands.run(EnsureOperator(database=database, clock=clock), operator)
    ledger = BatchedLedger(MemoryLedger(clock=clock), clock=clock)
    lookups = build_directory(
        database=database,
        ilp_address="test.bank",
        open_payments_url=URL,
        node_wallet_address=f"{URL}/bank",
        auth_server_url=URL,
        webhook_url=URL,
        webhook_timeout_ms=1,
        webhook_attempts_max=1,
        exchange_rates_url=None,
        clock=clock,
        ids=ids,
    )
    assets = build_assets(
        database=database,
        ledger=ledger,
        users=[],
        known=lookups.directory,
        clock=clock,
        ids=ids,
    )
    new = NewAsset(
        scope=Scope(OPERATOR, sees_all=True),
        code="USD",
        scale=2,
        withdrawal_threshold=None,
        liquidity_threshold=None,
    )
    asset = await commands.run(assets.create, new)
    begun = time.perf_counter()
    await add_wallets(database, arguments.wallets, tenant_id=OPERATOR, asset_id=asset.id, base=URL)
    await add_peers(database, arguments.peers, tenant_id=OPERATOR, asset_id=asset.id)
    print(f"{arguments.wallets} wallet addresses, {arguments.peers} peers")
    print(f"rows made in {time.perf_counter() - begun:.1f} s")
    await _report(lookups, database, arguments)
    await database.close()


async def _report(lookups: Lookups, database: Database, arguments: argparse.Namespace) -> None:
    directory, known = lookups.directory, lookups.wallet_addresses
    tracemalloc.start()
    await _row("load everything", 1, database, directory.reload)
    print(f"{'':>4}held: {tracemalloc.get_traced_memory()[0] / MEBIBYTE:.1f} MiB")
    chance = Random(1)  # noqa: S311 - for a bench's choices

    async def look_up() -> None:
        number = chance.randint(1, arguments.wallets)
        assert await known.by_url(f"{URL}/many/{number}") is not None

    await _row("look up any wallet address", LOOKUPS, database, look_up)
    held = tracemalloc.get_traced_memory()[0] / MEBIBYTE
    tracemalloc.stop()
    print(f"{'':>4}held: {held:.1f} MiB with {len(directory.wallet_addresses)} wallet addresses")
    await known.by_ids([wallet_id(1)])

    async def look_up_known() -> None:
        assert await known.by_url(f"{URL}/many/1") is not None

    await _row("look up a known one", LOOKUPS, database, look_up_known)
    peer_ids = list(directory.snapshot.peers)

    async def hear(kind: Kind, row_id: UUID) -> None:
        await directory.on_notify(DIRECTORY_CHANNEL, encode_change(Change(kind, row_id)))

    async def hear_of_peer() -> None:
        await hear(Kind.PEER, chance.choice(peer_ids))

    async def hear_of_wallet() -> None:
        await hear(Kind.WALLET_ADDRESS, wallet_id(chance.randint(1, arguments.wallets)))

    await _row("hear of a changed peer", CHANGES, database, hear_of_peer)
    await _row("hear of a changed wallet address", CHANGES, database, hear_of_wallet)


async def _row(
    name: str, count: int, database: Database, call: Callable[[], Awaitable[object]]
) -> None:
    begun = time.process_time()
    with database.count_statements() as statements:
        for _ in range(count):
            await call()
    cpu_us = (time.process_time() - begun) / count * 1e6
    print(f"{name:>34} {cpu_us:>10.1f} us CPU {len(statements) / count:>7.3f} statements")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wallets", type=int, default=10_000)
    parser.add_argument("--peers", type=int, default=1_000)
    arguments = parser.parse_args()
    with running_server() as server:
        postgres = TestPostgres(server)
        url = postgres.create_database(postgres.template("backend", upgrade))
        asyncio.run(_measure(url, arguments))


if __name__ == "__main__":
    main()
