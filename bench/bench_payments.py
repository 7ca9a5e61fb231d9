"""Payments between two nodes: CPU of all server processes, rate, latency and statements.

    python -m bench.bench_payments                 Admin gRPC, 1, 8 and 32 in flight
    python -m bench.bench_payments --graphql       the same through the Admin GraphQL API
    python -m bench.bench_payments --local         both wallets at one node
    python -m bench.bench_payments --idle 30       CPU and statements of two idle nodes

A unit is a quote, the payment, its funding when the webhook asks for it, the packets, and what each
bank withdraws when its webhook says so. The incoming payments are made before. The bank is this
process: its CPU is not counted, that of Postgres, Valkey and Envoy is. The rate is the number of
payments by the time until the last was withdrawn. Statements are counted in a run of their own.
"""

import argparse
import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from bench.network import (
    CpuClock,
    counted_statements,
    percentile,
    running_network,
    shares,
)

import aiohttp  # isort: skip - `bench.network` sets the path
import grpc.aio  # isort: skip
from aiohttp import web  # isort: skip
from rafiki.admin.v1 import liquidity_service_pb2 as liquidity  # isort: skip
from rafiki.admin.v1 import liquidity_service_pb2_grpc as liquidity_grpc  # isort: skip
from rafiki.admin.v1 import payment_service_pb2 as payments  # isort: skip
from rafiki.admin.v1 import payment_service_pb2_grpc as payments_grpc  # isort: skip
from rafiki.admin.v1 import tenant_service_pb2 as tenants  # isort: skip
from rafiki.admin.v1 import tenant_service_pb2_grpc as tenants_grpc  # isort: skip
from rafiki.common.v1 import money_pb2  # isort: skip
from servicekit.hmac_signature import make_signature  # isort: skip

from deploy.local.demo import seed  # isort: skip
from deploy.local.environment import NodeConfig, grpc_target  # isort: skip
from deploy.local.stack import Stack  # isort: skip

DELIVER_UNITS = 2_500
IN_FLIGHT = (1, 8, 32)
WARM_UP = 16
QUOTE = "mutation ($i: CreateQuoteInput!) { createQuote(input: $i) { quote { id } } }"
PAY = """mutation ($i: CreateOutgoingPaymentInput!) {
    createOutgoingPayment(input: $i) { payment { id } } }"""
FUND = """mutation ($i: DepositOutgoingPaymentLiquidityInput!) {
    depositOutgoingPaymentLiquidity(input: $i) { success } }"""
TAKE_IN = """mutation ($i: CreateIncomingPaymentWithdrawalInput!) {
    createIncomingPaymentWithdrawal(input: $i) { success } }"""
TAKE_OUT = """mutation ($i: CreateOutgoingPaymentWithdrawalInput!) {
    createOutgoingPaymentWithdrawal(input: $i) { success } }"""


class GrpcAdmin:
    """A bank's calls over native gRPC, through the operator listener."""

    def __init__(self, node: NodeConfig) -> None:
        self.channel = grpc.aio.insecure_channel(grpc_target(node.ports.operator))
        self.payments: Any = payments_grpc.PaymentServiceStub(self.channel)
        self.liquidity: Any = liquidity_grpc.LiquidityServiceStub(self.channel)
        self.tenants: Any = tenants_grpc.TenantServiceStub(self.channel)

    async def close(self) -> None:
        await self.channel.close()

    async def pay(self, wallet_id: str, receiver: str) -> str:
        quote = await self.payments.CreateQuote(
            payments.CreateQuoteRequest(
                wallet_address_id=wallet_id, receiver=receiver, idempotency_key=str(uuid4())
            )
        )
        payment = await self.payments.CreateOutgoingPayment(
            payments.CreateOutgoingPaymentRequest(
                wallet_address_id=wallet_id, quote_id=quote.id, idempotency_key=str(uuid4())
            )
        )
        return str(payment.id)

    async def fund(self, payment_id: str, key: str) -> None:
        await self.liquidity.DepositOutgoingPaymentLiquidity(
            liquidity.DepositOutgoingPaymentLiquidityRequest(
                outgoing_payment_id=payment_id, idempotency_key=key
            )
        )

    async def take_incoming(self, payment_id: str, key: str) -> None:
        await self.liquidity.WithdrawIncomingPayment(
            liquidity.WithdrawIncomingPaymentRequest(
                incoming_payment_id=payment_id, idempotency_key=key
            )
        )

    async def take_outgoing(self, payment_id: str, key: str) -> None:
        await self.liquidity.WithdrawOutgoingPayment(
            liquidity.WithdrawOutgoingPaymentRequest(
                outgoing_payment_id=payment_id, idempotency_key=key
            )
        )


