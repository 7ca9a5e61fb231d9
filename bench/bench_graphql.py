"""The Admin GraphQL API through Envoy: CPU of all servers and statements a call, 16 in flight.

    python -m bench.bench_graphql
    python -m bench.bench_graphql --only page --count 200

`query` and `mutation` have one node, `page` has 100 payments with nine fields each. Every call is
signed as an account servicing entity signs it; making the calls is not counted.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from bench.bench_payments import GraphqlAdmin
from bench.bench_rest import HEADING, measure_row
from bench.network import CpuClock, running_network

from deploy.local.demo import seed  # isort: skip - `bench.network` sets the path
from deploy.local.stack import Stack  # isort: skip

ROWS = 100
ASSETS = "{ assets(first: 1) { edges { node { id } } } }"
ASSET = "query ($i: String!) { asset(id: $i) { id code scale liquidity createdAt } }"
RENAME = """mutation ($i: UpdateWalletAddressInput!) {
    updateWalletAddress(input: $i) { walletAddress { id publicName } } }"""
CREATE = """mutation ($i: CreateIncomingPaymentInput!) {
    createIncomingPayment(input: $i) { payment { id } } }"""
PAGE = """query ($i: Int!) { payments(first: $i) { pageInfo { endCursor hasNextPage }
    edges { cursor node { id type state walletAddressId client metadata createdAt } } } }"""


async def _measure(stack: Stack, arguments: argparse.Namespace) -> None:
    wallets = await seed(stack)
    admin = GraphqlAdmin(stack.configs[0])
    try:
        wallet_id = wallets.by_node[0][0].id
        for _ in range(ROWS):
            await admin.call(CREATE, {"walletAddressId": wallet_id})
        assets = await admin.call(ASSETS, {})
        asset_id = assets["assets"]["edges"][0]["node"]["id"]

        def rename() -> Awaitable[Any]:
            return admin.call(RENAME, {"id": wallet_id, "publicName": str(uuid4())})

        rows: dict[str, Callable[[], Awaitable[Any]]] = {
            "query": lambda: admin.call(ASSET, asset_id),
            "mutation": rename,
            "page": lambda: admin.call(PAGE, ROWS),
        }
        clock = CpuClock(stack)
        print(HEADING)
        for name, call in rows.items():
            if arguments.only in (None, name):
                await measure_row(stack, clock, name, call, arguments)
    finally:
        await admin.close()


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
