"""An outgoing payment in the ledger: funded, counted, given back.

The ledger is what a payment's amounts follow, also after it ended: a packet that was fulfilled late
is posted whatever the payment's state, and money of a packet nobody heard of again may come back.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from services.backend.assets.model import Asset
from services.backend.ledger.ids import derive_id
from services.backend.ledger.interface import LedgerMemory, LedgerReader, LedgerWriter
from services.backend.ledger.model import (
    HISTORY_LIMIT_MAX,
    NANOSECONDS_PER_SECOND,
    Account,
    Balances,
    NewAccount,
    TransferKind,
    TransferRecord,
)
from services.backend.ledger.rules.accounting import Plan, deposit, withdrawal
from services.backend.ledger.rules.chart import AccountCode, TransferCode, new_account
from services.backend.ledger.rules.outcome import apply_plan, bring_in

_MOVED: Final = frozenset({TransferKind.SINGLE, TransferKind.POST})
_RESOLVING: Final = frozenset({TransferKind.POST, TransferKind.VOID})
_OUTSIDE: Final = frozenset({TransferCode.DEPOSIT, TransferCode.WITHDRAWAL})


class PaymentLedger(LedgerReader, LedgerMemory, LedgerWriter, Protocol):
    """What outgoing payments need of the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a payment's money is, in the payer's asset."""

    sent: int
    """What left for packets and has not come back, `unknown` included."""
    pending: int
    """What packets hold that were neither fulfilled nor rejected yet.

    Once the payment has ended, withdrawals in two phases count here too.
    """
    unknown: int
    """What left with packets whose outcome was never learned, entered as unknown with the peer."""
    balance: int
    """What can be sent or withdrawn."""

    def untold(self, *, deposited: int, told: int) -> int:
        """What can be withdrawn of an ended payment and no event told of yet.

        What was told before may be withdrawn by now, or less may be there than was told: so it is
        counted from what the payment had, and never below zero.
        """
        return max(min(deposited - self.sent - told, self.balance), 0)

    @property
    def unsettled(self) -> int:
        """What may have arrived or not: nobody knows."""
        return self.pending + self.unknown


UNTOUCHED: Final = Standing(sent=0, pending=0, unknown=0, balance=0)
"""Of a payment that no worker took before: nothing of it can have moved."""


class OutgoingBooks:
    """The ledger side of outgoing payments."""

    def __init__(self, ledger: PaymentLedger) -> None:
        self._ledger = ledger

    async def deposit(self, payment_id: UUID, asset: Asset, amount: int) -> None:
        """Bring the money in, under an id that follows from the payment's: a repeat is a no-op."""
        await bring_in(
            self._ledger,
            _deposit(payment_id, asset, amount),
            opening=[_account(payment_id, asset)],
        )

    async def refuse_deposit(self, payment_id: UUID, asset: Asset, amount: int) -> None:
        """Take the deposit of a cancelled payment back, also one that is still on its way.

        Deposit and withdrawal are made as one chain: one that comes later finds its id used and
        moves nothing. A deposit that came first makes the chain fail, and is withdrawn alone. A
        repeat is a no-op.
        """
        brought = _deposit(payment_id, asset, amount)
        taken = withdrawal(
            transfer_id=derive_id("outgoing payment deposit taken back", payment_id.int),
            account_id=payment_id.int,
            ledger=asset.ledger,
            amount=amount,
            cause_id=payment_id.int,
        )
        both = await self._ledger.submit(
            (*brought.chain, *taken.chain), opening=[_account(payment_id, asset)]
        )
        if not both.ok:
            await apply_plan(self._ledger, taken)

    async def standing(self, payment_id: UUID, *, history: bool) -> Standing:
        """Where the payment's money is now.

        Args:
            payment_id: the payment's.
            history: whether to go through its transfers, which alone tell withdrawals and packets
                of unknown outcome apart from packets that were paid. Not needed while a payment
                was neither ended nor ever taken over from another worker: then this process knows
                how it left the account, unless packets still hold money of it.
        """
        account: Account | Balances | None = None
        if not history:
            account = self._ledger.last_seen(payment_id.int)
        if account is None or account.debits_pending:
            account = (await self._ledger.lookup_accounts([payment_id.int])).get(payment_id.int)
        if account is None:
            return UNTOUCHED
        balance = account.credits_posted - account.debits_posted - account.debits_pending
        sent, unknown = account.debits_posted, 0
        if history:
            sent, unknown = await self._moved(payment_id)
        return Standing(sent=sent, pending=account.debits_pending, unknown=unknown, balance=balance)

    async def reserved(self, payment_id: UUID, *, before: datetime) -> list[TransferRecord]:
        """Reservations of packets that were made before a time and are neither paid nor released.

        The time is a process's, the ledger's clock another: the two are taken to be near enough.
        """
        account = (await self._ledger.lookup_accounts([payment_id.int])).get(payment_id.int)
        if account is None or not account.debits_pending:
            return []
        found: dict[int, TransferRecord] = {}
        async for record in self._history(payment_id.int):
            if record.kind is TransferKind.PENDING and record.code == TransferCode.PACKET:
                found[record.id] = record
            elif record.kind in _RESOLVING:
                found.pop(record.pending_id, None)
        until = int(before.timestamp() * NANOSECONDS_PER_SECOND)
        return [record for record in found.values() if record.timestamp < until]

    async def moved(self, payment_id: UUID) -> AsyncIterator[tuple[TransferRecord, int]]:
        """What left for packets and, below zero, what came back, the oldest first."""
        account_id = payment_id.int
        async for record in self._history(account_id):
            if record.kind in _MOVED and record.code not in _OUTSIDE:
                out = record.debit_account_id == account_id
                yield record, record.amount if out else -record.amount

    async def _moved(self, payment_id: UUID) -> tuple[int, int]:
        """What left for packets and what of it with packets of unknown outcome, less returns."""
        sent, unknown = 0, 0
        async for record, amount in self.moved(payment_id):
            sent += amount
            # A packet that was answered is reserved and posted; see ledger/packets.py.
            if record.code == TransferCode.PACKET and record.kind is TransferKind.SINGLE:
                unknown += amount
        return sent, unknown

    async def _history(self, account_id: int) -> AsyncIterator[TransferRecord]:
        """All transfers of an account, the oldest first."""
        cursor = None
        while True:
            page = await self._ledger.history(account_id, cursor=cursor, limit=HISTORY_LIMIT_MAX)
            for record in page.transfers:
                yield record
            if page.cursor is None:
                return
            cursor = page.cursor


def _account(payment_id: UUID, asset: Asset) -> NewAccount:
    return new_account(
        AccountCode.OUTGOING_PAYMENT,
        account_id=payment_id.int,
        ledger=asset.ledger,
        asset_id=asset.id.int,
    )


def _deposit(payment_id: UUID, asset: Asset, amount: int) -> Plan:
    return deposit(
        transfer_id=derive_id("outgoing payment deposit", payment_id.int),
        account_id=payment_id.int,
        ledger=asset.ledger,
        amount=amount,
        cause_id=payment_id.int,
    )