class GraphqlAdmin:
    """The same calls through the Admin GraphQL API, signed."""

    def __init__(self, node: NodeConfig) -> None:
        self._node = node
        self._session = aiohttp.ClientSession()

    async def close(self) -> None:
        await self._session.close()

    async def pay(self, wallet_id: str, receiver: str) -> str:
        given = {"walletAddressId": wallet_id, "receiver": receiver}
        quote = (await self.call(QUOTE, given))["createQuote"]["quote"]
        given = {"walletAddressId": wallet_id, "quoteId": quote["id"]}
        made = (await self.call(PAY, given))["createOutgoingPayment"]["payment"]
        return str(made["id"])

    async def fund(self, payment_id: str, key: str) -> None:
        await self.call(FUND, {"outgoingPaymentId": payment_id, "idempotencyKey": key})

    async def take_incoming(self, payment_id: str, key: str) -> None:
        given = {"incomingPaymentId": payment_id, "idempotencyKey": key, "timeoutSeconds": 0}
        await self.call(TAKE_IN, given)

    async def take_outgoing(self, payment_id: str, key: str) -> None:
        given = {"outgoingPaymentId": payment_id, "idempotencyKey": key, "timeoutSeconds": 0}
        await self.call(TAKE_OUT, given)

    async def call(self, query: str, given: Any) -> Any:
        """The data of a signed document whose one variable is `i`."""
        body = {"query": query, "variables": {"i": given}, "nonce": str(uuid4())}
        secrets = self._node.secrets
        signature = make_signature(
            body, secret=secrets.admin_api_secret, version=1, now_ms=time.time_ns() // 1_000_000
        )
        headers = {"tenant-id": secrets.tenant_id, "signature": signature}
        url = f"{self._node.operator_url}/graphql"
        async with self._session.post(url, json=body, headers=headers) as response:
            answer = await response.json()
        if "errors" in answer:
            raise RuntimeError(f"the Admin API refused: {answer['errors']}")
        return answer["data"]


@dataclass
class Bank:
    """Answers the webhooks of both nodes, and knows which payments are done with."""

    sender: Any
    receiver: Any
    sent: dict[str, asyncio.Event] = field(default_factory=dict)
    received: dict[str, asyncio.Event] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def watch(self, kind: dict[str, asyncio.Event], payment_id: str) -> asyncio.Event:
        """Set when the payment has ended and was withdrawn."""
        return kind.setdefault(payment_id, asyncio.Event())

    async def webhook(self, request: web.Request) -> web.Response:
        event = json.loads(await request.read())
        payment_id, kind, data = event["data"]["id"], event["type"], event["data"]
        if kind == "outgoing_payment.created":
            await self.sender.fund(payment_id, event["id"])
        elif kind in ("outgoing_payment.completed", "outgoing_payment.failed"):
            if kind.endswith("failed"):
                self.failed.append(f"{payment_id}: {data.get('error')}")
            if int(data["balance"]):
                await self.sender.take_outgoing(payment_id, event["id"])
            self.watch(self.sent, payment_id).set()
        elif kind == "incoming_payment.completed":
            await self.receiver.take_incoming(payment_id, event["id"])
            self.watch(self.received, payment_id).set()
        return web.json_response({})


@dataclass(frozen=True, kw_only=True)
class World:
    """One running network with the bank in front."""

    stack: Stack
    bank: Bank
    wallet_id: str
    payee_id: str
    receivers: GrpcAdmin

    async def incoming(self, count: int) -> list[Any]:
        """Incoming payments to pay; made before, so not counted."""
        code, scale = ("USD", 2) if self.payee_is_local else ("EUR", 2)
        amount = money_pb2.Amount(value=DELIVER_UNITS, asset_code=code, asset_scale=scale)
        return [
            await self.receivers.payments.CreateIncomingPayment(
                payments.CreateIncomingPaymentRequest(
                    wallet_address_id=self.payee_id,
                    incoming_amount=amount,
                    idempotency_key=str(uuid4()),
                )
            )
            for _ in range(count)
        ]

    @property
    def payee_is_local(self) -> bool:
        return self.bank.sender is self.bank.receiver

    async def pay(self, receiver: Any) -> float:
        """One payment until both banks have withdrawn; milliseconds."""
        started = time.perf_counter()
        payment_id = await self.bank.sender.pay(self.wallet_id, receiver.url)
        await self.bank.watch(self.bank.sent, payment_id).wait()
        await self.bank.watch(self.bank.received, receiver.id).wait()
        return (time.perf_counter() - started) * 1000

    async def run(self, count: int, in_flight: int) -> tuple[list[float], float]:
        """So many payments, so many at once; their latencies and the seconds of all."""
        waiting = await self.incoming(count)
        latencies: list[float] = []

        async def worker() -> None:
            while waiting:
                latencies.append(await self.pay(waiting.pop()))

        started = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(in_flight)))
        return sorted(latencies), time.perf_counter() - started


