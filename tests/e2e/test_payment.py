"""Payments between two nodes and their banks, everything real, over the public REST API alone."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc.aio
import pytest
from rafiki.admin.v1 import payment_service_pb2 as payments
from rafiki.admin.v1 import payment_service_pb2_grpc as payments_grpc
from servicekit.clock import SystemClock

from deploy.local.demo import Wallets, open_client, seed, wait_booked
from deploy.local.environment import NodeConfig, grpc_target
from deploy.local.open_payments import Browser, OpenPaymentsClient, OpenPaymentsError
from deploy.local.payment import PaymentFailedError, pay
from deploy.local.stack import Stack
from tests.e2e.books import Books, id_of, ledger_balance, read_books

pytestmark = pytest.mark.e2e
CLOCK = SystemClock()


@dataclass(frozen=True, kw_only=True)
class Network:
    """The seeded network, and an app that pays in its customers' names."""

    stack: Stack
    wallets: Wallets
    client: OpenPaymentsClient
    browser: Browser

    @property
    def first(self) -> NodeConfig:
        """Cloud Nine Wallet."""
        return self.stack.configs[0]

    @property
    def second(self) -> NodeConfig:
        """Happy Life Bank."""
        return self.stack.configs[1]

    def url(self, node: int, customer: int = 0) -> str:
        """A customer's wallet address."""
        return self.wallets.by_node[node][customer].url

    async def books(self) -> tuple[Books, Books]:
        """Books of both sides."""
        return await read_books(self.first), await read_books(self.second)


@pytest.fixture
async def network(stack: Stack) -> AsyncIterator[Network]:
    wallets = await seed(stack)
    async with open_client(stack, wallets, CLOCK) as (client, browser):
        yield Network(stack=stack, wallets=wallets, client=client, browser=browser)


async def test_a_payment_across_adds_up_at_both_nodes_and_both_banks(network: Network) -> None:
    alice, carla = network.url(0), network.url(1)
    before = await network.books()
    paid = await pay(
        network.client, network.browser, sender=alice, receiver=carla, deliver=2_500, clock=CLOCK
    )
    assert paid.incoming["completed"] is True
    assert paid.incoming["receivedAmount"] == {"value": "2500", "assetCode": "EUR", "assetScale": 2}
    assert paid.outgoing["failed"] is False

    carla_now = before[1].customers[carla] + 2_500
    assert await wait_booked(network.second, carla, carla_now, CLOCK) == carla_now
    state = await _settled(network.first, paid.outgoing["id"])
    assert state == payments.OUTGOING_PAYMENT_STATE_COMPLETED
    sent = int(paid.outgoing["debitAmount"]["value"])
    after = await _until_quiet(network, alice, before[0].customers[alice] - sent)

    # The first node owes its peer what the sender was debited for; nothing else of it moved.
    moved = after[0].peer - before[0].peer
    assert before[0].customers[alice] - after[0].customers[alice] == moved
    assert after[0].assets == before[0].assets
    # The second node took the same from its peer, and gave its own liquidity to the payee.
    assert before[1].peer - after[1].peer == moved
    assert after[1].assets["USD"] - before[1].assets["USD"] == moved
    assert before[1].assets["EUR"] - after[1].assets["EUR"] == 2_500
    for books in after:
        assert {books.unexplained(code) for code in books.assets} == {0}
    assert await ledger_balance(network.first, id_of(paid.outgoing["id"])) == 0
    assert await ledger_balance(network.second, id_of(paid.incoming["id"])) == 0


async def test_money_goes_the_other_way_too(network: Network) -> None:
    carla, bert = network.url(1), network.url(0, 1)
    before = await network.books()
    paid = await pay(
        network.client, network.browser, sender=carla, receiver=bert, deliver=1_234, clock=CLOCK
    )
    assert paid.incoming["receivedAmount"]["value"] == "1234"
    bert_now = before[0].customers[bert] + 1_234
    assert await wait_booked(network.first, bert, bert_now, CLOCK) == bert_now


async def test_a_payment_within_one_bank_never_leaves_it(network: Network) -> None:
    alice, bert = network.url(0), network.url(0, 1)
    before = await network.books()
    await pay(
        network.client, network.browser, sender=alice, receiver=bert, deliver=700, clock=CLOCK
    )
    bert_now = before[0].customers[bert] + 700
    assert await wait_booked(network.first, bert, bert_now, CLOCK) == bert_now
    after = await _until_quiet(network, alice, before[0].customers[alice] - 700)
    assert after[0].customers[alice] == before[0].customers[alice] - 700
    assert (after[0].peer, after[1]) == (before[0].peer, before[1])


async def test_a_customer_who_says_no_pays_nothing(network: Network) -> None:
    before = await network.books()
    payer = await network.client.get(network.url(0))
    limits = {"debitAmount": {"value": "1", "assetCode": "USD", "assetScale": 2}}
    grant = await network.client.ask(
        payer["authServer"],
        {
            "type": "outgoing-payment",
            "actions": ["create"],
            "identifier": payer["id"],
            "limits": limits,
        },
    )
    back = await network.browser.consent(grant.redirect, "deny")
    with pytest.raises(OpenPaymentsError, match="grant_rejected"):
        await network.client.finish(grant, back)
    assert await network.books() == before


async def test_a_customer_without_the_money_pays_nothing(network: Network) -> None:
    alice, carla = network.url(0), network.url(1)
    before = await network.books()
    with pytest.raises(PaymentFailedError):
        await pay(
            network.client,
            network.browser,
            sender=alice,
            receiver=carla,
            deliver=200_000,
            clock=CLOCK,
        )
    assert await network.books() == before


async def test_seeding_again_changes_nothing(network: Network) -> None:
    before = await network.books()
    assert await seed(network.stack) == network.wallets
    assert await network.books() == before


async def _settled(config: NodeConfig, url: str) -> payments.OutgoingPaymentState.ValueType:
    """The outgoing payment's state once it is an end."""
    ends = (
        payments.OUTGOING_PAYMENT_STATE_COMPLETED,
        payments.OUTGOING_PAYMENT_STATE_FAILED,
        payments.OUTGOING_PAYMENT_STATE_CANCELLED,
    )
    async with grpc.aio.insecure_channel(grpc_target(config.ports.operator)) as channel:
        stub = payments_grpc.PaymentServiceStub(channel)
        request = payments.GetOutgoingPaymentRequest(id=id_of(url))
        while True:
            payment = await stub.GetOutgoingPayment(request, timeout=30)
            if payment.state in ends:
                return payment.state
            await CLOCK.sleep(0.05)


async def _until_quiet(network: Network, url: str, at_least: int) -> tuple[Books, Books]:
    """Books once no payment is open at the first node and the sender's change came back."""
    deadline = CLOCK.monotonic() + 30
    while True:
        books = await network.books()
        open_payments = {side.unexplained(code) for side in books for code in side.assets}
        quiet = open_payments == {0} and books[0].customers[url] >= at_least
        if quiet or CLOCK.monotonic() >= deadline:
            return books
        await CLOCK.sleep(0.1)
