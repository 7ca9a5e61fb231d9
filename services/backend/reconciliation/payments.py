"""Compares payments that have ended with their accounts, and with what was told of them."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from servicekit.database import Database

from services.backend.incoming_payments import repository as incoming_payments
from services.backend.incoming_payments.model import IncomingPayment
from services.backend.incoming_payments.model import State as Incoming
from services.backend.ledger.interface import LedgerReader
from services.backend.ledger.model import TransferRecord
from services.backend.outgoing_payments import repository as outgoing_payments
from services.backend.outgoing_payments.model import OutgoingPayment
from services.backend.outgoing_payments.model import State as Outgoing
from services.backend.reconciliation import repository
from services.backend.reconciliation.accounts import MOVING, PAGE_MAX
from services.backend.reconciliation.model import Finding, Kind

END_TYPES: Final = (
    "outgoing_payment.completed",
    "outgoing_payment.failed",
    "incoming_payment.completed",
    "incoming_payment.expired",
)
_TOLD: Final = frozenset({Outgoing.COMPLETED, Outgoing.FAILED})
_UNENDED: Final = frozenset({Outgoing.FUNDING, Outgoing.SENDING})


class OutgoingMoves(Protocol):
    """What knows which transfers of an outgoing payment's account count as sent."""

    def moved(self, payment_id: UUID) -> AsyncIterator[tuple[TransferRecord, int]]:
        """Each with what it adds, the oldest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a comparison of payments came to."""

    findings: Sequence[Finding]
    unended: frozenset[UUID]
    """Outgoing payments that a worker still has to do with: compared when it has not."""


class Payments:
    """Compares payments by id; ids of other things are left alone."""

    def __init__(
        self, *, database: Database, ledger: LedgerReader, outgoing: OutgoingMoves
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._outgoing = outgoing

    async def compare(self, ids: Collection[UUID]) -> Compared:
        """Rows are read before the ledger, which may only be ahead of them for a moment."""
        if not ids:
            return Compared(findings=(), unended=frozenset())
        outgoing = await outgoing_payments.by_ids(self._database, list(ids))
        incoming = await incoming_payments.by_ids(self._database, list(ids))
        unended = frozenset(each.id for each in outgoing if _is_unended(each))
        ended = [each for each in outgoing if each.id not in unended]
        received = [each for each in incoming if each.state is not Incoming.PENDING]
        findings = [
            *[await self._sent(each) for each in ended],
            *await self._received(received),
            *await self._told(
                [
                    *(each.id for each in ended if each.state in _TOLD),
                    *(each.id for each in received if _is_told(each)),
                ]
            ),
        ]
        found = [each for each in findings if each is not None]
        return Compared(findings=found, unended=unended)

    async def _sent(self, payment: OutgoingPayment) -> Finding | None:
        sent, beyond, last = 0, None, None
        async for record, amount in self._outgoing.moved(payment.id):
            sent, last = sent + amount, record
            if beyond is None and sent > payment.sent_amount:
                beyond = record
        if sent == payment.sent_amount:
            return None
        return _finding(
            Kind.SENT, payment.id, expected=sent, found=payment.sent_amount, first=beyond or last
        )

    async def _received(self, payments: Sequence[IncomingPayment]) -> Sequence[Finding]:
        if not payments:
            return ()
        accounts = await self._ledger.lookup_accounts([each.id.int for each in payments])
        findings = []
        for payment in payments:
            account = accounts.get(payment.id.int)
            expected = 0 if account is None else account.credits_posted
            found = payment.received_amount or 0
            if expected != found:
                first = await self._first_beyond(payment.id.int, found)
                findings.append(
                    _finding(Kind.RECEIVED, payment.id, expected=expected, found=found, first=first)
                )
        return findings

    async def _first_beyond(self, account_id: int, found: int) -> TransferRecord | None:
        """The first credit that goes past what is written; else the last one."""
        received, last, cursor = 0, None, None
        while True:
            page = await self._ledger.history(account_id, cursor=cursor, limit=PAGE_MAX)
            for record in page.transfers:
                if record.credit_account_id == account_id and record.kind in MOVING:
                    received, last = received + record.amount, record
                    if received > found:
                        return record
            if page.cursor is None:
                return last
            cursor = page.cursor

    async def _told(self, ids: Sequence[UUID]) -> Sequence[Finding]:
        if not ids:
            return ()
        async with self._database.read() as session:
            told = await repository.told(session, ids, END_TYPES)
        return [
            _finding(Kind.EVENT, payment_id, expected=1, found=0, first=None)
            for payment_id in ids
            if payment_id not in told
        ]


def _is_unended(payment: OutgoingPayment) -> bool:
    return payment.state in _UNENDED or payment.due_at is not None


def _is_told(payment: IncomingPayment) -> bool:
    """One that expired with nothing received is not told of."""
    return payment.state is Incoming.COMPLETED or bool(payment.received_amount)


def _finding(
    kind: Kind, payment_id: UUID, *, expected: int, found: int, first: TransferRecord | None
) -> Finding:
    return Finding(
        kind=kind,
        subject_id=payment_id,
        expected=expected,
        found=found,
        transfer_id=None if first is None else UUID(int=first.id),
        transfer_timestamp=None if first is None else first.timestamp,
    )
