"""The demonstration of `make run`: seed, one payment across, and what to look at."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import grpc
import grpc.aio
from ilpkit.httpsig.keys import private_key_from_pem
from rafiki.admin.v1 import payment_service_pb2 as payments
from rafiki.admin.v1 import payment_service_pb2_grpc as payments_grpc
from rafiki.ledger.v1 import ledger_service_pb2 as ledger
from rafiki.ledger.v1 import ledger_service_pb2_grpc as ledger_grpc
from servicekit.clock import Clock

from deploy.local.banks import HAPPY_LIFE, money
from deploy.local.environment import NodeConfig, grpc_target
from deploy.local.open_payments import Browser, OpenPaymentsClient
from deploy.local.payment import Payment, pay
from deploy.local.seed import SeededWallet, bind_client_key, seed_node
from deploy.local.stack import Stack

DELIVER_UNITS: Final = 2_500
BOOKED_S_MAX: Final = 90.0
"""Longer than a webhook waits whose worker was killed while it delivered."""
POLL_INTERVAL_S: Final = 0.1
CALL_S_MAX: Final = 30.0
TRANSFERS_MAX: Final = 1_000


@dataclass(frozen=True, kw_only=True)
class Wallets:
    """Seeded wallet addresses by node, and the one that the client app is known by."""

    by_node: tuple[tuple[SeededWallet, ...], ...]
    client: SeededWallet


async def seed(stack: Stack) -> Wallets:
    """Seed every node and bind the client app's key; safe to repeat."""
    by_node = []
    for config in stack.configs:
        others = tuple(other for other in stack.configs if other is not config)
        by_node.append(await seed_node(config, others))
    node = next(c for c in stack.configs if c.bank is HAPPY_LIFE)
    client = next(
        wallet
        for wallet in by_node[stack.configs.index(node)]
        if wallet.customer.path == "paper-shop"
    )
    await bind_client_key(node, client, key_id=stack.vault.client_key_id, key=_client_key(stack))
    return Wallets(by_node=tuple(by_node), client=client)


@asynccontextmanager
async def open_client(
    stack: Stack, wallets: Wallets, clock: Clock
) -> AsyncIterator[tuple[OpenPaymentsClient, Browser]]:
    """The client app and a customer's browser."""
    browser = Browser()
    try:
        async with aiohttp.ClientSession() as session:
            client = OpenPaymentsClient(
                session=session,
                wallet_address=wallets.client.url,
                key_id=stack.vault.client_key_id,
                private_key=_client_key(stack),
                clock=clock,
            )
            yield client, browser
    finally:
        await browser.close()


async def balances(config: NodeConfig) -> dict[str, int]:
    """Balances of a bank's accounts by wallet address URL."""
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.get(f"{config.ase_url}/accounts") as response,
    ):
        return {row["wallet_address"]: row["balance"] for row in await response.json()}


async def wait_booked(config: NodeConfig, url: str, balance: int, clock: Clock) -> int:
    """Return a bank's balance once it is `balance`, or what it is when the wait is over."""
    deadline = clock.monotonic() + BOOKED_S_MAX
    while True:
        seen = (await balances(config))[url]
        if seen == balance or clock.monotonic() >= deadline:
            return seen
        await clock.sleep(POLL_INTERVAL_S)


async def packets_received(config: NodeConfig, payment_url: str) -> int:
    """How many packets credited an incoming payment: one transfer each."""
    payment_id = payment_url.rstrip("/").rpartition("/")[2]
    async with grpc.aio.insecure_channel(grpc_target(config.ports.operator)) as channel:
        stub: Any = ledger_grpc.LedgerServiceStub(channel)
        answer = await stub.ListAccountTransfers(
            ledger.ListAccountTransfersRequest(account_id=payment_id, limit=TRANSFERS_MAX),
            timeout=CALL_S_MAX,
        )
    return sum(transfer.credit_account_id == payment_id for transfer in answer.transfers)


