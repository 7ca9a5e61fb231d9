"""Compares an account's totals with its transfers, from where the two agreed last.

The transfers of one account have one order, in which they also become visible. So whatever the
totals were at one moment, the sums of its transfers pass through exactly them: a walk that goes
past them, or ends before, has found a difference. New transfers meanwhile don't matter.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.backend.ledger.interface import LedgerReader
from services.backend.ledger.model import Account, TransferKind, TransferRecord
from services.backend.reconciliation.model import Agreed, Finding, Kind

PAGE_MAX: Final = 1_000
MOVING: Final = frozenset({TransferKind.SINGLE, TransferKind.POST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What a walk along an account's transfers came to."""

    agreed: Agreed
    """Where its totals are met; where the walk began when they are not."""
    finding: Finding | None
    met: frozenset[UUID]
    """The accounts on the other side of what was walked."""


async def walk(ledger: LedgerReader, account: Account, since: Agreed) -> Walked:
    """Add up the transfers after `since` until they come to the account's totals."""
    wanted = account.debits_posted, account.credits_posted
    totals, last = (since.debits, since.credits), None
    cursor = since.timestamp or None
    met: set[UUID] = set()
    while totals != wanted:
        page = await ledger.history(account.id, cursor=cursor, limit=PAGE_MAX)
        for record in page.transfers:
            totals, last = _after(totals, record, account.id), record
            met.add(UUID(int=record.debit_account_id + record.credit_account_id - account.id))
            if totals == wanted or _beyond(totals, wanted):
                break
        if _beyond(totals, wanted) or (totals != wanted and page.cursor is None):
            finding = _finding(wanted, totals, last, account)
            return Walked(agreed=since, finding=finding, met=frozenset(met))
        cursor = page.cursor
    agreed = Agreed(
        account_id=UUID(int=account.id),
        timestamp=since.timestamp if last is None else last.timestamp,
        debits=wanted[0],
        credits=wanted[1],
    )
    return Walked(agreed=agreed, finding=None, met=frozenset(met))


def _after(totals: tuple[int, int], record: TransferRecord, account_id: int) -> tuple[int, int]:
    if record.kind not in MOVING:
        return totals
    if record.debit_account_id == account_id:
        return totals[0] + record.amount, totals[1]
    return totals[0], totals[1] + record.amount


def _beyond(totals: tuple[int, int], wanted: tuple[int, int]) -> bool:
    return totals[0] > wanted[0] or totals[1] > wanted[1]


def _finding(
    wanted: tuple[int, int], totals: tuple[int, int], last: TransferRecord | None, account: Account
) -> Finding:
    """Of the side that differs; of both, the debits."""
    side = 0 if totals[0] != wanted[0] else 1
    return Finding(
        kind=Kind.ACCOUNT,
        subject_id=UUID(int=account.id),
        expected=totals[side],
        found=wanted[side],
        transfer_id=None if last is None else UUID(int=last.id),
        transfer_timestamp=None if last is None else last.timestamp,
    )
