"""What all deposits and withdrawals have in common: money enters or leaves against settlement.

Each is a row first and a transfer in the ledger then. The row says what was asked for, under the
caller's id; whether it moved, is pending or was given up, only the ledger says. The transfer's id
follows from the row, so that moving again what was recorded changes nothing.
"""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command, FactsChanged
from servicekit.database import Database, WriteSession

from services.backend.ledger.interface import LedgerReader, LedgerWriter
from services.backend.ledger.model import AMOUNT_MAX, TIMEOUT_S_MAX
from services.backend.ledger.rules.chart import balance
from services.backend.ledger.rules.outcome import apply_plan, bring_in
from services.backend.liquidity import repository
from services.backend.liquidity.errors import (
    id_used,
    invalid_amount,
    invalid_timeout,
    nothing_to_withdraw,
)
from services.backend.liquidity.holders import unknown_holder
from services.backend.liquidity.model import Holder, Kind, LiquidityTransfer, transfer_id_of
from services.backend.liquidity.repository import HeldAccount
from services.backend.tenants.scope import Scope

Given = TypeVar("Given")


class MoneyLedger(LedgerReader, LedgerWriter, Protocol):
    """What deposits and withdrawals need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What is to be recorded."""

    transfer: LiquidityTransfer
    recorded: bool = False
    """Whether another call recorded the very same: no more than one of them moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A deposit or withdrawal that moves."""

    transfer_id: UUID
    transfer: LiquidityTransfer | None
    """None when an earlier reply alone tells of it."""


class MoveMoney(Command[Given, Planned, Recorded], Generic[Given]):
    """A deposit or withdrawal; its `read` plans it."""

    def __init__(self, *, database: Database, ledger: MoneyLedger, clock: Clock) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock

    async def write(self, session: WriteSession, given: Given, facts: Planned) -> Recorded:
        """Its row, under the ledger's id: of two calls at once that plan one, one writes."""
        del given
        planned = facts.transfer
        if not facts.recorded:
            repository.add(session, planned, refused=lambda: self._taken(planned))
        return Recorded(transfer_id=planned.transfer_id, transfer=planned)

    async def finish(self, given: Given, done: Recorded) -> None:
        """Move or reserve it; a repeat changes nothing."""
        del given
        transfer = done.transfer or await repository.get(self._database, done.transfer_id)
        assert transfer is not None, "its call was answered, so it was recorded"
        move = bring_in if transfer.kind is Kind.DEPOSIT else apply_plan
        await move(self._ledger, transfer.plan)

    def _taken(self, planned: LiquidityTransfer) -> Exception:
        """Two calls under one id of the caller's share a transfer.

        Of two that withdraw what an event told of, the second is refused: its caller asked for
        money that the first one gets.
        """
        return nothing_to_withdraw(planned.account_id) if planned.id_is_events else FactsChanged()

    async def _account(self, scope: Scope, holder: Holder, account_id: UUID) -> HeldAccount:
        async with self._database.read() as session:
            found = await repository.find_account(session, holder, account_id, scope.filter)
        if found is None:
            raise unknown_holder(holder, account_id)
        return found

    async def _balance(self, account_id: UUID) -> int:
        account = (await self._ledger.lookup_accounts([account_id.int])).get(account_id.int)
        left = 0 if account is None else balance(account)
        if left == 0:
            raise nothing_to_withdraw(account_id)
        return left

    async def _chosen(
        self,
        scope: Scope,
        kind: Kind,
        account: HeldAccount,
        *,
        chosen_id: UUID,
        amount: int | None,
        timeout_s: int = 0,
    ) -> Planned:
        """A transfer under an id that the caller chose; None as the amount takes all there is."""
        transfer_id = transfer_id_of(scope.owner, chosen_id)
        if await self._ledger.lookup_transfers([transfer_id.int]):
            raise id_used(chosen_id)
        planned = checked(
            LiquidityTransfer(
                transfer_id=transfer_id,
                tenant_id=scope.owner,
                id=chosen_id,
                kind=kind,
                account_id=account.id,
                asset_id=account.asset_id,
                ledger=account.ledger,
                amount=await self._balance(account.id) if amount is None else amount,
                timeout_s=timeout_s,
                created_at=self._clock.now(),
            )
        )
        before = await repository.get(self._database, transfer_id)
        if before is None:
            return Planned(transfer=planned)
        if not before.asks_the_same(planned):
            raise id_used(chosen_id)
        return Planned(transfer=before, recorded=True)


def checked(planned: LiquidityTransfer) -> LiquidityTransfer:
    """Raise InvalidArgument for an amount or a time that no ledger takes."""
    if not 1 <= planned.amount <= AMOUNT_MAX:
        raise invalid_amount()
    if planned.timeout_s > TIMEOUT_S_MAX:
        raise invalid_timeout()
    return planned