async def sent_in_the_end(config: NodeConfig, payment_url: str, clock: Clock) -> int:
    """Units that a payment took from its sender, once the sending node is done with it."""
    request = payments.GetOutgoingPaymentRequest(id=payment_url.rpartition("/")[2])
    deadline = clock.monotonic() + BOOKED_S_MAX
    async with grpc.aio.insecure_channel(grpc_target(config.ports.operator)) as channel:
        stub: Any = payments_grpc.PaymentServiceStub(channel)
        while True:
            payment = await stub.GetOutgoingPayment(request, timeout=CALL_S_MAX)
            done = payment.state == payments.OUTGOING_PAYMENT_STATE_COMPLETED
            if done or clock.monotonic() >= deadline:
                return int(payment.sent_amount.value)
            await clock.sleep(POLL_INTERVAL_S)


async def demonstrate(stack: Stack, clock: Clock, progress: Callable[[str], None]) -> None:
    """Seed, pay from the first bank's first customer to the second's, and say what happened."""
    progress("seeding assets, liquidity, peers, wallet addresses and keys")
    wallets = await seed(stack)
    sender, receiver = wallets.by_node[0][0], wallets.by_node[1][0]
    before = await _both(stack, sender, receiver)
    progress(f"paying from {sender.url} to {receiver.url}")
    async with open_client(stack, wallets, clock) as (client, browser):
        payment = await pay(
            client,
            browser,
            sender=sender.url,
            receiver=receiver.url,
            deliver=DELIVER_UNITS,
            clock=clock,
        )
    sent = await sent_in_the_end(stack.configs[0], payment.outgoing["id"], clock)
    # What the quote set aside and the payment did not need comes back by a webhook of its own.
    await wait_booked(stack.configs[0], sender.url, before[0] - sent, clock)
    await wait_booked(stack.configs[1], receiver.url, before[1] + DELIVER_UNITS, clock)
    after = await _both(stack, sender, receiver)
    packets = await packets_received(stack.configs[1], payment.incoming["id"])
    for line in _report(stack, (sender, receiver), payment, packets, before, after):
        progress(line)


async def _both(stack: Stack, sender: SeededWallet, receiver: SeededWallet) -> tuple[int, int]:
    first, second = await asyncio.gather(*(balances(config) for config in stack.configs[:2]))
    return first[sender.url], second[receiver.url]


def _report(
    stack: Stack,
    wallets: tuple[SeededWallet, SeededWallet],
    payment: Payment,
    packets: int,
    before: tuple[int, int],
    after: tuple[int, int],
) -> list[str]:
    debit, deliver = payment.quote["debitAmount"], payment.quote["receiveAmount"]
    lines = [
        "",
        f"  quote     {_amount(debit)} debited delivers {_amount(deliver)}",
        f"  received  {_amount(payment.incoming['receivedAmount'])} in {packets} packets",
    ]
    for config, wallet, old, new in zip(stack.configs, wallets, before, after, strict=False):
        code, scale = config.bank.asset_code, config.bank.asset_scale
        lines.append(
            f"  {wallet.customer.name} at {config.bank.name}: "
            f"{money(old, code, scale)} before, {money(new, code, scale)} after"
        )
    for config in stack.configs:
        lines += [
            "",
            f"  {config.bank.name}",
            f"    admin UI          {config.operator_url}/",
            f"    customers         {config.ase_url}/",
            f"    gRPC              {grpc_target(config.ports.operator)}",
            *(
                f"    wallet address    {config.wallet_address(customer.path)}"
                for customer in config.bank.customers
            ),
        ]
    return lines


def _amount(amount: dict[str, Any]) -> str:
    return money(int(amount["value"]), amount["assetCode"], amount["assetScale"])


def _client_key(stack: Stack) -> Any:
    return private_key_from_pem(stack.vault.key_file("client").read_bytes())
