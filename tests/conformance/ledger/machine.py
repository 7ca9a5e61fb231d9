"""Any engine against the memory engine, on whatever batches hypothesis thinks of."""

import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.backend.ledger.errors import AccountStatus, TransferStatus
from services.backend.ledger.ids import derive_id
from services.backend.ledger.interface import LedgerEngine
from services.backend.ledger.memory.engine import MemoryLedger
from services.backend.ledger.model import (
    FULL_AMOUNT,
    LEDGER_MAX,
    NewAccount,
    Transfer,
    TransferKind,
    TransferRecord,
    post,
    void,
)
from services.backend.ledger.rules.chart import FLAGS, AccountCode
from services.backend.ledger.rules.validation import check_chain
from tests.support.clock import ManualClock

CODES = (
    AccountCode.SETTLEMENT,
    AccountCode.ASSET,
    AccountCode.PEER,
    AccountCode.OUTGOING_PAYMENT,
)
ASSETS = 2


@dataclass(frozen=True)
class Move:
    """A transfer in small numbers, which the machine turns into real ids."""

    action: str
    asset: int
    debit: int
    credit: int
    amount: int
    target: int
    timeout_s: int


# Mostly what can succeed: one asset, accounts that exist, amounts that were deposited.
UNKNOWN, OTHER_ASSET = 90, 91
moves = st.builds(
    Move,
    action=st.sampled_from(
        ["single", "single", "pending", "pending", "post", "part", "void", "replay", "alter"]
    ),
    asset=st.sampled_from(range(ASSETS)),
    debit=st.sampled_from([1, 2, 3, 0] * 4 + [UNKNOWN]),
    credit=st.sampled_from([2, 3, 1, 0] * 4 + [UNKNOWN, OTHER_ASSET]),
    amount=st.sampled_from([1, 2, 3, 5, 8, 13, 21, 0]),
    target=st.integers(0, 30),
    timeout_s=st.sampled_from([0, 0, 1, 3]),
)
batches = st.lists(st.lists(moves, min_size=1, max_size=3), min_size=1, max_size=4)


