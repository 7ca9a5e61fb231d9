"""A node: what is stored, and the processes that work on it, made of the product's own parts."""

from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from random import Random  # noqa: TID251 - a seed decides all of it
from types import SimpleNamespace
from typing import Any, Final, TypeVar
from uuid import UUID

from ilpkit.errors import UnknownOutcomeError
from ilpkit.money import Amount, Ratio
from ilpkit.money import Asset as Unit
from servicekit.commands import Commands
from servicekit.errors import Unavailable

from services.backend.assets.model import Asset
from services.backend.connector.build import build
from services.backend.connector.outcome import NotSentError
from services.backend.connector.stream import StreamServer
from services.backend.directory.model import PeerEntry, RowsNow, Snapshot
from services.backend.directory.names import Names
from services.backend.incoming_payments.books import IncomingBooks
from services.backend.incoming_payments.payables import Payable
from services.backend.ledger.batching.batcher import BatchedLedger
from services.backend.ledger.errors import LedgerError
from services.backend.ledger.rules.accounting import Side, allowance_account_id, deposit
from services.backend.ledger.rules.chart import AccountCode, new_account, new_asset_accounts
from services.backend.ledger.rules.outcome import apply_plan
from services.backend.outgoing_payments.abandoned import AbandonedPackets
from services.backend.outgoing_payments.books import OutgoingBooks
from services.backend.outgoing_payments.commands.follow_ledger import FollowLedger
from services.backend.outgoing_payments.commands.record_attempt import RecordAttempt
from services.backend.outgoing_payments.commands.return_deposit import ReturnDeposit
from services.backend.outgoing_payments.due import DuePayments
from services.backend.outgoing_payments.handover import Handover
from services.backend.outgoing_payments.model import OutgoingPayment, State
from services.backend.outgoing_payments.paying import Paying
from services.backend.outgoing_payments.worker import OutgoingPaymentWorker, WorkerCommands
from services.backend.peers.model import Peer, PeerWithTokens
from services.backend.quotes.model import Method, Quote
from services.backend.receivers.errors import missing_receiver
from services.backend.receivers.model import IlpMethod, LocalAccount, Receiver
from services.backend.unknown_packets.entries import Entries
from services.backend.unknown_packets.worker import UnknownPacketWorker
from tests.simulation import scenario as plan
from tests.simulation.network import Link, Network
from tests.simulation.store import Database, Disk, DurableLedger, Rows, Told
from tests.simulation.virtual_time import START, Process, VirtualClock, VirtualLoop
from tests.support.ids import SeededIds
from tests.support.packet_world import OPERATOR, new_tenant

UNIT: Final = Unit("USD", 2)
PEER_FUNDS: Final = 10_000_000
"""What each peer may send before it must settle."""
ATTEMPTS_MAX: Final = 5
DOCUMENT_S_MAX: Final = 5.0
SKEW_MS_MAX: Final = 100
MIN_RATE: Final = Ratio(99, 100)
T = TypeVar("T")


def address_of(place: int) -> str:
    """A node's ILP address."""
    return f"test.n{place}"


