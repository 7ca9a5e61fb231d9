"""A process of its own that is frozen or killed amid a payment, beside one that goes on."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from rafiki.admin.v1 import liquidity_service_pb2
from rafiki.admin.v1 import payment_service_pb2 as admin

from services.backend.directory.model import PeerEntry
from services.backend.outgoing_payments.worker import LEASE
from tests.integration.backend.payments.conftest import Banks, NewBanks, NewNode
from tests.integration.backend.payments.node import Node, amount, eventually, id_of, key
from tests.support.postgres import free_port
from tests.support.warp_clock import WarpClock

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROOT = Path(__file__).parents[4]
COMPLETED = admin.OUTGOING_PAYMENT_STATE_COMPLETED
PACKET_MAX = 100
MANY_PACKETS = 100_000
TAKEN_AT_ONCE = 20


@asynccontextmanager
async def process_of(node: Node) -> AsyncIterator[Callable[[int], None]]:
    """Another process of a node, real in all; yields what sends it a signal."""
    given = {"OUTGOING_PAYMENT_WORKERS": "64"}
    given |= {"GRPC_PORT": str(free_port()), "CONNECTOR_PORT": str(free_port())}
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}:{ROOT / 'generated/python'}"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.backend",
        cwd=ROOT,
        env=environment | variables(node) | given,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield lambda number: os.killpg(process.pid, number)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def variables(node: Node) -> dict[str, str]:
    """A node's settings as an environment."""
    found = {}
    for name, field in type(node.settings).model_fields.items():
        value = getattr(node.settings, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if value is None or value == ():
            continue
        found[str(field.alias)] = str(value)
    return found


@asynccontextmanager
async def held_up(node: Node, *, credited: bool) -> AsyncIterator[Callable[[], int]]:
    """A node that, after some packets, credits no more or replies no more until the block ends.

    Yields what tells how many packets are held.
    """
    connector, taken, held, may_go_on = node.features.packets.connector, 0, 0, asyncio.Event()
    receive = connector.receive

    async def hold() -> None:
        nonlocal held
        held += 1
        await may_go_on.wait()

    async def hesitate(peer: PeerEntry, raw: bytes, *, request_id: str | None = None) -> bytes:
        nonlocal taken
        taken += 1
        is_held = taken > TAKEN_AT_ONCE
        if is_held and not credited:
            await hold()
        reply = await receive(peer, raw, request_id=request_id)
        if is_held and credited:
            await hold()
        return reply

    connector.receive = hesitate  # type: ignore[method-assign] # until the block ends
    try:
        yield lambda: held
    finally:
        connector.receive = receive  # type: ignore[method-assign] # as it was
        may_go_on.set()


async def interrupted(banks: Banks, stop: Callable[[int], None], number: int) -> tuple[Any, Any]:
    """A payment whose process was stopped when some of it had arrived."""
    incoming = await banks.far.incoming(banks.bob, amount(MANY_PACKETS))
    payment = await banks.near.outgoing(banks.alice, await banks.near.quote(banks.alice, incoming))
    account = UUID(id_of(payment)).int

    async def reserved() -> int:
        """What the packets under way hold of the payment, in packets."""
        found = await banks.near.features.ledger.lookup_accounts([account])
        return found[account].debits_pending // PACKET_MAX

    async with held_up(banks.far, credited=number == signal.SIGKILL) as held:
        await banks.near.fund(payment)
        # No packet is on the way between the two: whatever was reserved has come to the far node.
        await eventually(reserved, lambda packets: 0 < packets == held())
        stop(number)
    return incoming, payment


async def successor(banks: Banks, new_node: NewNode) -> Node:
    """Another process, at a time when the stopped one's lease has run out."""
    later = WarpClock(ahead_s=banks.clock.ahead_s + LEASE.total_seconds())
    return await new_node("near", beside=banks.near, own_clock=later, OUTGOING_PAYMENT_WORKERS=64)


async def check_books(banks: Banks, node: Node, payment: Any, ended: Any) -> None:
    """It was taken over and ended once; what was told is in the ledger and can be withdrawn."""
    view = await node.features.outgoing.queries.get(UUID(id_of(payment)), tenant_id=None)
    assert view.payment.claims > 1

    async def events() -> list[dict[str, Any]]:
        return banks.outside.data_of(id_of(payment))

    _, told = await eventually(events, lambda found: len(found) == 2)
    left = await node.balance(id_of(payment))
    assert told["balance"] == str(left)
    assert int(told["sentAmount"]["value"]) + left == ended.debit_amount.value
    request = liquidity_service_pb2.WithdrawOutgoingPaymentRequest(
        outgoing_payment_id=id_of(payment), idempotency_key=key()
    )
    await node.liquidity.WithdrawOutgoingPayment(request)
    assert await node.balance(id_of(payment)) == 0
    await node.audit()
    await banks.far.audit()


async def test_a_frozen_process_that_thaws_pays_nothing_twice(
    new_banks: NewBanks, new_node: NewNode
) -> None:
    banks = await new_banks(far_max_packet_amount=PACKET_MAX, OUTGOING_PAYMENT_WORKERS=0)
    async with process_of(banks.near) as stop:
        incoming, payment = await interrupted(banks, stop, signal.SIGSTOP)
        other = await successor(banks, new_node)
        await banks.far.completed(incoming)
        stop(signal.SIGCONT)
        ended = await other.ended(payment)
        assert (ended.state, ended.sent_amount.value) == (COMPLETED, MANY_PACKETS)
        received = (await banks.far.incoming_now(incoming)).received_amount.value
        assert received == MANY_PACKETS
        assert await banks.moved() == (MANY_PACKETS, MANY_PACKETS)
        await check_books(banks, other, payment, ended)


async def test_a_killed_process_leaves_a_payment_that_ends_once_and_right(
    new_banks: NewBanks, new_node: NewNode
) -> None:
    banks = await new_banks(far_max_packet_amount=PACKET_MAX, OUTGOING_PAYMENT_WORKERS=0)
    async with process_of(banks.near) as stop:
        incoming, payment = await interrupted(banks, stop, signal.SIGKILL)
        other = await successor(banks, new_node)
        await banks.far.completed(incoming)
        # No clock is moved: it ends seconds after the lease, long before the reconciler looks.
        ended = await other.ended(payment)
        assert ended.state == COMPLETED
        # What packets of unknown outcome hold counts as sent until somebody knows better.
        assert ended.sent_amount.value >= MANY_PACKETS
        await check_books(banks, other, payment, ended)
