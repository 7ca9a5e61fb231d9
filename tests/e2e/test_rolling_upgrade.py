"""Every backend worker of both nodes is replaced under load, and no payment and no call fails."""

import asyncio
import os
import signal

import pytest
from servicekit.clock import SystemClock

from deploy.local.demo import Wallets, open_client, wait_booked
from deploy.local.node import answers
from deploy.local.payment import pay
from deploy.local.stack import Stack
from tests.e2e.books import read_books
from tests.e2e.test_crash import backend_workers

pytestmark = pytest.mark.e2e
CLOCK = SystemClock()
PAYERS = 3
DELIVER = 1_100
POLL_S = 0.2
REPLACED_S_MAX = 120


async def replaced(stack: Stack, node: int, before: list[int]) -> None:
    """Wait until none of the earlier workers is left and all the new ones serve."""
    ports = stack.configs[node].ports.backend_http

    def over() -> bool:
        left = set(before) & set(backend_workers(stack, node))
        return not left and all(map(answers, ports))

    while not await asyncio.to_thread(over):  # noqa: ASYNC110 - processes tell nothing
        await asyncio.sleep(POLL_S)


async def test_workers_are_replaced_under_load(stack: Stack, wallets: Wallets) -> None:
    alice, carla = wallets.by_node[0][0].url, wallets.by_node[1][0].url
    receiver = stack.configs[1]
    before = await read_books(receiver)
    workers = [backend_workers(stack, node) for node in (0, 1)]
    upgraded = asyncio.Event()
    async with open_client(stack, wallets, CLOCK) as (client, browser):

        async def payer() -> int:
            """Pay until the upgrade is over; the number of payments, each received in full."""
            made = 0
            while not upgraded.is_set() or not made:
                paid = await pay(
                    client, browser, sender=alice, receiver=carla, deliver=DELIVER, clock=CLOCK
                )
                assert paid.incoming["receivedAmount"]["value"] == str(DELIVER)
                made += 1
            return made

        async def upgrade() -> None:
            for node, old in enumerate(workers):
                name = f"{stack.configs[node].bank.slug}-backend"
                os.kill(stack.nodes[node].pids()[name], signal.SIGHUP)
                await replaced(stack, node, old)
            upgraded.set()

        async with asyncio.timeout(REPLACED_S_MAX), asyncio.TaskGroup() as group:
            payers = [group.create_task(payer()) for _ in range(PAYERS)]
            group.create_task(upgrade())
    made = sum(payers_task.result() for payers_task in payers)
    assert made >= PAYERS
    expected = before.customers[carla] + made * DELIVER
    assert await wait_booked(receiver, carla, expected, CLOCK) == expected
    after = await read_books(receiver)
    assert after.unexplained("EUR") == after.unexplained("USD") == 0
