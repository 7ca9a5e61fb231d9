"""One tenant's slow payments leave room for another's."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from aiohttp import web
from rafiki.admin.v1 import payment_service_pb2

from tests.integration.backend.isolation.belongings import Belongings, Tenant
from tests.integration.backend.payments.conftest import NewNode
from tests.integration.backend.payments.node import Node, eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
SLOTS = 8
SLOW = 500
CLONES = """
WITH numbers AS (
    INSERT INTO quotes SELECT (jsonb_populate_record(q, jsonb_build_object(
        'id', gen_random_uuid(), 'receiver', $2::text || n))).*
    FROM quotes q, generate_series(1, $3) n WHERE q.id = $1
    RETURNING id
)
INSERT INTO outgoing_payments SELECT (jsonb_populate_record(p, jsonb_build_object(
    'id', numbers.id, 'state', 'SENDING', 'due_at', $4::text))).*
    FROM outgoing_payments p, numbers WHERE p.id = $1
"""


class SlowBank:
    """A bank that takes every request and answers none."""

    def __init__(self) -> None:
        self.asked = 0
        self.closing = asyncio.Event()

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._hold)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        self.closing.set()
        await self._runner.cleanup()

    async def _hold(self, request: web.Request) -> web.Response:
        del request
        self.asked += 1
        await self.closing.wait()
        return web.Response(status=503)


@pytest_asyncio.fixture(loop_scope="module")
async def slow_bank() -> AsyncIterator[SlowBank]:
    bank = SlowBank()
    await bank.start()
    yield bank
    await bank.stop()


async def make_slow(node: Node, tenant: Belongings, bank: SlowBank) -> None:
    """Let a tenant have many payments due, longer than all others, to receivers at a slow bank."""
    payment = await tenant.get("outgoing")
    connection = await asyncpg.connect(node.settings.database_url.get_secret_value())
    receiver = f"{bank.origin}/incoming-payments/"
    await connection.execute(CLONES, payment, receiver, SLOW, "2020-01-01T00:00:00Z")
    await connection.execute("NOTIFY rafiki_outgoing_payment_due")
    await connection.close()


async def test_one_payment_of_another_tenant_is_sent_beside_500_slow_ones(
    new_node_of_module: NewNode, slow_bank: SlowBank
) -> None:
    node = await new_node_of_module(OUTGOING_PAYMENT_WORKERS=SLOTS)
    greedy = (await Tenant.new(node, node.channel)).belongings()
    modest = (await Tenant.new(node, node.channel)).belongings()
    await modest.get("outgoing")
    await make_slow(node, greedy, slow_bank)

    async def asked() -> int:
        return slow_bank.asked

    await eventually(asked, lambda count: count >= SLOTS // 2)
    paid = await modest.fund()
    assert paid.state == payment_service_pb2.OUTGOING_PAYMENT_STATE_COMPLETED
    # Each of the others takes five seconds until it gives up: in turn it would wait for minutes.
    assert slow_bank.asked < SLOW
