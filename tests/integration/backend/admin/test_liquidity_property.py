"""Three tenants deposit, withdraw, post, void and wait at random, under ids that they share."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servicekit.commands import Commands
from servicekit.database import Database
from servicekit.errors import ServiceError
from servicekit.idempotency import IdempotencyStore
from sqlalchemy import insert

from services.backend.assets.tables import assets
from services.backend.events.tables import idempotency_keys
from services.backend.ledger.batching.batcher import BatchedLedger
from services.backend.ledger.memory.engine import MemoryLedger
from services.backend.ledger.rules.chart import balance, new_asset_accounts, settlement_account_id
from services.backend.liquidity.build import Liquidity, build
from services.backend.liquidity.commands.deposit import NewDeposit
from services.backend.liquidity.commands.end_withdrawal import WithdrawalToEnd
from services.backend.liquidity.commands.withdraw import NewWithdrawal
from services.backend.liquidity.model import Holder, Kind
from services.backend.tenants.scope import Scope
from services.backend.tenants.tables import tenants
from tests.support.clock import ManualClock

STEPS_MAX: Final = 40
IDS: Final = [UUID(int=2**100 + number) for number in range(6)]
TIMEOUT_S: Final = 60
WAIT_S: Final = 25


class Step(NamedTuple):
    """One act of one tenant; what an act has no use for is ignored."""

    act: str
    tenant: int
    id: int
    amount: int


_STEPS = st.lists(
    st.builds(
        Step,
        act=st.sampled_from(["deposit", "withdraw", "reserve", "post", "void", "wait"]),
        tenant=st.integers(0, 2),
        id=st.integers(0, len(IDS) - 1),
        amount=st.integers(1, 9),
    ),
    max_size=STEPS_MAX,
)


@dataclass
class Move:
    """What a tenant asked for under an id, and what the ledger should say of it."""

    kind: Kind
    amount: int
    timeout_s: int
    state: str = "REFUSED"
    expires_ms: int = 0


@dataclass
class Tenant:
    """One tenant with one asset, and what should have become of its calls."""

    scope: Scope
    asset_id: UUID
    ledger: int
    moves: dict[UUID, Move] = field(default_factory=dict)

    def sum(self, kind: Kind, *states: str) -> int:
        return sum(m.amount for m in self.moves.values() if m.kind is kind and m.state in states)

    @property
    def balance(self) -> int:
        out = self.sum(Kind.WITHDRAWAL, "POSTED", "PENDING")
        return self.sum(Kind.DEPOSIT, "POSTED") - out


@dataclass
class Bank:
    """The commands on real rows and the ledger's oracle, with a clock of the test's own."""

    commands: Commands
    liquidity: Liquidity
    database: Database
    ledger: BatchedLedger
    clock: ManualClock
    tenants: list[Tenant]

    async def take(self, step: Step) -> None:
        tenant, chosen_id = self.tenants[step.tenant], IDS[step.id]
        if step.act == "wait":
            await self.clock.advance(WAIT_S)
            self._expire()
        elif step.act in ("post", "void"):
            await self._resolve(tenant, chosen_id, step.act)
        else:
            kind = Kind.DEPOSIT if step.act == "deposit" else Kind.WITHDRAWAL
            timeout_s = TIMEOUT_S if step.act == "reserve" else 0
            await self._move(tenant, chosen_id, Move(kind, step.amount, timeout_s))

    async def check(self) -> None:
        for tenant in self.tenants:
            ids = [tenant.asset_id.int, settlement_account_id(tenant.ledger)]
            accounts = await self.ledger.lookup_accounts(ids)
            asset, settlement = (accounts[account_id] for account_id in ids)
            assert balance(asset) == tenant.balance
            assert asset.credits_posted == settlement.debits_posted
            assert asset.credits_posted == tenant.sum(Kind.DEPOSIT, "POSTED")
            assert asset.debits_posted == settlement.credits_posted
            assert asset.debits_posted == tenant.sum(Kind.WITHDRAWAL, "POSTED")
            assert asset.debits_pending == tenant.sum(Kind.WITHDRAWAL, "PENDING")

    async def _move(self, tenant: Tenant, chosen_id: UUID, move: Move) -> None:
        known = tenant.moves.get(chosen_id)
        covered = move.kind is Kind.DEPOSIT or move.amount <= tenant.balance
        asked = (move.kind, move.amount, move.timeout_s)
        fresh = known is None or (
            known.state == "REFUSED" and (known.kind, known.amount, known.timeout_s) == asked
        )
        expected = "TRANSFER_EXISTS" if not fresh else None if covered else "INSUFFICIENT_BALANCE"
        assert await _reason(self._carry_out(tenant, chosen_id, move)) == expected
        if fresh:
            tenant.moves[chosen_id] = move
        if fresh and covered:
            move.state = "PENDING" if move.timeout_s else "POSTED"
            move.expires_ms = self.clock.now_ms() + move.timeout_s * 1_000

    async def _carry_out(self, tenant: Tenant, chosen_id: UUID, move: Move) -> None:
        asked: dict[str, Any] = {
            "scope": tenant.scope,
            "holder": Holder.ASSET,
            "account_id": tenant.asset_id,
            "chosen_id": chosen_id,
            "amount": move.amount,
        }
        if move.kind is Kind.DEPOSIT:
            new = NewDeposit(**asked)
            await self.liquidity.deposit.finish(
                new, await self.commands.run(self.liquidity.deposit, new)
            )
        else:
            taken = NewWithdrawal(**asked, timeout_s=move.timeout_s)
            # `finish` once more, as at a repeat of the call.
            await self.liquidity.withdraw.finish(
                taken, await self.commands.run(self.liquidity.withdraw, taken)
            )

    async def _resolve(self, tenant: Tenant, chosen_id: UUID, act: str) -> None:
        move = tenant.moves.get(chosen_id)
        goal = "POSTED" if act == "post" else "VOIDED"
        ending = WithdrawalToEnd(scope=tenant.scope, withdrawal_id=chosen_id, post=act == "post")
        if move is None or move.kind is Kind.DEPOSIT or move.state == "REFUSED":
            expected = "UNKNOWN_TRANSFER"
        elif move.timeout_s and move.state in ("PENDING", goal):
            expected = None
        else:
            expected = "TRANSFER_RESOLVED"
        assert await _reason(self.commands.run(self.liquidity.end_withdrawal, ending)) == expected
        if move is not None and expected is None:
            move.state = goal

    def _expire(self) -> None:
        for tenant in self.tenants:
            for move in tenant.moves.values():
                if move.state == "PENDING" and move.expires_ms <= self.clock.now_ms():
                    move.state = "EXPIRED"


async def _reason(call: Any) -> str | None:
    try:
        await call
    except ServiceError as error:
        return error.reason
    return None


@asynccontextmanager
async def _bank(url: str, run: int) -> AsyncIterator[Bank]:
    clock = ManualClock()
    database = Database(url)
    ledger = BatchedLedger(MemoryLedger(clock=clock))
    first = 3 * run + 1
    found = [
        Tenant(Scope(UUID(int=2**90 + at), sees_all=False), UUID(int=2**91 + at), at)
        for at in range(first, first + 3)
    ]
    async with database.write() as session:
        for tenant in found:
            known = {"id": tenant.scope.owner, "api_secret": "s", "created_at": clock.now()}
            await session.execute(insert(tenants).values(known))
            row = {
                "id": tenant.asset_id,
                "tenant_id": tenant.scope.owner,
                "code": "USD",
                "scale": 2,
                "ledger": tenant.ledger,
                "created_at": clock.now(),
            }
            await session.execute(insert(assets).values(row))
    for tenant in found:
        await ledger.create_accounts(
            new_asset_accounts(asset_id=tenant.asset_id.int, ledger=tenant.ledger)
        )
    liquidity = build(
        database=database,
        ledger=ledger,
        incoming_payments=cast("Any", None),  # not used here
        clock=clock,
    )
    commands = Commands(
        database=database, replies=IdempotencyStore(table=idempotency_keys, clock=clock)
    )
    yield Bank(commands, liquidity, database, ledger, clock, found)
    await ledger.close()
    await database.close()


def test_each_withdrawal_moves_once_and_nobody_touches_anothers(backend_database_url: str) -> None:
    runs = itertools.count()

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(steps=_STEPS)
    def property_(steps: list[Step]) -> None:
        async def act() -> None:
            async with _bank(backend_database_url, next(runs)) as bank:
                for step in steps:
                    await bank.take(step)
                    await bank.check()

        asyncio.run(act())

    property_()
