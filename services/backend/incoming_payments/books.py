"""An incoming payment in the ledger: opened, counted, closed.

Every payment has an allowance, also one without an `incomingAmount` (its allowance is the largest
amount there is): closing takes the rest of the allowance away, and from that moment on no packet is
accepted, on any process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from ilpkit.money import U64_MAX
from servicekit.errors import Unavailable

from services.backend.assets.model import Asset
from services.backend.ledger.errors import TransferStatus
from services.backend.ledger.interface import LedgerReader, LedgerWriter
from services.backend.ledger.model import Account, Balances
from services.backend.ledger.rules.accounting import (
    allowance_account_id,
    allowance_closing,
    allowance_grant,
    new_incoming_payment_accounts,
)
from services.backend.ledger.rules.outcome import apply_plan

CLOSING_ATTEMPTS_MAX: Final = 1000
"""Each attempt that fails lost a race against a packet that brought money."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What the ledger says of a payment, in the asset's units."""

    received: int
    left: int
    """Of its allowance: what it would still accept, and what packets in flight hold of it."""
    exhausted: bool
    """Whether it accepts no more; only packets in flight may still bring what is left."""


class PaymentLedger(LedgerReader, LedgerWriter, Protocol):
    """What incoming payments need of the ledger."""


class IncomingBooks:
    """The ledger side of incoming payments."""

    def __init__(self, ledger: PaymentLedger) -> None:
        self._ledger = ledger

    async def open(self, payment_id: UUID, asset: Asset, incoming_amount: int | None) -> None:
        """Create the accounts and fill the allowance; a repeat is a no-op."""
        accounts = new_incoming_payment_accounts(
            payment_id=payment_id.int,
            ledger=asset.ledger,
            asset_id=asset.id.int,
            limited=True,
        )
        plan = allowance_grant(
            payment_id=payment_id.int,
            ledger=asset.ledger,
            incoming_amount=U64_MAX if incoming_amount is None else incoming_amount,
        )
        await apply_plan(self._ledger, plan, opening=accounts)

    async def received(self, payment_ids: Sequence[UUID]) -> Mapping[UUID, int]:
        """What each payment received so far."""
        accounts = await self._ledger.lookup_accounts([payment.int for payment in payment_ids])
        return {
            payment: accounts[payment.int].credits_posted if payment.int in accounts else 0
            for payment in payment_ids
        }

    async def counts(self, payment_ids: Sequence[UUID]) -> Mapping[UUID, Counted]:
        """What each payment received and still accepts, in one look."""
        pairs = {payment: allowance_account_id(payment.int) for payment in payment_ids}
        accounts = await self._ledger.lookup_accounts(
            [*(payment.int for payment in pairs), *pairs.values()]
        )
        return {
            payment: _counted(accounts.get(payment.int), accounts.get(allowance_id))
            for payment, allowance_id in pairs.items()
        }

    @staticmethod
    def counted(payment_id: UUID, balances: Mapping[int, Balances] | None) -> Counted | None:
        """What a batch of the ledger said of a payment that it credited; None if it did not."""
        if balances is None:
            return None
        account = balances.get(payment_id.int)
        allowance = balances.get(allowance_account_id(payment_id.int))
        return None if account is None or allowance is None else _counted(account, allowance)

    async def close(self, payment_id: UUID, ledger: int) -> int:
        """Accept no more from now on, and return what was received in all.

        Packets that arrive meanwhile take from the allowance too, and to take exactly what is left
        may lose against each of them. After a loss some is left to them: that little is soon used
        up, by them or by us.
        """
        account_id = allowance_account_id(payment_id.int)
        left_before, spared = 0, 0
        for attempt in range(CLOSING_ATTEMPTS_MAX):
            left = await self._allowance_left(account_id)
            if left == 0:
                break
            if attempt:
                spared = max(2 * (left_before - left), 2 * spared, 1)
            amount = left - spared if left > spared else left
            plan = allowance_closing(
                payment_id=payment_id.int, ledger=ledger, amount=amount, attempt=attempt
            )
            status = plan.explain(await self._ledger.submit(plan.chain))
            if status.ok and amount == left:
                break
            if not status.ok and status not in _LOST_RACE:
                raise Unavailable("UNAVAILABLE", f"the ledger would not close a payment: {status}")
            left_before, spared = (left, spared) if not status.ok else (left - amount, 0)
        return (await self.received([payment_id]))[payment_id]

    async def _allowance_left(self, account_id: int) -> int:
        account = (await self._ledger.lookup_accounts([account_id])).get(account_id)
        return 0 if account is None else account.credits_posted - account.debits_posted


def _counted(account: Account | Balances | None, allowance: Account | Balances | None) -> Counted:
    if account is None or allowance is None:
        return Counted(received=0, left=0, exhausted=False)
    used = allowance.debits_posted + allowance.debits_pending
    return Counted(
        received=account.credits_posted,
        left=allowance.credits_posted - allowance.debits_posted,
        exhausted=0 < allowance.credits_posted == used,
    )


# TRANSFER_EXISTS: another process closed with this attempt's number; the next look tells.
_LOST_RACE: Final = frozenset(
    {
        TransferStatus.INSUFFICIENT_BALANCE,
        TransferStatus.TRANSFER_EXISTS,
        TransferStatus.ID_ALREADY_FAILED,
    }
)
