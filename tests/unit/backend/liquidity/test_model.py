"""What became of a transfer, and the ids of callers in the ledger."""

from uuid import UUID

import pytest

from services.backend.ledger.ids import derive_id, is_derived
from services.backend.ledger.model import NANOSECONDS_PER_SECOND, TransferKind, TransferRecord
from services.backend.liquidity.model import TransferState, state_of, transfer_id_of

BEGUN_NS = 1_000 * NANOSECONDS_PER_SECOND
TIMEOUT_S = 60
SINGLE, PENDING, POST, VOID = TransferKind


def record(kind: TransferKind, *, amount: int = 10, timeout_s: int = 0) -> TransferRecord:
    pending_id = 7 if kind in (POST, VOID) else 0
    return TransferRecord(8, 1, 2, amount, 3, 1, kind, pending_id, timeout_s, 0, 0, 0, BEGUN_NS)


@pytest.mark.parametrize(
    ("begun", "end", "after_s", "state"),
    [
        (record(SINGLE), None, 0, TransferState.POSTED),
        (record(PENDING), None, 10**6, TransferState.PENDING),
        (record(PENDING, timeout_s=TIMEOUT_S), None, TIMEOUT_S - 1, TransferState.PENDING),
        (record(PENDING, timeout_s=TIMEOUT_S), None, TIMEOUT_S, TransferState.VOIDED),
        (record(PENDING, timeout_s=TIMEOUT_S), record(POST), TIMEOUT_S, TransferState.POSTED),
        (record(PENDING), record(POST, amount=4), 0, TransferState.POSTED),
        (record(PENDING), record(POST, amount=0), 0, TransferState.VOIDED),
        (record(PENDING), record(VOID), 0, TransferState.VOIDED),
    ],
)
def test_a_reservation_is_what_its_end_or_its_time_says(
    begun: TransferRecord, end: TransferRecord | None, after_s: int, state: TransferState
) -> None:
    now_ns = BEGUN_NS + after_s * NANOSECONDS_PER_SECOND
    assert state_of(begun, end, now_ns=now_ns) is state


def test_an_id_is_another_one_for_each_tenant_and_never_one_that_a_caller_can_name() -> None:
    tenants, chosen = [UUID(int=1), UUID(int=2)], [UUID(int=3), UUID(int=derive_id("post", 1))]
    ids = {transfer_id_of(tenant, each) for tenant in tenants for each in chosen}
    assert len(ids) == len(tenants) * len(chosen)
    assert all(is_derived(each.int) for each in ids)
    assert ids.isdisjoint(chosen)
