"""What can be asked about the comparison of the books."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from servicekit.clock import Clock
from servicekit.database import Database

from services.backend.directory.worker import Directory
from services.backend.ledger.rules.chart import settlement_account_id
from services.backend.reconciliation import repository
from services.backend.reconciliation.model import Difference, LedgerTotals

SHOWN_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """How the comparison stands."""

    open_differences: int
    differences: Sequence[Difference]
    """The oldest that are open, at most SHOWN_MAX."""
    overdue_webhooks: int
    """Deliveries that should have been made or given up by now."""
    ledgers: Sequence[LedgerTotals]


class ReconciliationQueries:
    """Reads what the comparisons of all processes wrote."""

    def __init__(self, *, database: Database, directory: Directory, clock: Clock) -> None:
        self._database = database
        self._directory = directory
        self._clock = clock

    async def counts(self) -> tuple[float, float]:
        """Differences that are open, and webhooks past their last attempt."""
        async with self._database.read() as session:
            differences, webhooks = await repository.counts(session, self._clock.now())
        return float(differences), float(webhooks)

    async def state(self) -> Reconciliation:
        """All of it."""
        assets = {
            UUID(int=settlement_account_id(asset.ledger)): asset
            for asset in self._directory.snapshot.assets.values()
        }
        async with self._database.read() as session:
            differences, webhooks = await repository.counts(session, self._clock.now())
            shown = await repository.open_differences(session, limit=SHOWN_MAX)
            agreed = await repository.agreed(session, list(assets))
        ledgers = [
            LedgerTotals(
                ledger=assets[account_id].ledger,
                asset_id=assets[account_id].id,
                deposited=each.debits,
                withdrawn=each.credits,
                compared_until=each.timestamp,
            )
            for account_id, each in agreed.items()
        ]
        return Reconciliation(
            open_differences=differences,
            differences=shown,
            overdue_webhooks=webhooks,
            ledgers=sorted(ledgers, key=lambda each: each.ledger),
        )
