"""Open Payments and GNAP over REST through Envoy: CPU of all servers and statements a call.

    python -m bench.bench_rest                 all rows, 16 in flight
    python -m bench.bench_rest --only get-wallet --count 2000

Each row is one kind of request, signed as a client signs it; making the requests is not counted.
"""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from bench.network import (
    CpuClock,
    counted_statements,
    percentile,
    running_network,
    shares,
)

import aiohttp  # isort: skip - `bench.network` sets the path
from servicekit.clock import SystemClock  # isort: skip

from deploy.local.demo import open_client, seed  # isort: skip
from deploy.local.stack import Stack  # isort: skip

COUNTED = 10
HEADING = f"{'call':>14} {'rate/s':>7} {'CPU ms':>7} {'stmts':>6} {'p50':>6} {'p99':>6}  by process"
Call = Callable[[], Awaitable[Any]]


async def _rows(client: Any, session: aiohttp.ClientSession, payee_url: str) -> dict[str, Call]:
    payee = await client.get(payee_url)
    access = {"type": "incoming-payment", "actions": ["create", "read", "list", "complete"]}
    token = await client.grant(payee["authServer"], access)
    body = {
        "walletAddress": payee["id"],
        "incomingAmount": {
            "value": "2500",
            "assetCode": payee["assetCode"],
            "assetScale": payee["assetScale"],
        },
    }
    collection = f"{payee['resourceServer']}/incoming-payments"
    made = await client.post(collection, body, token=token)

    async def wallet() -> None:
        async with session.get(payee_url, headers={"accept": "application/json"}) as response:
            assert response.status == 200
            await response.read()

    return {
        "get-wallet": wallet,
        "get-incoming": lambda: client.get(made["id"], token=token),
        "post-incoming": lambda: client.post(
            collection, body | {"metadata": {"n": str(uuid4())}}, token=token
        ),
        "grant": lambda: client.grant(payee["authServer"], access),
    }


async def _measure(stack: Stack, arguments: argparse.Namespace) -> None:
    wallets = await seed(stack)
    clock = CpuClock(stack)
    async with (
        open_client(stack, wallets, SystemClock()) as (client, _),
        aiohttp.ClientSession() as session,
    ):
        rows = await _rows(client, session, wallets.by_node[1][0].url)
        print(HEADING)
        for name, call in rows.items():
            if arguments.only in (None, name):
                await measure_row(stack, clock, name, call, arguments)


async def measure_row(
    stack: Stack, clock: CpuClock, name: str, call: Call, arguments: argparse.Namespace
) -> None:
    """Print one row: the call's rate, CPU, statements and latencies."""
    for _ in range(COUNTED):
        await call()
    async with counted_statements(stack) as statements:
        for _ in range(COUNTED):
            await call()
    left, latencies = arguments.count, []

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            started = time.perf_counter()
            await call()
            latencies.append((time.perf_counter() - started) * 1000)

    before, started = clock.read_ms(), time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(arguments.in_flight)))
    seconds = time.perf_counter() - started
    used = Counter(clock.read_ms())
    used.subtract(before)
    latencies.sort()
    count = len(latencies)
    p50, p99 = (percentile(latencies, share) for share in (0.5, 0.99))
    print(
        f"{name:>14} {count / seconds:7.0f} {sum(used.values()) / count:7.2f}"
        f" {sum(statements.values()) / COUNTED:6.1f} {p50:6.1f} {p99:6.1f}"
        f"  {shares(used, count)}"
    )
    if arguments.statements:
        for text, number in statements.most_common(40):
            print(f"  {number / COUNTED:6.2f}  {text}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only")
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--in-flight", type=int, default=16)
    parser.add_argument("--statements", action="store_true", help="print each")
    arguments = parser.parse_args()
    with running_network() as stack:
        asyncio.run(_measure(stack, arguments))


if __name__ == "__main__":
    main()