class Node:
    """One of a row of nodes, each a peer of its neighbours."""

    def __init__(
        self, loop: VirtualLoop, network: Network, scenario: plan.Scenario, place: int
    ) -> None:
        self._loop = loop
        self.network = network
        self.place = place
        self.nodes: list[Node] = []
        self.random = Random(scenario.seed * 100 + place)  # noqa: S311 - a simulation
        self.clock = VirtualClock(loop)
        self.ids = SeededIds(self.clock, seed=scenario.seed * 100 + place)
        self.disk = Disk(self.random, unavailable=scenario.weather.store_unavailable)
        self.engine = DurableLedger(clock=self.clock, disk=self.disk)
        self.asset = Asset(
            id=self.ids.uuid(),
            tenant_id=OPERATOR,
            code=UNIT.code,
            scale=UNIT.scale,
            ledger=place + 1,
            withdrawal_threshold=None,
            liquidity_threshold=None,
            created_at=START,
        )
        self.rows = Rows(self.asset, hear=self._hear)
        self.payables: dict[str, Payable] = {}
        self.machines: list[Machine] = []
        self.fulfilled: list[tuple[int, Process]] = []
        """Packets whose fulfilment came, and to whom."""
        self._peers: dict[int, UUID] = {}
        self.snapshot = Snapshot(
            ilp_address_of=Names(
                ilp_address=address_of(place), open_payments_url=f"http://n{place}"
            ).ilp_address
        )
        self._started = 0

    async def set_up(self) -> None:
        """Accounts, and peers on both sides."""
        last = len(self.nodes) - 1
        await self.engine.create_accounts(
            new_asset_accounts(asset_id=self.asset.id.int, ledger=self.asset.ledger)
        )
        peers = {}
        for other in (self.place - 1, self.place + 1):
            if 0 <= other <= last:
                behind = range(other) if other < self.place else range(other + 1, last + 1)
                peer = Peer(
                    id=self.ids.uuid(),
                    tenant_id=OPERATOR,
                    asset_id=self.asset.id,
                    static_ilp_address=address_of(other),
                    name=None,
                    outgoing_endpoint=str(other),
                    outgoing_token=str(self.place),
                    max_packet_amount=None,
                    liquidity_threshold=None,
                    routes=tuple(address_of(each) for each in behind),
                    created_at=START,
                )
                await self.open_account(AccountCode.PEER, peer.id, PEER_FUNDS)
                token = sha256(str(other).encode()).digest()
                peers[peer.id] = PeerWithTokens(peer, (token,))
                self._peers[other] = peer.id
        self.snapshot = self.snapshot.changed(
            RowsNow(
                tenants={OPERATOR: new_tenant(OPERATOR)},
                assets={self.asset.id: self.asset},
                peers=peers,
            )
        )

    async def open_account(self, code: AccountCode, account_id: UUID, amount: int) -> None:
        """An account with money on it."""
        await self.engine.create_accounts(
            [
                new_account(
                    code,
                    account_id=account_id.int,
                    ledger=self.asset.ledger,
                    asset_id=self.asset.id.int,
                )
            ]
        )
        brought = deposit(
            transfer_id=self.ids.uuid().int,
            account_id=account_id.int,
            ledger=self.asset.ledger,
            amount=amount,
        )
        await apply_plan(BatchedLedger(self.engine, clock=self.clock), brought)

    async def engine_up(self, work: Awaitable[T]) -> T:
        """Do something that is no part of the simulation: nothing fails meanwhile."""
        with self.disk.reliable():
            return await work

    def start(self) -> None:
        """One more process."""
        self._started += 1
        machine = Machine(self._loop, self, number=self._started)
        self.machines.append(machine)
        machine.start()

    def kill(self, machine: "Machine") -> None:
        """One less."""
        machine.process.kill()
        self.machines.remove(machine)
        self.network.reset(machine)

    def peer_at(self, place: int) -> PeerEntry:
        """The neighbour at a place, as this node knows it."""
        return self.snapshot.peers[self._peers[place]]

    @property
    def neighbours(self) -> tuple[int, ...]:
        """Their places."""
        return tuple(self._peers)

    def neighbour(self, peer: PeerEntry) -> "Node":
        """The node that a peer is."""
        return self.nodes[int(peer.peer.outgoing_endpoint)]

    def _hear(self, notice: str) -> None:
        for machine in self.machines:
            # As a notification: of no process, and after the commit.
            self._loop.call_soon(machine.worker.heard, notice)

    async def open_payment(self, amount: int, *, limited: bool) -> Payable:
        """An incoming payment."""
        payment_id = self.ids.uuid()
        books = IncomingBooks(BatchedLedger(self.engine, clock=self.clock))
        await books.open(payment_id, self.asset, amount if limited else None)
        payable = Payable(
            id=payment_id,
            tenant_id=OPERATOR,
            unit=UNIT,
            side=Side(
                account_id=payment_id.int,
                ledger=self.asset.ledger,
                asset_account_id=self.asset.id.int,
            ),
            incoming_amount=amount if limited else None,
            expires_at_ms=self.clock.now_ms() + 86_400_000,
            is_open=True,
        )
        self.payables[str(payment_id)] = payable
        return payable

    async def pay(self, spec: plan.Payment, target: "Node", payable: Payable) -> UUID:
        """A funded payment, due at once."""
        payment_id, now = self.ids.uuid(), self.clock.now()
        source = MIN_RATE.ceil_div(spec.amount)
        quote = Quote(
            id=payment_id,
            tenant_id=OPERATOR,
            wallet_address_id=OPERATOR,
            client=None,
            receiver=f"{target.place}/{payable.id}",
            method=Method.LOCAL if target is self else Method.ILP,
            debit_amount=source + 1,
            receive_amount=Amount(spec.amount, UNIT),
            source_amount=source,
            fee_amount=1,
            fee_id=None,
            min_rate=MIN_RATE,
            max_packet_amount=spec.packet_max,
            received_before=target.received(payable),
            expires_at=now.replace(year=now.year + 1),
            created_at=now,
            sealed_receiver=b"",
        )
        await self.open_account(AccountCode.OUTGOING_PAYMENT, payment_id, quote.debit_amount)
        self.rows.payments[payment_id] = OutgoingPayment(
            id=payment_id,
            tenant_id=OPERATOR,
            wallet_address_id=OPERATOR,
            client=None,
            grant_id=None,
            grant_interval_start=None,
            state=State.SENDING,
            error=None,
            metadata=None,
            data_to_transmit=None,
            sent_amount=0,
            delivered_amount=0,
            attempts=0,
            claims=0,
            due_at=now,
            lease_until=None,
            created_at=now,
            updated_at=now,
            quote=quote,
        )
        self._hear("")
        return payment_id

    def received(self, payable: Payable) -> int:
        """What an incoming payment has."""
        return int(self.engine.books.accounts[payable.id.int].credits_posted)


