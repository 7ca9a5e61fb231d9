"""Compares the books after transfers of this process, a moment later and all of them together.

The ledger names the accounts that were touched. Of them, those that all money passes through
(assets, settlements, peers) are walked from where they agreed last, which is remembered: so a
process that starts also finds what a dead one moved. What they met, and what events tell the end
of, are payments to compare. Without transfers there is nothing to do.
"""

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from servicekit.clock import Clock
from servicekit.commands import Commands
from servicekit.database import Database
from servicekit.errors import ServiceError

from services.backend.directory.model import Snapshot
from services.backend.directory.worker import Directory
from services.backend.ledger.interface import LedgerReader
from services.backend.ledger.model import LOOKUP_IDS_MAX
from services.backend.ledger.rules.chart import settlement_account_id
from services.backend.reconciliation import repository
from services.backend.reconciliation.accounts import walk
from services.backend.reconciliation.commands.note_comparison import Comparison, NoteComparison
from services.backend.reconciliation.model import Agreed, Finding, Kind
from services.backend.reconciliation.payments import END_TYPES, Payments

SETTLE_S: Final = 2.0
"""From a touch to the look, and between looks: what is on its way then is written by then."""
AGAIN_S: Final = 5.0
"""Between looks while payments are unended or differences open, and nothing else happens."""
TOUCHED_MAX: Final = 100_000
"""Beyond that all accounts that money passes through are walked instead."""
EVENTS_MAX: Final = 1_000
PAYMENTS_MAX: Final = 1_000
OPEN_MAX: Final = 1_000
_log = structlog.get_logger(__name__)


class ReconciliationWorker:
    """One a process."""

    def __init__(
        self,
        *,
        commands: Commands,
        note: NoteComparison,
        payments: Payments,
        database: Database,
        ledger: LedgerReader,
        directory: Directory,
        clock: Clock,
    ) -> None:
        self._commands = commands
        self._note = note
        self._payments = payments
        self._database = database
        self._ledger = ledger
        self._directory = directory
        self._clock = clock
        self._seen: Snapshot | None = None
        self._passages: frozenset[int] = frozenset()
        self._touched: set[int] = set()
        self._unended: frozenset[UUID] = frozenset()
        self._suspected: frozenset[tuple[Kind, UUID]] = frozenset()
        self._watches = False
        """Whether anything must be looked at again though nothing was touched."""
        self._wake = asyncio.Event()

    def touched(self, account_ids: Collection[int]) -> None:
        """Transfers were applied that touch these accounts."""
        self._touched.update(account_ids)
        if len(self._touched) > TOUCHED_MAX:
            self._touched = set(self._now_passages())
        self._wake.set()

    async def run(self) -> None:
        """Look until cancelled; at first at all that money passes through."""
        self.touched(self._now_passages())
        while True:
            if not self._watches:
                await self._wake.wait()
            await self._clock.sleep(SETTLE_S if self._wake.is_set() else AGAIN_S)
            self._wake.clear()
            touched, self._touched = self._touched, set()
            try:
                if await self._look(touched):
                    self._wake.set()
            except ServiceError as error:
                _log.warning("books_not_compared", error=str(error))
                self.touched(touched)

    async def _look(self, touched: Collection[int]) -> bool:
        """Returns whether anything was new: then another look follows."""
        until = self._clock.now() - timedelta(seconds=SETTLE_S)
        async with self._database.read() as session:
            opened = await repository.open_differences(session, limit=OPEN_MAX)
            ends = await repository.ends_told(
                session, until=until, types=END_TYPES, limit=EVENTS_MAX
            )
        doubtful = {each.finding.key for each in opened} | self._suspected
        accounts = {subject.int for kind, subject in doubtful if kind is Kind.ACCOUNT}
        accounts |= self._now_passages().intersection(touched)
        agreed, findings, met = await self._walk(sorted(accounts))
        ids = met | {UUID(int=each) for each in touched} | {payment_id for _, payment_id in ends}
        ids |= self._unended | {subject for _, subject in doubtful}
        findings += await self._compare(sorted(ids))
        found = {each.key: each for each in findings}
        known = {each.finding.key: each.finding for each in opened}
        # Reported when it is still there at the second look: rows may follow the ledger a little
        # later.
        comparison = Comparison(
            agreed=agreed,
            seen_event=ends[-1][0] if ends else None,
            differing=[
                each
                for key, each in found.items()
                if key in self._suspected and known.get(key) != each
            ],
            resolved=[each for each in opened if each.finding.key not in found],
        )
        if agreed or ends or comparison.differing or comparison.resolved:
            await self._commands.run(self._note, comparison)
        new = bool(touched or ends or found.keys() - known.keys())
        self._suspected = frozenset(found)
        self._watches = bool(self._unended or found)
        return new

    async def _walk(
        self, account_ids: Sequence[int]
    ) -> tuple[list[Agreed], list[Finding], set[UUID]]:
        """Walk accounts: where they agree now, where they do not, and whom they met."""
        agreed: list[Agreed] = []
        findings: list[Finding] = []
        met: set[UUID] = set()
        for start in range(0, len(account_ids), LOOKUP_IDS_MAX):
            ids = account_ids[start : start + LOOKUP_IDS_MAX]
            # What agreed first, then the totals: a walk goes forward from the one to the other.
            async with self._database.read() as session:
                before = await repository.agreed(session, [UUID(int=each) for each in ids])
            for account in (await self._ledger.lookup_accounts(ids)).values():
                account_id = UUID(int=account.id)
                since = before.get(account_id) or Agreed(
                    account_id=account_id, timestamp=0, debits=0, credits=0
                )
                walked = await walk(self._ledger, account, since)
                met |= walked.met
                if walked.finding is not None:
                    findings.append(walked.finding)
                elif walked.agreed != since:
                    agreed.append(walked.agreed)
        return agreed, findings, met

    async def _compare(self, ids: Sequence[UUID]) -> list[Finding]:
        findings: list[Finding] = []
        unended: set[UUID] = set()
        for start in range(0, len(ids), PAYMENTS_MAX):
            compared = await self._payments.compare(ids[start : start + PAYMENTS_MAX])
            findings += compared.findings
            unended |= compared.unended
        self._unended = frozenset(unended)
        return findings

    def _now_passages(self) -> frozenset[int]:
        """The accounts that money passes through; made anew when the directory has changed."""
        snapshot = self._directory.snapshot
        if snapshot is not self._seen:
            assets = snapshot.assets.values()
            self._passages = frozenset(
                (
                    *(each.id.int for each in assets),
                    *(settlement_account_id(each.ledger) for each in assets),
                    *(peer_id.int for peer_id in snapshot.peers),
                )
            )
            self._seen = snapshot
        return self._passages
