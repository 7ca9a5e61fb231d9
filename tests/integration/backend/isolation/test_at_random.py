"""Three tenants of one node act at random, under names that they share.

Afterwards each has what its own acts made, and what others paid it: no more rows, no other money.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rafiki.admin.v1 import (
    asset_service_pb2,
    liquidity_service_pb2,
    payment_service_pb2,
    peer_service_pb2,
    tenant_service_pb2,
    wallet_address_service_pb2,
)
from rafiki.common.v1.paging_pb2 import PageRequest
from servicekit.errors import ServiceError

from tests.integration.backend.isolation.belongings import Tenant
from tests.integration.backend.payments.node import Node, amount, eventually, key

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
TENANTS: Final = 3
PROGRAMS: Final = 8
STEPS_MIN, STEPS_MAX = 24, 32
LIQUIDITY: Final = 1_000_000
CODES: Final = "USD", "EUR", "JPY"
ALL: Final = PageRequest(first=100)
REFUSALS: Final = {
    *("DUPLICATE_ASSET", "DUPLICATE_PEER", "DUPLICATE_WALLET_ADDRESS"),
    *("INSUFFICIENT_LIQUIDITY", "INSUFFICIENT_BALANCE"),
}
FUNDING = payment_service_pb2.OUTGOING_PAYMENT_STATE_FUNDING
CANCELLED = payment_service_pb2.OUTGOING_PAYMENT_STATE_CANCELLED
COMPLETED = payment_service_pb2.OUTGOING_PAYMENT_STATE_COMPLETED


class Step(NamedTuple):
    """One act of one tenant; what an act has no use for is ignored."""

    act: str
    tenant: int
    which: int
    other: int
    value: int


ACTS: Final = (
    *("ask_for_money", "ask_for_money", "accept", "accept", "accept", "fund", "fund", "cancel"),
    *("add_asset", "add_peer", "add_wallet", "deposit", "withdraw", "set"),
)
STEPS: Final = st.lists(
    st.builds(
        Step,
        act=st.sampled_from(ACTS),
        tenant=st.integers(0, TENANTS - 1),
        which=st.integers(0, 2),
        other=st.integers(0, TENANTS - 1),
        value=st.integers(1, 99),
    ),
    min_size=STEPS_MIN,
    max_size=STEPS_MAX,
)


@dataclass
class Sent:
    """An outgoing payment as it should be."""

    debit: int
    receive: int
    payee: "Actor"
    receiver: str
    state: int = FUNDING


@dataclass
class Actor:
    """One tenant, and what it should have."""

    tenant: Tenant
    assets: dict[str, int] = field(default_factory=dict)
    """Liquidity by code."""
    asset_ids: dict[str, str] = field(default_factory=dict)
    peers: set[tuple[str, str]] = field(default_factory=set)
    wallets: dict[str, str] = field(default_factory=dict)
    incoming: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Asked for and received, by URL."""
    outgoing: dict[str, Sent] = field(default_factory=dict)
    retries: str | None = None

    @property
    def id(self) -> str:
        return self.tenant.id

    @property
    def node(self) -> Node:
        return self.tenant.node

    async def begin(self) -> None:
        await self.add_asset("USD")
        await self.deposit("USD", LIQUIDITY)
        await self.add_wallet("alice")
        await self.ask_for_money(next(iter(self.wallets.values())), 10)

    async def add_asset(self, code: str) -> None:
        made = await self.node.assets.CreateAsset(
            asset_service_pb2.CreateAssetRequest(
                tenant_id=self.id, code=code, scale=2, idempotency_key=key()
            )
        )
        self.assets[code], self.asset_ids[code] = 0, made.id

    async def add_peer(self, address: str) -> None:
        await self.node.peers.CreatePeer(
            peer_service_pb2.CreatePeerRequest(
                tenant_id=self.id,
                asset_id=self.asset_ids["USD"],
                static_ilp_address=address,
                outgoing=peer_service_pb2.PeerHttpOutgoing(
                    endpoint="http://127.0.0.1:1/", auth_token="theirs"
                ),
                idempotency_key=key(),
            )
        )
        self.peers.add((address, "USD"))

    async def add_wallet(self, name: str) -> None:
        made = await self.node.wallets.CreateWalletAddress(
            wallet_address_service_pb2.CreateWalletAddressRequest(
                tenant_id=self.id,
                asset_id=self.asset_ids["USD"],
                address=name,
                idempotency_key=key(),
            )
        )
        self.wallets[made.address] = made.id

    async def deposit(self, code: str, value: int) -> None:
        await self.node.liquidity.DepositAssetLiquidity(
            liquidity_service_pb2.DepositAssetLiquidityRequest(
                tenant_id=self.id,
                id=str(uuid4()),
                asset_id=self.asset_ids[code],
                amount=value,
                idempotency_key=key(),
            )
        )
        self.assets[code] += value

    async def withdraw(self, code: str, value: int) -> None:
        await self.node.liquidity.WithdrawAssetLiquidity(
            liquidity_service_pb2.WithdrawAssetLiquidityRequest(
                tenant_id=self.id,
                id=str(uuid4()),
                asset_id=self.asset_ids[code],
                amount=value,
                idempotency_key=key(),
            )
        )
        self.assets[code] -= value

    async def ask_for_money(self, wallet: str, value: int) -> None:
        made = await self.node.payments.CreateIncomingPayment(
            payment_service_pb2.CreateIncomingPaymentRequest(
                tenant_id=self.id,
                wallet_address_id=wallet,
                incoming_amount=amount(value),
                idempotency_key=key(),
            )
        )
        self.incoming[made.url] = value, 0

    async def accept(self, payee: "Actor", receiver: str) -> None:
        wallet, (asked, received) = next(iter(self.wallets.values())), payee.incoming[receiver]
        quote = await self.node.payments.CreateQuote(
            payment_service_pb2.CreateQuoteRequest(
                tenant_id=self.id,
                wallet_address_id=wallet,
                receiver=receiver,
                receive_amount=amount(asked - received),
                idempotency_key=key(),
            )
        )
        made = await self.node.payments.CreateOutgoingPayment(
            payment_service_pb2.CreateOutgoingPaymentRequest(
                tenant_id=self.id,
                wallet_address_id=wallet,
                quote_id=quote.id,
                idempotency_key=key(),
            )
        )
        debit, receive = made.debit_amount.value, made.receive_amount.value
        self.outgoing[made.id] = Sent(debit, receive, payee, receiver)

    async def fund(self, payment: str) -> None:
        await self.node.liquidity.DepositOutgoingPaymentLiquidity(
            liquidity_service_pb2.DepositOutgoingPaymentLiquidityRequest(
                tenant_id=self.id, outgoing_payment_id=payment, idempotency_key=key()
            )
        )
        find = payment_service_pb2.GetOutgoingPaymentRequest(tenant_id=self.id, id=payment)
        ended = await eventually(
            lambda: self.node.payments.GetOutgoingPayment(find),
            lambda now: now.state == COMPLETED,
        )
        sent = self.outgoing[payment]
        sent.state = COMPLETED
        # Another payment may have brought all meanwhile: then this one completes without its own.
        moved = ended.sent_amount.value
        self.assets["USD"] += moved
        if moved:
            asked, received = sent.payee.incoming[sent.receiver]
            sent.payee.incoming[sent.receiver] = asked, received + sent.receive
            sent.payee.assets["USD"] -= sent.receive

    async def cancel(self, payment: str) -> None:
        await self.node.payments.CancelOutgoingPayment(
            payment_service_pb2.CancelOutgoingPaymentRequest(
                tenant_id=self.id, id=payment, idempotency_key=key()
            )
        )
        self.outgoing[payment].state = CANCELLED

    async def set(self, retries: str) -> None:
        await self.node.tenants.SetTenantSettings(
            tenant_service_pb2.SetTenantSettingsRequest(
                tenant_id=self.id,
                settings=[tenant_service_pb2.TenantSetting(key="WEBHOOK_MAX_RETRY", value=retries)],
                idempotency_key=key(),
            )
        )
        self.retries = retries

    async def check(self) -> None:
        """All that the node shows of it, and that the ledger has, is what it should be."""
        node, own = self.node, dict[str, Any](tenant_id=self.id, page=ALL)
        assets = await node.assets.ListAssets(asset_service_pb2.ListAssetsRequest(**own))
        assert {each.code: each.liquidity for each in assets.assets} == self.assets
        peers = await node.peers.ListPeers(peer_service_pb2.ListPeersRequest(**own))
        shown = {(each.static_ilp_address, each.asset.code) for each in peers.peers}
        assert shown == self.peers
        wallets = await node.wallets.ListWalletAddresses(
            wallet_address_service_pb2.ListWalletAddressesRequest(**own)
        )
        assert {each.address: each.id for each in wallets.wallet_addresses} == self.wallets
        incoming = await node.payments.ListIncomingPayments(
            payment_service_pb2.ListIncomingPaymentsRequest(**own)
        )
        assert {
            each.url: (each.incoming_amount.value, each.received_amount.value)
            for each in incoming.payments
        } == self.incoming
        outgoing = await node.payments.ListOutgoingPayments(
            payment_service_pb2.ListOutgoingPaymentsRequest(**own)
        )
        assert {each.id: (each.debit_amount.value, each.state) for each in outgoing.payments} == {
            payment: (sent.debit, sent.state) for payment, sent in self.outgoing.items()
        }
        now = await node.tenants.GetTenant(tenant_service_pb2.GetTenantRequest(id=self.id))
        assert {each.key: each.value for each in now.settings} == (
            {} if self.retries is None else {"WEBHOOK_MAX_RETRY": self.retries}
        )


