"""Money that enters and leaves the node: deposits and withdrawals against settlement.

Each is a row first and a transfer in the ledger then. The row says what was asked for, under the
caller's id; whether it moved, is pending or was given up, only the ledger says. The transfer's id
follows from the row, so that carrying it out again changes nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import chain
from typing import Final, Protocol
from uuid import UUID

from servicekit.clock import Clock
from servicekit.database import Database, WriteSession
from servicekit.ids import IdSource

from services.backend.assets.errors import unknown_asset
from services.backend.events import repository as events
from services.backend.events.withdrawable import withdrawable
from services.backend.incoming_payments.endings import Endings
from services.backend.incoming_payments.model import State as IncomingState
from services.backend.ledger.interface import LedgerReader, LedgerWriter
from services.backend.ledger.model import (
    AMOUNT_MAX,
    NANOSECONDS_PER_MILLISECOND,
    TIMEOUT_S_MAX,
)
from services.backend.ledger.rules.accounting import posting, voiding
from services.backend.ledger.rules.chart import balance
from services.backend.ledger.rules.outcome import apply_plan, bring_in
from services.backend.liquidity import repository
from services.backend.liquidity.errors import (
    ambiguous_withdrawal,
    id_used,
    invalid_amount,
    invalid_timeout,
    moved_at_once,
    not_ended,
    nothing_to_withdraw,
    still_pending,
    unknown_withdrawal,
)
from services.backend.liquidity.model import (
    Kind,
    LiquidityTransfer,
    TransferState,
    payment_transfer_id,
    state_of,
    transfer_id_of,
)
from services.backend.liquidity.repository import HeldAccount, Holder
from services.backend.outgoing_payments.model import State as OutgoingState
from services.backend.outgoing_payments.service import OutgoingPaymentService
from services.backend.peers.errors import unknown_peer
from services.backend.tenants.scope import Scope
from services.backend.wallet_addresses.errors import unknown_wallet_address

TRIES_CONSIDERED_MAX: Final = 1_000
"""The newest tries to withdraw from a payment whose states are asked for."""
REACHES_LEDGER_WITHIN: Final = timedelta(seconds=30)
"""How long a withdrawal that is recorded counts as on its way to the ledger."""
_UNKNOWN = {
    Holder.ASSET: unknown_asset,
    Holder.PEER: unknown_peer,
    Holder.WALLET_ADDRESS: unknown_wallet_address,
}


class MoneyLedger(LedgerReader, LedgerWriter, Protocol):
    """What deposits and withdrawals need."""


class LiquidityService:
    """A deposit or withdrawal is planned, then recorded with the call's key, then carried out."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: MoneyLedger,
        incoming_payments: Endings,
        outgoing_payments: OutgoingPaymentService,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._incoming_payments = incoming_payments
        self._outgoing_payments = outgoing_payments
        self._clock = clock
        self._ids = ids

    async def deposit(
        self, scope: Scope, holder: Holder, account_id: UUID, *, chosen_id: UUID, amount: int
    ) -> LiquidityTransfer:
        """Plan a deposit to an asset or peer under the caller's id."""
        account = await self._account(scope, holder, account_id)
        if account.deleted:
            raise _UNKNOWN[holder](account_id)
        return await self._chosen(scope, Kind.DEPOSIT, account, chosen_id, amount, timeout_s=0)

    async def withdraw(
        self,
        scope: Scope,
        holder: Holder,
        account_id: UUID,
        *,
        chosen_id: UUID,
        amount: int | None,
        timeout_s: int,
    ) -> LiquidityTransfer:
        """Plan a withdrawal under the caller's id; None as the amount takes all that is there.

        Also from what is deleted: money that was on its way then can still be taken out.
        """
        account = await self._account(scope, holder, account_id)
        return await self._chosen(
            scope, Kind.WITHDRAWAL, account, chosen_id, amount, timeout_s=timeout_s
        )

    async def withdraw_incoming_payment(
        self, scope: Scope, payment_id: UUID, *, timeout_s: int
    ) -> LiquidityTransfer:
        """Plan to take what an ended payment received, as its event told."""
        view = await self._incoming_payments.ended(payment_id, tenant_id=scope.filter)
        if view.payment.state is IncomingState.PENDING:
            raise not_ended(view.payment.state)
        tenant_id, ledger = view.payment.tenant_id, view.asset.ledger
        return await self._from_payment(payment_id, tenant_id, ledger, timeout_s)

    async def withdraw_outgoing_payment(
        self, scope: Scope, payment_id: UUID, *, timeout_s: int
    ) -> LiquidityTransfer:
        """Plan to take what an ended payment left over, as one of its events told."""
        view = await self._outgoing_payments.get(payment_id, tenant_id=scope.filter)
        if view.payment.state in {OutgoingState.FUNDING, OutgoingState.SENDING}:
            raise not_ended(view.payment.state)
        tenant_id, ledger = view.payment.tenant_id, view.asset.ledger
        return await self._from_payment(payment_id, tenant_id, ledger, timeout_s)

    async def record(self, session: WriteSession, planned: LiquidityTransfer) -> LiquidityTransfer:
        """Write what was planned; raises AlreadyExists when its id was used for something else.

        Of two calls at once under one id of the caller's, the second finds the row of the first and
        shares its transfer, so that no more than one moves. Of two that withdraw from a payment,
        the second is refused: its caller asked for money that the first one gets.
        """
        added = await repository.add(session, planned)
        if not added and planned.id_is_events:
            raise nothing_to_withdraw(planned.account_id)
        written = await repository.get(session, planned.transfer_id)
        assert written is not None, "it is in this transaction"
        if not written.asks_the_same(planned):
            raise id_used(planned.id)
        return written

    async def move_recorded(self, transfer_id: UUID) -> None:
        """Move or reserve what was recorded; a repeat changes nothing."""
        async with self._database.read() as session:
            recorded = await repository.get(session, transfer_id)
        assert recorded is not None, "its call was answered, so it was recorded"
        move = bring_in if recorded.kind is Kind.DEPOSIT else apply_plan
        await move(self._ledger, recorded.plan)

    async def post_withdrawal(self, scope: Scope, withdrawal_id: UUID) -> None:
        """Finish a withdrawal in two phases."""
        await apply_plan(self._ledger, posting(await self._reserved(scope, withdrawal_id)))

    async def void_withdrawal(self, scope: Scope, withdrawal_id: UUID) -> None:
        """Give a withdrawal in two phases up."""
        await apply_plan(self._ledger, voiding(await self._reserved(scope, withdrawal_id)))

    async def _account(self, scope: Scope, holder: Holder, account_id: UUID) -> HeldAccount:
        async with self._database.read() as session:
            found = await repository.find_account(session, holder, account_id, scope.filter)
        if found is None:
            raise _UNKNOWN[holder](account_id)
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
        chosen_id: UUID,
        amount: int | None,
        *,
        timeout_s: int,
    ) -> LiquidityTransfer:
        transfer_id = transfer_id_of(scope.owner, chosen_id)
        if await self._ledger.lookup_transfers([transfer_id.int]):
            raise id_used(chosen_id)
        return _checked(
            LiquidityTransfer(
                transfer_id=transfer_id,
                tenant_id=scope.owner,
                id=chosen_id,
                kind=kind,
                account_id=account.id,
                ledger=account.ledger,
                amount=await self._balance(account.id) if amount is None else amount,
                timeout_s=timeout_s,
                created_at=self._clock.now(),
            )
        )

    async def _from_payment(
        self, payment_id: UUID, tenant_id: UUID, ledger: int, timeout_s: int
    ) -> LiquidityTransfer:
        """What the first event told of whose money is neither taken nor being taken.

        The withdrawal has the event's id, and moves no more than was told: money that came later is
        another event's. Where less was there for an earlier event than it told, the rest of that
        comes along. Earlier tries may have been given up, so each has a transfer of its own. Its id
        follows from the event and the number of tries, so that of two calls at once one succeeds.
        """
        async with self._database.read() as session:
            told = withdrawable(await events.about(session, payment_id))
            tries = await repository.withdrawals(
                session, [each.event_id for each in told], tenant_id
            )
        states = await self._states(tries)
        left = 0
        for event in told:
            own = [tried for tried in tries if tried.id == event.event_id]
            open_tries = [tried for tried in own if self._is_open(tried, states)]
            left += event.amount - sum(tried.amount for tried in open_tries)
            if not open_tries:
                return _checked(
                    LiquidityTransfer(
                        transfer_id=payment_transfer_id(event.event_id, len(own)),
                        tenant_id=tenant_id,
                        id=event.event_id,
                        kind=Kind.WITHDRAWAL,
                        account_id=payment_id,
                        ledger=ledger,
                        amount=min(left, await self._balance(payment_id)),
                        timeout_s=timeout_s,
                        created_at=self._clock.now(),
                    )
                )
        pending = [t.id for t in tries if states.get(t.transfer_id) is TransferState.PENDING]
        raise still_pending(pending[0]) if pending else nothing_to_withdraw(payment_id)

    def _is_open(self, tried: LiquidityTransfer, states: Mapping[UUID, TransferState]) -> bool:
        """Whether a withdrawal took its money or may still do so, and was not given up.

        One that has not reached the ledger is on its way there, or its call failed or died.
        """
        if tried.transfer_id in states:
            return states[tried.transfer_id] is not TransferState.VOIDED
        return tried.created_at >= self._clock.now() - REACHES_LEDGER_WITHIN

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
        states = await self._states(found)
        known = [each for each in found if each.transfer_id in states]
        pending = [each for each in known if states[each.transfer_id] is TransferState.PENDING]
        if not known:
            raise unknown_withdrawal(withdrawal_id)
        meant = (pending or known)[0]
        if meant.timeout_s == 0:
            raise moved_at_once(withdrawal_id)
        return meant.plan.pending_ids

    async def _states(self, transfers: Sequence[LiquidityTransfer]) -> dict[UUID, TransferState]:
        """What became of those that reached the ledger, by their ids there."""
        ids = [each.transfer_id.int for each in transfers[:TRIES_CONSIDERED_MAX]]
        ends = {at: (posting([at]).chain[0].id, voiding([at]).chain[0].id) for at in ids}
        found = await self._ledger.lookup_transfers([*ids, *chain.from_iterable(ends.values())])
        now_ns = self._clock.now_ms() * NANOSECONDS_PER_MILLISECOND
        states = {}
        for at in ids:
            if at in found:
                end = next((found[end_id] for end_id in ends[at] if end_id in found), None)
                states[UUID(int=at)] = state_of(found[at], end, now_ns=now_ns)
        return states


def _checked(planned: LiquidityTransfer) -> LiquidityTransfer:
    if not 1 <= planned.amount <= AMOUNT_MAX:
        raise invalid_amount()
    if planned.timeout_s > TIMEOUT_S_MAX:
        raise invalid_timeout()
    return planned
