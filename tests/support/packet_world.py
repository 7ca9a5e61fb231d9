"""The packet path in memory: real steps and books; tests decide on peers, rates and time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, TypeVar
from uuid import UUID

from ilpkit.ilp.packet import (
    Fulfill,
    Prepare,
    Reject,
    Reply,
    decode_reply,
    encode_prepare,
)
from ilpkit.money import Asset as Unit
from ilpkit.money import Ratio
from ilpkit.stream.crypto import StreamKeys
from ilpkit.stream.exchange import Exchange, Request
from servicekit.clock import Clock
from servicekit.ids import IdSource

from services.backend.assets.model import Asset
from services.backend.connector.build import build
from services.backend.connector.steps.forward import PeerLink
from services.backend.connector.steps.rate_limit import RateLimit
from services.backend.connector.stream import StreamServer
from services.backend.directory.model import PeerEntry, RowsNow, Snapshot
from services.backend.directory.names import Names
from services.backend.incoming_payments.books import IncomingBooks
from services.backend.incoming_payments.payables import Payable
from services.backend.ledger.batching.batcher import BatchedLedger
from services.backend.ledger.interface import LedgerEngine
from services.backend.ledger.memory.engine import MemoryLedger
from services.backend.ledger.rules.accounting import Side, deposit
from services.backend.ledger.rules.chart import (
    AccountCode,
    balance,
    new_account,
    new_asset_accounts,
)
from services.backend.ledger.rules.outcome import apply_plan
from services.backend.peers.model import Peer, PeerWithTokens, token_sha256
from services.backend.tenants.model import SettingKey, Tenant
from tests.support.clock import ManualClock
from tests.support.ids import SeededIds

OPERATOR = UUID(int=1)
NODE_ADDRESS = "test.node"
NAMES = Names(ilp_address=NODE_ADDRESS, open_payments_url="http://node.test")
STREAM_SECRET = bytes(range(32))
FULFILLMENT = b"f" * 32
CONDITION = sha256(FULFILLMENT).digest()
LIFE_MS = 30_000

T = TypeVar("T")


class FakeLink:
    """The peers' end: what was sent to them, and what they answer."""

    def __init__(self) -> None:
        self.sent: list[tuple[PeerEntry, Prepare, int]] = []
        self.request_ids: list[str] = []
        self.repeats: bool | None = False
        self.answer: Callable[[Prepare], Awaitable[Reply]] = self._fulfill

    async def answers_repeats(self, peer: PeerEntry, *, timeout_ms: int) -> bool | None:
        del peer, timeout_ms
        return self.repeats

    async def send(
        self, peer: PeerEntry, prepare: Prepare, *, request_id: str, timeout_ms: int
    ) -> Reply:
        self.sent.append((peer, prepare, timeout_ms))
        self.request_ids.append(request_id)
        return await self.answer(prepare)

    @property
    def prepares(self) -> list[Prepare]:
        return [prepare for _, prepare, _ in self.sent]

    def always(self, outcome: Reply | BaseException) -> None:
        async def answer(prepare: Prepare) -> Reply:
            del prepare
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        self.answer = answer

    async def _fulfill(self, prepare: Prepare) -> Reply:
        return Fulfill(FULFILLMENT, b"from the peer")


class FixedRates:
    """Prices of major units, by currency pair; those that are not there are unknown."""

    def __init__(self) -> None:
        self.prices: dict[tuple[str, str], Ratio] = {}
        self.asked: list[UUID] = []

    def cached(self, tenant_id: UUID, source: Unit, destination: Unit) -> Ratio | None:
        self.asked.append(tenant_id)
        if source.code == destination.code:
            return Ratio.between_scales(source=source.scale, destination=destination.scale)
        price = self.prices.get((source.code, destination.code))
        return None if price is None else price.for_assets(source, destination)

    async def get(self, tenant_id: UUID, source: Unit, destination: Unit) -> Ratio | None:
        return self.cached(tenant_id, source, destination)


class FixedPayables:
    """Incoming payments by id."""

    def __init__(self) -> None:
        self.known: dict[str, Payable] = {}

    async def find(self, payment_id: str) -> Payable | None:
        return self.known.get(payment_id)

    def close(self, payment_id: UUID) -> None:
        """As the cache has it once the payment ended."""
        known = self.known[str(payment_id)]
        self.known[str(payment_id)] = replace(known, is_open=False)


