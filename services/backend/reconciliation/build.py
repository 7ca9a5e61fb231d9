"""The comparison of the books, put together."""

from dataclasses import dataclass

from servicekit.clock import Clock
from servicekit.commands import Commands
from servicekit.database import Database
from servicekit.ids import IdSource

from services.backend.directory.worker import Directory
from services.backend.outgoing_payments.books import OutgoingBooks, PaymentLedger
from services.backend.reconciliation.commands.note_comparison import NoteComparison
from services.backend.reconciliation.payments import Payments
from services.backend.reconciliation.queries import ReconciliationQueries
from services.backend.reconciliation.worker import ReconciliationWorker


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What compares, and what tells of it."""

    queries: ReconciliationQueries
    worker: ReconciliationWorker


def build(
    *,
    commands: Commands,
    database: Database,
    directory: Directory,
    ledger: PaymentLedger,
    clock: Clock,
    ids: IdSource,
) -> Reconciliation:
    """Wire it."""
    return Reconciliation(
        queries=ReconciliationQueries(database=database, directory=directory, clock=clock),
        worker=ReconciliationWorker(
            commands=commands,
            note=NoteComparison(clock=clock, ids=ids),
            payments=Payments(database=database, ledger=ledger, outgoing=OutgoingBooks(ledger)),
            database=database,
            ledger=ledger,
            directory=directory,
            clock=clock,
        ),
    )
