"""Take what an ended payment received or left over, as its events told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final
from uuid import UUID

from servicekit.clock import Clock
from servicekit.database import Database

from services.backend.events.withdrawable import withdrawable
from services.backend.incoming_payments.endings import Endings
from services.backend.incoming_payments.model import State as IncomingState
from services.backend.liquidity import repository
from services.backend.liquidity.errors import not_ended, nothing_to_withdraw, still_pending
from services.backend.liquidity.holders import unknown_holder
from services.backend.liquidity.model import (
    Holder,
    Kind,
    LiquidityTransfer,
    TransferState,
    payment_transfer_id,
)
from services.backend.liquidity.moving import MoneyLedger, MoveMoney, Planned, checked
from services.backend.liquidity.repository import PaidOut
from services.backend.liquidity.states import TransferStates
from services.backend.outgoing_payments.model import State as OutgoingState
from services.backend.tenants.scope import Scope

_OPEN: Final = frozenset({IncomingState.PENDING, OutgoingState.FUNDING, OutgoingState.SENDING})
REACHES_LEDGER_WITHIN: Final = timedelta(seconds=30)
"""How long a withdrawal that is recorded counts as on its way to the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentWithdrawal:
    """From which payment."""

    scope: Scope
    holder: Holder
    payment_id: UUID
    event_id: UUID | None
    """Whose money to take; None for the oldest event whose money was not taken."""
    timeout_s: int
    """0 takes it at once."""


class WithdrawFromPayment(MoveMoney[PaymentWithdrawal]):
    """Raises NotFound, and FailedPrecondition when it has not ended or there is nothing to take."""

    reading_leaves_nothing: ClassVar = True

    def __init__(
        self,
        *,
        database: Database,
        ledger: MoneyLedger,
        incoming_payments: Endings,
        clock: Clock,
    ) -> None:
        super().__init__(database=database, ledger=ledger, clock=clock)
        self._incoming_payments = incoming_payments
        self._states = TransferStates(ledger=ledger, clock=clock)

    async def read(self, given: PaymentWithdrawal) -> Planned:
        """What the given event told, or the first whose money is neither taken nor being taken.

        The withdrawal has the event's id, and moves no more than was told: money that came later is
        another event's. Where less was there for an earlier event than it told, the rest of that
        comes along, unless an event is named. Earlier tries may have been given up, so each has a
        transfer of its own. Its id follows from the event and the number of tries, so that of two
        calls at once one succeeds.
        """
        payment_id = given.payment_id
        found = await self._ended(given)
        tries = found.tries
        states = await self._states.of(tries)
        left = 0
        for event in withdrawable(found.events):
            own = [tried for tried in tries if tried.id == event.event_id]
            open_tries = [tried for tried in own if self._is_open(tried, states)]
            left += event.amount - sum(tried.amount for tried in open_tries)
            if given.event_id is not None:
                left = event.amount
            if not open_tries and given.event_id in {None, event.event_id}:
                transfer = LiquidityTransfer(
                    transfer_id=payment_transfer_id(event.event_id, len(own)),
                    tenant_id=found.tenant_id,
                    id=event.event_id,
                    kind=Kind.WITHDRAWAL,
                    account_id=payment_id,
                    asset_id=found.asset_id,
                    ledger=found.ledger,
                    amount=min(left, await self._balance(payment_id)),
                    timeout_s=given.timeout_s,
                    created_at=self._clock.now(),
                )
                return Planned(transfer=checked(transfer))
        pending = [t.id for t in tries if states.get(t.transfer_id) is TransferState.PENDING]
        raise still_pending(pending[0]) if pending else nothing_to_withdraw(payment_id)

    async def _ended(self, given: PaymentWithdrawal) -> PaidOut:
        """The payment; raises NotFound, and FailedPrecondition when it has not ended."""
        found = await self._find(given)
        if found.state == IncomingState.PENDING:
            # One that has all it expects is ended now, for its money to be taken.
            await self._incoming_payments.ended(given.payment_id, tenant_id=given.scope.filter)
            found = await self._find(given)
        if found.state in _OPEN:
            raise not_ended(found.state)
        return found

    async def _find(self, given: PaymentWithdrawal) -> PaidOut:
        found = await repository.paid_out(self._database, given.holder, given.payment_id)
        if found is None or given.scope.filter not in {None, found.tenant_id}:
            raise unknown_holder(given.holder, given.payment_id)
        return found

    def _is_open(self, tried: LiquidityTransfer, states: Mapping[UUID, TransferState]) -> bool:
        """Whether a withdrawal took its money or may still do so, and was not given up.

        One that has not reached the ledger is on its way there, or its call failed or died.
        """
        if tried.transfer_id in states:
            return states[tried.transfer_id] is not TransferState.VOIDED
        return tried.created_at >= self._clock.now() - REACHES_LEDGER_WITHIN
