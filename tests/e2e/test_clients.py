"""Each client is built, tests itself, and pays from one bank to the other over its node's gRPC."""

import asyncio
import re

import pytest

from deploy.local.demo import Wallets
from deploy.local.environment import grpc_target
from deploy.local.stack import Stack
from tests.e2e.booking import Accounts
from tests.e2e.clients import LANGUAGES, Language

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
SEND_UNITS = 500
LAST_LINE = re.compile(r"(?P<id>[0-9a-f-]{36}) \S*COMPLETED: sent (?P<sent>\d+) USD \(scale 2\)")


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
async def test_the_client_pays(language: Language, stack: Stack, wallets: Wallets) -> None:
    await asyncio.to_thread(language.prepare)
    # Customers that no other test counts on.
    payer, payee = wallets.by_node[0][1].url, wallets.by_node[1][1].url
    accounts = await Accounts.open(stack, payer, payee)
    operator = grpc_target(stack.configs[0].ports.operator)
    lines = await asyncio.to_thread(language.pay, operator, payer, payee, str(SEND_UNITS))
    assert "outgoing_payment.created" in lines
    assert "outgoing_payment.completed" in lines
    said = LAST_LINE.fullmatch(lines[-1])
    assert said is not None, lines
    payment = await accounts.booked(said["id"])
    assert payment.sent_amount.value == int(said["sent"])
