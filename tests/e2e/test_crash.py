"""A worker that dies in the middle of payments costs nobody anything."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from servicekit.clock import SystemClock

from deploy.local.demo import open_client, seed, wait_booked
from deploy.local.payment import pay
from deploy.local.stack import Stack
from tests.e2e.books import read_books

pytestmark = pytest.mark.e2e
CLOCK = SystemClock()
PAYMENTS = 6
DELIVER = 1_100


def backend_workers(stack: Stack, node: int) -> list[int]:
    """Process ids of a node's backend workers."""
    config = stack.configs[node]
    parent = stack.nodes[node].pids()[f"{config.bank.slug}-backend"]
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(pid) for pid in children.split()]


async def test_a_killed_worker_of_the_receiver_loses_no_money(stack: Stack) -> None:
    wallets = await seed(stack)
    first, second = stack.configs
    alice, carla = wallets.by_node[0][0].url, wallets.by_node[1][0].url
    before = await read_books(second)
    workers = backend_workers(stack, 1)
    async with open_client(stack, wallets, CLOCK) as (client, browser):

        async def one() -> str:
            paid = await pay(
                client, browser, sender=alice, receiver=carla, deliver=DELIVER, clock=CLOCK
            )
            value: str = paid.incoming["receivedAmount"]["value"]
            return value

        running = [asyncio.create_task(one()) for _ in range(PAYMENTS)]
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        os.kill(workers[0], signal.SIGKILL)
        assert await asyncio.gather(*running) == [str(DELIVER)] * PAYMENTS
    expected = before.customers[carla] + PAYMENTS * DELIVER
    assert await wait_booked(second, carla, expected, CLOCK) == expected
    after = await read_books(second)
    assert before.assets["EUR"] - after.assets["EUR"] == PAYMENTS * DELIVER
    assert after.unexplained("EUR") == after.unexplained("USD") == 0
    assert before.peer - after.peer == after.assets["USD"] - before.assets["USD"]
    assert (await read_books(first)).peer > 0