async def _open(stack: Stack, *, graphql: bool, local: bool) -> World:
    wallets = await seed(stack)
    first, second = stack.configs[0], stack.configs[0 if local else 1]
    kind = GraphqlAdmin if graphql else GrpcAdmin
    sender = kind(first)
    receiver = sender if local else kind(second)
    bank = Bank(sender, receiver)
    application = web.Application()
    application.router.add_post("/", bank.webhook)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    for node in {id(config): config for config in (first, second)}.values():
        admin = GrpcAdmin(node)
        await admin.tenants.SetTenantSettings(
            tenants.SetTenantSettingsRequest(
                tenant_id=node.secrets.tenant_id,
                settings=[tenants.TenantSetting(key="WEBHOOK_URL", value=url)],
                idempotency_key=str(uuid4()),
            )
        )
        await admin.close()
    payees = wallets.by_node[0 if local else 1]
    return World(
        stack=stack,
        bank=bank,
        wallet_id=wallets.by_node[0][0].id,
        payee_id=payees[1 if local else 0].id,
        receivers=GrpcAdmin(second),
    )


async def _measure(stack: Stack, arguments: argparse.Namespace) -> None:
    world = await _open(stack, graphql=arguments.graphql, local=arguments.local)
    clock = CpuClock(stack)
    await world.run(WARM_UP, 4)
    async with counted_statements(stack) as statements:
        await world.run(8, 1)
    print(f"statements a payment: {sum(statements.values()) / 8:.1f}")
    if arguments.statements:
        for text, number in statements.most_common(60):
            print(f"  {number / 8:6.2f}  {text}")
    print(
        f"{'in flight':>9} {'rate/s':>7} {'CPU ms':>7} {'p50':>7} {'p95':>7} {'p99':>7}  by process"
    )
    for in_flight in arguments.in_flight:
        before = clock.read_ms()
        count = max(arguments.count, in_flight * 4)
        latencies, seconds = await world.run(count, in_flight)
        used = Counter(clock.read_ms())
        used.subtract(before)
        cells = [percentile(latencies, share) for share in (0.5, 0.95, 0.99)]
        times = " ".join(f"{cell:7.0f}" for cell in cells)
        rate, each = count / seconds, sum(used.values()) / count
        print(f"{in_flight:9} {rate:7.1f} {each:7.1f} {times}  {shares(used, count)}")
    for line in world.bank.failed:
        print(f"FAILED {line}")
    for admin in (world.bank.sender, world.bank.receiver, world.receivers):
        await admin.close()


async def _idle(stack: Stack, seconds: int) -> None:
    await _open(stack, graphql=False, local=False)
    clock = CpuClock(stack)
    await asyncio.sleep(5)
    before = clock.read_ms()
    async with counted_statements(stack) as statements:
        await asyncio.sleep(seconds)
    used = Counter(clock.read_ms())
    used.subtract(before)
    print(f"idle, both nodes: {sum(used.values()) / seconds / 10:.2f} % of a core")
    print(f"  {shares(used, seconds)} ms a second")
    print(f"  statements a second: {sum(statements.values()) / seconds:.2f}")
    for text, number in statements.most_common(20):
        print(f"  {number / seconds:6.2f}  {text}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graphql", action="store_true")
    parser.add_argument("--local", action="store_true")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--in-flight", type=int, nargs="+", default=IN_FLIGHT)
    parser.add_argument("--statements", action="store_true", help="print each")
    parser.add_argument("--idle", type=int, default=0, metavar="SECONDS")
    arguments = parser.parse_args()
    with running_network() as stack:
        if arguments.idle:
            asyncio.run(_idle(stack, arguments.idle))
        else:
            asyncio.run(_measure(stack, arguments))


if __name__ == "__main__":
    main()
