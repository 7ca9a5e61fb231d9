"""What the comparison of the books adds to a process."""

from servicekit.metrics import StoreReading
from servicekit.parts import Part

from services.backend.ledger.interface import LedgerMemory
from services.backend.reconciliation.build import Reconciliation
from services.backend.reconciliation.servicer import ReconciliationServicer


def part(reconciliation: Reconciliation, *, ledger: LedgerMemory, compares: bool) -> Part:
    """Its RPC and what it measures; its worker too in a process that compares."""
    worker = reconciliation.worker
    if compares:
        ledger.on_touched(worker.touched)
    counts = StoreReading(
        (
            ("rafiki_book_differences_open", "records of one thing that do not agree"),
            ("rafiki_webhooks_overdue", "webhooks neither delivered nor given up in time"),
        ),
        reconciliation.queries.counts,
    )
    return Part(
        servicers=[ReconciliationServicer(queries=reconciliation.queries)],
        workers={"reconciliation": worker.run} if compares else {},
        measures=[counts],
    )
