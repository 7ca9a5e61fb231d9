"""ReconciliationService over gRPC."""

from datetime import UTC, datetime
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from rafiki.admin.v1 import reconciliation_service_pb2 as pb
from rafiki.admin.v1.reconciliation_service_pb2_grpc import ReconciliationServiceServicer
from servicekit.messages import timestamp

from services.backend.callers.context import Context
from services.backend.ledger.model import NANOSECONDS_PER_SECOND
from services.backend.reconciliation.model import Difference, Kind, LedgerTotals
from services.backend.reconciliation.queries import ReconciliationQueries

_KINDS: Final = {
    Kind.ACCOUNT: pb.DIFFERENCE_KIND_ACCOUNT,
    Kind.SENT: pb.DIFFERENCE_KIND_SENT,
    Kind.RECEIVED: pb.DIFFERENCE_KIND_RECEIVED,
    Kind.EVENT: pb.DIFFERENCE_KIND_EVENT,
}


class ReconciliationServicer(ReconciliationServiceServicer):
    """Translates."""

    def __init__(self, *, queries: ReconciliationQueries) -> None:
        self._queries = queries

    async def GetReconciliation(
        self, request: pb.GetReconciliationRequest, context: Context
    ) -> pb.Reconciliation:
        del request, context
        state = await self._queries.state()
        return pb.Reconciliation(
            open_differences=state.open_differences,
            differences=[_difference(each) for each in state.differences],
            overdue_webhooks=state.overdue_webhooks,
            ledgers=[_totals(each) for each in state.ledgers],
        )


def _difference(difference: Difference) -> pb.Difference:
    finding = difference.finding
    moved_at = finding.transfer_timestamp
    return pb.Difference(
        id=str(difference.id),
        kind=_KINDS[finding.kind],
        subject_id=str(finding.subject_id),
        expected=str(finding.expected),
        found=str(finding.found),
        transfer_id=None if finding.transfer_id is None else str(finding.transfer_id),
        transferred_at=None if moved_at is None else _ledger_time(moved_at),
        found_at=timestamp(difference.found_at),
    )


def _totals(totals: LedgerTotals) -> pb.LedgerTotals:
    return pb.LedgerTotals(
        ledger=totals.ledger,
        asset_id=str(totals.asset_id),
        deposited=str(totals.deposited),
        withdrawn=str(totals.withdrawn),
        compared_until=_ledger_time(totals.compared_until),
    )


def _ledger_time(ns: int) -> Timestamp:
    seconds, rest = divmod(ns, NANOSECONDS_PER_SECOND)
    return timestamp(datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1_000))