@dataclass
class FixedDirectory:
    """A directory whose snapshot is what was added."""

    tenants: list[Tenant] = field(default_factory=list)
    assets: list[Asset] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=list)
    tokens: dict[bytes, UUID] = field(default_factory=dict)
    snapshot: Snapshot = field(init=False)

    def __post_init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        tokens: dict[UUID, list[bytes]] = {}
        for token, peer_id in self.tokens.items():
            tokens.setdefault(peer_id, []).append(token)
        self.snapshot = Snapshot(ilp_address_of=NAMES.ilp_address).changed(
            RowsNow(
                tenants={tenant.id: tenant for tenant in self.tenants},
                assets={asset.id: asset for asset in self.assets},
                peers={
                    peer.id: PeerWithTokens(peer, tuple(tokens.get(peer.id, ())))
                    for peer in self.peers
                },
            )
        )


def new_tenant(tenant_id: UUID, *, settings: dict[str, str] | None = None) -> Tenant:
    return Tenant(
        id=tenant_id,
        is_operator=tenant_id == OPERATOR,
        api_secret="secret",
        email=None,
        public_name=None,
        idp_consent_url=None,
        idp_secret=None,
        settings=settings or {},
        created_at=datetime(2030, 1, 1, tzinfo=UTC),
        deleted_at=None,
    )