@dataclass(frozen=True, slots=True)
class _OneToOne:
    def cached(self, tenant_id: UUID, source: Unit, destination: Unit) -> Ratio:
        del tenant_id, source, destination
        return Ratio(1, 1)

    async def get(self, tenant_id: UUID, source: Unit, destination: Unit) -> Ratio:
        return self.cached(tenant_id, source, destination)


class Machine:
    """One process of a node."""

    def __init__(self, loop: VirtualLoop, node: Node, *, number: int) -> None:
        self.node = node
        self.process = Process(loop)
        self.waiting: list[Any] = []
        ahead_ms = node.random.randint(-SKEW_MS_MAX, SKEW_MS_MAX)
        self.clock = VirtualClock(loop, ahead_ms=ahead_ms)
        self.ids = SeededIds(self.clock, seed=node.random.getrandbits(60) + number)
        database: Any = Database(node.rows, node.disk)
        events: Any = Told()
        nothing: Any = SimpleNamespace()
        directory: Any = node
        receivers: Any = self
        self.ledger = BatchedLedger(node.engine, clock=self.clock)
        self.books = IncomingBooks(self.ledger)
        self.stream = StreamServer(secret=bytes(32), directory=directory, ids=self.ids)
        path = build(
            directory=directory,
            server=self.stream,
            payables=self,
            rates=_OneToOne(),
            ledger=self.ledger,
            listener=self,
            link=Link(node.network, self),
            clock=self.clock,
            ids=self.ids,
            ilp_address=address_of(node.place),
        )
        self.connector, self.settlement = path.connector, path.settlement
        due = DuePayments(clock=self.clock)
        books = OutgoingBooks(self.ledger)
        entries = Entries(
            database=database, ledger=self.ledger, listener=due, clock=self.clock, ids=self.ids
        )
        self.worker = OutgoingPaymentWorker(
            database=database,
            commands=Commands(database=database, replies=nothing),
            writes=WorkerCommands(
                record=RecordAttempt(
                    books=books, events=events, clock=self.clock, attempts_max=ATTEMPTS_MAX
                ),
                follow=FollowLedger(books=books, events=events, clock=self.clock),
                return_deposit=ReturnDeposit(books=books),
            ),
            books=books,
            abandoned=AbandonedPackets(books=books, entries=entries, clock=self.clock),
            paying=Paying(
                ledger=self.ledger,
                receivers=receivers,
                path_limits=self,
                local_credit=self,
                clock=self.clock,
                ids=self.ids,
            ),
            connector=self.connector,
            listener=due,
            handover=Handover(),
            clock=self.clock,
            in_flight_max=64,
        )
        self._unknown = UnknownPacketWorker(
            database=database, ledger=self.ledger, entries=entries, clock=self.clock
        )

    def start(self) -> None:
        """Work."""
        self.process.start(self.worker.run())
        self.process.start(self._unknown.run())

    def credited(self, payment_id: UUID, balances: object = None) -> None:
        """As a listener to credits."""

    async def learned(self, **what: object) -> None:
        """As the memory of paths."""

    async def find(self, payment_id: str) -> Payable | None:
        """As Payables."""
        return self.node.payables.get(payment_id)

    async def as_quoted(self, url: str, sealed: bytes | None, *, read_at: object) -> Receiver:
        """As ReceiverService: read afresh."""
        del sealed, read_at
        return await self.get(url)

    async def get(self, url: str) -> Receiver:
        """The receiver of this node or another."""
        place, _, payment_id = url.partition("/")
        target = self.node.nodes[int(place)]
        if target is self.node:
            own = await self.document(payment_id)
            return replace(own, local_id=UUID(payment_id), url=url)
        try:
            found: Receiver = await self.node.network.call(
                self.node,
                target,
                lambda machine: machine.document(payment_id),
                timeout_s=DOCUMENT_S_MAX,
            )
        except (NotSentError, UnknownOutcomeError) as error:
            raise Unavailable("REMOTE_UNAVAILABLE", str(error)) from error
        return replace(found, url=url)

    def changed(self, url: str) -> None:
        """Nothing is remembered."""

    async def local_account(self, payment_id: UUID) -> LocalAccount:
        """Where a transfer within this node goes."""
        payable = self.node.payables[str(payment_id)]
        return LocalAccount(
            side=payable.side, allowance_account_id=allowance_account_id(payment_id.int)
        )

    async def document(self, payment_id: str) -> Receiver:
        """An incoming payment as others see it."""
        payable = self.node.payables.get(payment_id)
        if payable is None:
            raise missing_receiver(payment_id)
        counted = (await self.books.counts([payable.id]))[payable.id]
        amount = payable.incoming_amount
        address, secret = self.stream.for_payment(payable.id, payable.tenant_id)
        return Receiver(
            url="",
            wallet_address=address_of(self.node.place),
            asset=UNIT,
            incoming_amount=None if amount is None else Amount(amount, UNIT),
            received_amount=Amount(counted.received, UNIT),
            completed=not payable.is_open or (amount is not None and counted.received >= amount),
            expires_at=None,
            created_at=START,
            metadata=None,
            local_id=None,
            tenant_id=None,
            methods=(IlpMethod(ilp_address=address, shared_secret=secret),),
        )

    async def close_payment(self, payable: Payable) -> None:
        """As its bank closes an incoming payment."""
        self.node.payables[str(payable.id)] = replace(payable, is_open=False)
        with suppress(LedgerError):  # from then on only the ledger's allowance would take more
            await self.books.close(payable.id, self.node.asset.ledger)
