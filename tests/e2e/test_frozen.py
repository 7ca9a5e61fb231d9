"""A worker that hangs: what may be asked twice is asked another one."""

import asyncio
import os
import signal
from collections import Counter

import pytest

from deploy.local.demo import Wallets
from deploy.local.open_payments import Browser, OpenPaymentsClient
from deploy.local.stack import Stack
from tests.e2e.test_crash import backend_workers

pytestmark = pytest.mark.e2e
READS = 24


async def test_no_read_fails_while_a_worker_hangs(
    stack: Stack, wallets: Wallets, app: tuple[OpenPaymentsClient, Browser]
) -> None:
    client, _ = app
    address = wallets.by_node[1][0].url
    payee = await client.get(address)
    access = {"type": "incoming-payment", "actions": ["create", "read"]}
    token = await client.grant(payee["authServer"], access)
    body = {"walletAddress": payee["id"]}
    url = f"{payee['resourceServer']}/incoming-payments"
    payment = await client.post(url, body, token=token)
    frozen = backend_workers(stack, 1)[0]
    os.kill(frozen, signal.SIGSTOP)
    try:
        # Each passes the guard and is then read: either may meet the worker that hangs.
        reads = [client._send("GET", payment["id"], None, token, {}) for _ in range(READS)]
        answers = await asyncio.gather(*reads)
        assert Counter(status for status, _ in answers) == {200: READS}
    finally:
        os.kill(frozen, signal.SIGCONT)
