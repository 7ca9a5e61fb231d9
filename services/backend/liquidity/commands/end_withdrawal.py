"""Finish a withdrawal in two phases, or give it up."""

from dataclasses import dataclass
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import Database, WriteSession

from services.backend.ledger.rules.accounting import posting, voiding
from services.backend.ledger.rules.outcome import apply_plan
from services.backend.liquidity import repository
from services.backend.liquidity.errors import (
    ambiguous_withdrawal,
    moved_at_once,
    unknown_withdrawal,
)
from services.backend.liquidity.model import TransferState
from services.backend.liquidity.moving import MoneyLedger
from services.backend.liquidity.states import TransferStates
from services.backend.tenants.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalToEnd:
    """Which one, by the id that its caller knows."""

    scope: Scope
    withdrawal_id: UUID
    post: bool
    """Whether its money leaves; else it comes back."""


class EndWithdrawal(Command[WithdrawalToEnd, None, None]):
    """Raises NotFound, and FailedPrecondition when it ended the other way; a repeat is a no-op."""

    def __init__(self, *, database: Database, ledger: MoneyLedger, clock: Clock) -> None:
        self._database = database
        self._ledger = ledger
        self._states = TransferStates(ledger=ledger, clock=clock)

    async def read(self, given: WithdrawalToEnd) -> None:
        """All of it: only the ledger knows where a withdrawal stands."""
        end = posting if given.post else voiding
        await apply_plan(self._ledger, end(await self._reserved(given.scope, given.withdrawal_id)))

    async def write(self, session: WriteSession, given: WithdrawalToEnd, facts: None) -> None:
        """Nothing."""

    async def _reserved(self, scope: Scope, withdrawal_id: UUID) -> tuple[int, ...]:
        """The pending transfers of a withdrawal; raises NotFound for what is none of the scope.

        A withdrawal from a payment that was tried several times is known by one id: then what is
        pending is meant, else the last try that reached the ledger.
        """
        async with self._database.read() as session:
            found = await repository.withdrawals(session, [withdrawal_id], scope.owner)
            if not found and scope.sees_all:
                found = await repository.withdrawals(session, [withdrawal_id], None)
        if len({each.tenant_id for each in found}) > 1:
            raise ambiguous_withdrawal()
        states = await self._states.of(found)
        known = [each for each in found if each.transfer_id in states]
        pending = [each for each in known if states[each.transfer_id] is TransferState.PENDING]
        if not known:
            raise unknown_withdrawal(withdrawal_id)
        meant = (pending or known)[0]
        if meant.timeout_s == 0:
            raise moved_at_once(withdrawal_id)
        return meant.plan.pending_ids