class LedgerMachine(RuleBasedStateMachine):
    """Both engines get the same batches; answers, balances and histories must be the same."""

    engine: LedgerEngine
    clock: ManualClock
    run: Callable[..., object]
    time_passes = True

    def __init__(self) -> None:
        super().__init__()
        self.oracle = MemoryLedger(clock=self.clock)
        self.seed = secrets.token_bytes(16)
        self.counter = itertools.count(1)
        self.assets = [1 + secrets.randbelow(LEDGER_MAX) for _ in range(ASSETS)]
        self.accounts: list[NewAccount] = []
        self.applied: list[tuple[Transfer, ...]] = []
        self.pendings: list[Transfer] = []

    def await_(self, coroutine: object) -> object:
        return type(self).run(coroutine)

    def new_id(self) -> int:
        return derive_id("machine", self.seed, next(self.counter))

    @initialize()
    def create_accounts(self) -> None:
        self.accounts = [
            NewAccount(self.new_id(), ledger, int(code), FLAGS[code])
            for ledger in self.assets
            for code in CODES
        ]
        for engine in (self.engine, self.oracle):
            results = self.await_(engine.create_accounts(self.accounts))
            assert isinstance(results, list)
            assert {result.status for result in results} == {AccountStatus.CREATED}
        self.apply_chains([self.deposit(asset, to) for asset in range(ASSETS) for to in (1, 2, 3)])

    def deposit(self, asset: int, to: int) -> tuple[Transfer, ...]:
        settlement, account = self.account(asset, 0), self.account(asset, to)
        ledger = self.assets[asset]
        return (Transfer(self.new_id(), settlement.id, account.id, 20, ledger, 2),)

    @rule(batch=batches)
    def apply(self, batch: list[list[Move]]) -> None:
        chains = []
        for chain_moves in batch:
            chain = tuple(self.transfer(move) for move in chain_moves)
            if len({transfer.id for transfer in chain}) < len(chain):
                continue
            if check_chain(chain) is None:
                chains.append(chain)
        self.apply_chains(chains)

    def apply_chains(self, chains: list[tuple[Transfer, ...]]) -> None:
        got = self.await_(self.engine.apply(chains))
        expected = self.await_(self.oracle.apply(chains))
        assert isinstance(got, list)
        assert isinstance(expected, list)
        assert [(r.status, r.failed_at, r.length) for r in got] == [
            (r.status, r.failed_at, r.length) for r in expected
        ]
        for one, other in zip(got, expected, strict=True):
            assert one.balances in (None, other.balances)
        for chain, result in zip(chains, expected, strict=True):
            if result.status is TransferStatus.CREATED:
                self.applied.append(chain)
                self.pendings += [t for t in chain if t.kind is TransferKind.PENDING]

    @rule(seconds=st.integers(1, 4))
    def pass_time(self, seconds: int) -> None:
        if self.time_passes:
            self.await_(self.clock.advance(seconds + 0.001))

    @invariant()
    def balances_are_the_same(self) -> None:
        ids = [account.id for account in self.accounts]
        got = self.await_(self.engine.lookup_accounts(ids))
        expected = self.await_(self.oracle.lookup_accounts(ids))
        assert isinstance(got, dict)
        assert isinstance(expected, dict)
        assert {i: a[:11] for i, a in got.items()} == {i: a[:11] for i, a in expected.items()}
        for asset in self.assets:
            mine = [account for account in got.values() if account.ledger == asset]
            assert sum(a.debits_posted for a in mine) == sum(a.credits_posted for a in mine)
            assert sum(a.debits_pending for a in mine) == sum(a.credits_pending for a in mine)

    def teardown(self) -> None:
        for account in self.accounts:
            pages = [
                self.await_(engine.history(account.id, limit=1_000))
                for engine in (self.engine, self.oracle)
            ]
            got, expected = [untimed(page.transfers) for page in pages]  # type: ignore[attr-defined]  # await_ is untyped for brevity
            assert got == expected

    def transfer(self, move: Move) -> Transfer:
        """Turn small numbers into a transfer; what there is nothing of becomes a single one."""
        if move.action in {"replay", "alter"} and self.applied:
            chain = self.applied[move.target % len(self.applied)]
            old = chain[move.amount % len(chain)]
            return old if move.action == "replay" else self.altered(old)
        if move.action in {"post", "part", "void"} and self.pendings:
            pending = self.pendings[-1 - move.target % len(self.pendings)]
            if move.action == "void":
                return void(self.new_id(), pending.id)
            amount = move.amount if move.action == "part" else FULL_AMOUNT
            return post(self.new_id(), pending.id, amount=amount)
        is_pending = move.action == "pending"
        debit = self.account(move.asset, move.debit)
        credit = self.account(move.asset, move.credit)
        timeout_s = move.timeout_s if is_pending and self.time_passes else 0
        kind = TransferKind.PENDING if is_pending else TransferKind.SINGLE
        return Transfer(
            self.new_id(), debit.id, credit.id, move.amount, debit.ledger, 1, kind, 0, timeout_s
        )

    def account(self, asset: int, number: int) -> NewAccount:
        if number == OTHER_ASSET:
            return self.account((asset + 1) % ASSETS, 1)
        if number != UNKNOWN:
            return self.accounts[asset * len(CODES) + number]
        return NewAccount(self.new_id(), self.assets[0], 3, FLAGS[AccountCode.PEER])  # unknown

    @staticmethod
    def altered(transfer: Transfer) -> Transfer:
        return transfer._replace(user_data_32=transfer.user_data_32 + 1)


def untimed(records: tuple[TransferRecord, ...]) -> list[tuple[int, ...]]:
    """Histories without their timestamps, which each engine gives by its own clock."""
    return [record[:12] for record in records]