async def take(actors: list[Actor], step: Step, done: Counter[str]) -> None:
    """Let a tenant act; what it can't do, it does not, and nothing may come of it."""
    actor, payee = actors[step.tenant], actors[step.other]
    code = CODES[step.which]
    waiting = [each for each, sent in actor.outgoing.items() if sent.state == FUNDING]
    receivers = [each for each, (asked, got) in payee.incoming.items() if got < asked]
    calls: dict[str, Any] = {
        "add_asset": lambda: actor.add_asset(code),
        "add_peer": lambda: actor.add_peer(f"test.peer-{step.which}"),
        "add_wallet": lambda: actor.add_wallet(f"wallet-{step.which}"),
        "ask_for_money": lambda: actor.ask_for_money(
            list(actor.wallets.values())[step.which % len(actor.wallets)], step.value
        ),
        "accept": lambda: actor.accept(payee, receivers[step.which % len(receivers)]),
        "fund": lambda: actor.fund(waiting[step.which % len(waiting)]),
        "cancel": lambda: actor.cancel(waiting[step.which % len(waiting)]),
        "deposit": lambda: actor.deposit(code, step.value),
        "withdraw": lambda: actor.withdraw(code, step.value),
        "set": lambda: actor.set(str(step.value)),
    }
    missing = {
        "accept": not receivers,
        "fund": not waiting,
        "cancel": not waiting,
        "deposit": code not in actor.assets,
        "withdraw": code not in actor.assets,
    }
    if missing.get(step.act):
        return
    try:
        await calls[step.act]()
        done[step.act] += 1
    except ServiceError as refused:
        if refused.reason not in REFUSALS:
            raise
        done["refused"] += 1


async def test_each_tenant_has_what_it_made_and_what_it_was_paid(node: Node) -> None:
    loop, done = asyncio.get_running_loop(), Counter[str]()

    async def run(steps: list[Step]) -> None:
        actors = [Actor(await Tenant.new(node, node.channel)) for _ in range(TENANTS)]
        for actor in actors:
            await actor.begin()
        for step in steps:
            await take(actors, step, done)
        for actor in actors:
            await actor.check()
        await node.audit()

    @settings(
        max_examples=PROGRAMS,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(steps=STEPS)
    def property_(steps: list[Step]) -> None:
        asyncio.run_coroutine_threadsafe(run(steps), loop).result()

    await asyncio.to_thread(property_)
    print(f"\ndone: {dict(done)}")  # noqa: T201 - for docs/EVIDENCE.md
    assert done["fund"] > 0