class PacketWorld:
    """One node's packet path, with the operator's tenant in it."""

    def __init__(
        self,
        *,
        engine: LedgerEngine | None = None,
        clock: Clock | None = None,
        ids: IdSource | None = None,
        link: PeerLink | None = None,
        rate_limit: RateLimit | None = None,
        first_ledger: int = 1,
    ) -> None:
        self._first_ledger = first_ledger
        self.manual_clock = ManualClock()
        self.clock: Clock = clock or self.manual_clock
        self.ids = ids or SeededIds(self.clock)
        self.ledger = BatchedLedger(engine or MemoryLedger(clock=self.clock), clock=self.clock)
        self.directory = FixedDirectory()
        self.link = FakeLink()
        self.rates = FixedRates()
        self.payables = FixedPayables()
        self.credits: list[UUID] = []
        self.books = IncomingBooks(self.ledger)
        directory: Any = self.directory
        self.stream = StreamServer(secret=STREAM_SECRET, directory=directory, ids=self.ids)
        path = build(
            directory=directory,
            server=self.stream,
            payables=self.payables,
            rates=self.rates,
            ledger=self.ledger,
            listener=self,
            link=link or self.link,
            clock=self.clock,
            ids=self.ids,
            ilp_address=NODE_ADDRESS,
            rate_limit=rate_limit,
        )
        self.connector, self.settlement = path.connector, path.settlement
        self.add_tenant(OPERATOR)

    def credited(self, payment_id: UUID, balances: object = None) -> None:
        """As a CreditListener."""
        del balances
        self.credits.append(payment_id)

    def add_tenant(self, tenant_id: UUID, *, ilp_address: str | None = None) -> Tenant:
        settings = {} if ilp_address is None else {SettingKey.ILP_ADDRESS.value: ilp_address}
        tenant = new_tenant(tenant_id, settings=settings)
        self.directory.tenants.append(tenant)
        self.directory.renew()
        return tenant

    async def add_asset(
        self, code: str, scale: int, *, liquidity: int = 0, tenant_id: UUID = OPERATOR
    ) -> Asset:
        asset = Asset(
            id=self.ids.uuid(),
            tenant_id=tenant_id,
            code=code,
            scale=scale,
            ledger=self._first_ledger + len(self.directory.assets),
            withdrawal_threshold=None,
            liquidity_threshold=None,
            created_at=self.clock.now(),
        )
        accounts = new_asset_accounts(asset_id=asset.id.int, ledger=asset.ledger)
        results = await self.ledger.create_accounts(accounts)
        assert all(result.status.ok for result in results)
        await self.deposit(asset.id, asset, liquidity)
        self.directory.assets.append(asset)
        self.directory.renew()
        return asset

    async def add_peer(
        self,
        asset: Asset,
        address: str,
        *,
        balance: int = 0,
        max_packet_amount: int | None = None,
        routes: Sequence[str] = (),
        url: str | None = None,
    ) -> PeerEntry:
        peer = Peer(
            id=self.ids.uuid(),
            tenant_id=asset.tenant_id,
            asset_id=asset.id,
            static_ilp_address=address,
            name=None,
            outgoing_endpoint=url or f"http://{address}/ilp",
            outgoing_token=f"to-{address}",
            max_packet_amount=max_packet_amount,
            liquidity_threshold=None,
            routes=tuple(routes),
            created_at=self.clock.now(),
        )
        await self.add_account(AccountCode.PEER, peer.id, asset, balance)
        self.directory.peers.append(peer)
        self.directory.tokens[token_sha256(f"from-{address}")] = peer.id
        self.directory.renew()
        return self.directory.snapshot.peers[peer.id]

    async def add_account(
        self, code: AccountCode, account_id: UUID, asset: Asset, amount: int
    ) -> None:
        account = new_account(
            code, account_id=account_id.int, ledger=asset.ledger, asset_id=asset.id.int
        )
        results = await self.ledger.create_accounts([account])
        assert all(result.status.ok for result in results)
        await self.deposit(account_id, asset, amount)

    async def deposit(self, account_id: UUID, asset: Asset, amount: int) -> None:
        if amount:
            plan = deposit(
                transfer_id=self.ids.uuid().int,
                account_id=account_id.int,
                ledger=asset.ledger,
                amount=amount,
            )
            await apply_plan(self.ledger, plan)

    async def add_payment(
        self,
        asset: Asset,
        incoming_amount: int | None = None,
        *,
        life_ms: int = 600_000,
    ) -> Payable:
        payment_id = self.ids.uuid()
        await self.books.open(payment_id, asset, incoming_amount)
        payable = Payable(
            id=payment_id,
            tenant_id=asset.tenant_id,
            unit=asset.unit,
            side=Side(
                account_id=payment_id.int, ledger=asset.ledger, asset_account_id=asset.id.int
            ),
            incoming_amount=incoming_amount,
            expires_at_ms=self.clock.now_ms() + life_ms,
            is_open=True,
        )
        self.payables.known[str(payment_id)] = payable
        return payable

    def exchange(self, payable: Payable) -> Exchange:
        """A sender's end of a new STREAM connection to a payment."""
        address, secret = self.stream.for_payment(payable.id, payable.tenant_id)
        return Exchange(keys=StreamKeys(secret), destination=address, random_bytes=self.ids.token)

    def request(self, exchange: Exchange, amount: int, *, minimum: int = 0) -> Request:
        return exchange.request(
            amount=amount, minimum=minimum, expires_at_ms=self.clock.now_ms() + LIFE_MS
        )

    def prepare(self, destination: str, amount: int = 100, **fields: Any) -> Prepare:
        """A packet whose fulfillment is FULFILLMENT."""
        values: dict[str, Any] = {
            "expires_at_ms": self.clock.now_ms() + LIFE_MS,
            "condition": CONDITION,
            "data": b"sealed",
            **fields,
        }
        return Prepare(amount=amount, destination=destination, **values)

    async def receive(
        self, peer: PeerEntry, prepare: Prepare, *, request_id: str | None = None
    ) -> Reply:
        """The reply to a peer's packet, through bytes both ways; all money is settled after it."""
        raw = encode_prepare(prepare)
        try:
            return decode_reply(await self.connector.receive(peer, raw, request_id=request_id))
        finally:
            await self.settlement.drain()

    async def code_of(self, peer: PeerEntry, prepare: Prepare) -> str:
        """The code of the Reject that the packet gets."""
        reply = await self.receive(peer, prepare)
        assert isinstance(reply, Reject), reply
        return reply.code

    async def balance_of(self, account_id: UUID) -> int:
        """What an account is good for; what is reserved does not count."""
        return balance((await self.ledger.lookup_accounts([account_id.int]))[account_id.int])

    async def reserved(self, account_id: UUID) -> int:
        """What waits to be posted or voided, on either side."""
        account = (await self.ledger.lookup_accounts([account_id.int]))[account_id.int]
        return account.debits_pending + account.credits_pending

    async def received(self, payable: Payable) -> int:
        return (await self.books.received([payable.id]))[payable.id]


async def in_virtual_time(clock: ManualClock, work: Awaitable[T], *, step_s: float = 0.05) -> T:
    """Run work to its end, letting time pass whenever the loop has nothing else to do."""
    task = asyncio.ensure_future(work)
    while not task.done():
        for _ in range(20):
            await asyncio.sleep(0)
        if not task.done():
            await clock.advance(step_s)
    return await task
