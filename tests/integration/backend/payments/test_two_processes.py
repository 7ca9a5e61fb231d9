"""The central promise: no payment takes more than it expects, on any number of processes."""

import asyncio
from base64 import urlsafe_b64decode
from random import Random  # noqa: TID251 - seeded: each seed is a case that can be run again
from typing import Any

import pytest
from ilpkit.ilp.packet import Fulfill, Prepare, Reply
from ilpkit.money import Ratio
from ilpkit.stream.crypto import StreamKeys
from ilpkit.stream.outcome import PaymentOutcome
from ilpkit.stream.plan import FixedDelivery, FixedSend
from ilpkit.stream.sender import PaymentSender
from rafiki.admin.v1 import payment_service_pb2 as admin

from services.backend.outgoing_payments.sending import pay
from tests.integration.backend.payments.conftest import NewNode
from tests.integration.backend.payments.node import Node, amount, eventually, id_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
SENDERS = 5
PEER_BALANCE = 10_000_000


class Payer:
    """One sender's machine, whose packets go to any of the processes; some go to two at once."""

    def __init__(self, nodes: list[Node], incoming: Any, target: Any, chance: Random) -> None:
        method = incoming.methods[0]
        secret = urlsafe_b64decode(method.shared_secret + "=")
        self._nodes = nodes
        self._chance = chance
        self._machine = PaymentSender(
            keys=StreamKeys(secret),
            destination=method.ilp_address,
            target=target,
            random_bytes=chance.randbytes,
            max_packet_amount=chance.choice([7, 100, 1_000]),
        )

    async def pay(self) -> PaymentOutcome:
        clock = self._nodes[0].clock
        return await pay(self._machine, send=self._send, clock=clock, on_crash=_raise)

    async def _send(self, prepare: Prepare, *, fulfillable: bool) -> Reply:
        del fulfillable
        nodes = self._chance.sample(self._nodes, self._chance.choice([1, 1, 1, 2]))
        replies = await asyncio.gather(*(node.post_packet("test.payer", prepare) for node in nodes))
        # The same packet on two processes: both fulfil it, or the one that came first does.
        return next((reply for reply in replies if isinstance(reply, Fulfill)), replies[0])


def _raise(crash: BaseException) -> None:
    raise crash


@pytest.fixture
def seeds() -> range:
    return range(3)


async def test_senders_at_once_on_two_processes_pay_exactly_what_is_expected(
    new_node: NewNode, seeds: range
) -> None:
    first = await new_node()
    second = await new_node(beside=first)
    usd = await first.asset()
    peer = await first.peer(usd, "test.payer", url="http://127.0.0.1:1/ilp", balance=PEER_BALANCE)
    await second.known(
        lambda: (
            second.features.lookups.directory.snapshot.peer_of_token("from-test.payer") is not None
        )
    )
    wallet, paid_before = await first.wallet(usd), 0
    for seed in seeds:
        chance = Random(seed)  # noqa: S311 - for a test's choices
        expected = chance.randrange(500, 3_000)
        incoming = await first.incoming(wallet, amount(expected))
        payers = [
            Payer([first, second], incoming, FixedSend(expected), chance) for _ in range(SENDERS)
        ]
        outcomes = await hurried(first, [payer.pay() for payer in payers])
        done = await first.completed(incoming)
        assert done.received_amount == amount(expected)
        # What the senders were told is what was credited, to the unit.
        assert sum(outcome.totals.delivered for outcome in outcomes) == expected
        sent = sum(outcome.totals.source_sent for outcome in outcomes)
        paid = PEER_BALANCE - await first.balance(peer.id) - paid_before
        assert paid == sent
        assert await first.balance(id_of(incoming)) == expected
        paid_before += paid
    await first.audit()
    # Everything that came is the payees', or surplus of the last units.
    surplus = await first.balance(usd.id)
    received = await total(first, wallet)
    assert PEER_BALANCE - await first.balance(peer.id) == received + surplus


async def test_closing_while_packets_arrive_is_final(new_node: NewNode) -> None:
    first = await new_node("closing")
    second = await new_node("closing", beside=first)
    usd = await first.asset()
    await first.peer(usd, "test.payer", url="http://127.0.0.1:1/ilp", balance=PEER_BALANCE)
    await second.known(
        lambda: (
            second.features.lookups.directory.snapshot.peer_of_token("from-test.payer") is not None
        )
    )
    chance = Random(7)  # noqa: S311 - for a test's choices
    incoming = await first.incoming(await first.wallet(usd))
    target = FixedDelivery(1_000_000, 1_000_000, Ratio(1, 1))
    payers = [Payer([first, second], incoming, target, chance) for _ in range(2)]
    paying = asyncio.ensure_future(hurried(first, [payer.pay() for payer in payers]))
    await eventually(
        lambda: first.incoming_now(incoming), lambda now: now.received_amount.value > 50
    )
    closed = await second.complete(incoming)
    assert closed.completed
    final = closed.received_amount.value
    outcomes = await paying
    assert (await first.incoming_now(incoming)).received_amount.value == final
    assert await first.balance(id_of(incoming)) == final
    assert sum(outcome.totals.delivered for outcome in outcomes) == final
    await first.audit()


async def hurried(node: Node, work: list[Any]) -> list[PaymentOutcome]:
    """Run senders to their ends, with their waiting cut short."""
    running = asyncio.gather(*work)
    while not running.done():
        await asyncio.wait((running,), timeout=0.05)
        node.clock.jump(0.2)
    return list(await running)


async def total(node: Node, wallet: Any) -> int:
    """What all payments of a wallet address received."""
    del wallet
    found = await node.payments.ListIncomingPayments(admin.ListIncomingPaymentsRequest())
    return sum(payment.received_amount.value for payment in found.payments)
