"""What is kept of open payments, and that a change meanwhile is never kept over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from services.backend.incoming_payments import kept
from services.backend.incoming_payments.kept import KeptPayments
from services.backend.incoming_payments.model import (
    IncomingPayment,
    InitiatedBy,
    PaymentView,
    State,
)

NOW = datetime(2026, 11, 28, tzinfo=UTC)
NOTHING = cast("Any", None)


def view(number: int, **changes: Any) -> PaymentView:
    payment = IncomingPayment(
        id=UUID(int=number),
        tenant_id=UUID(int=1),
        wallet_address_id=UUID(int=2),
        client=None,
        initiated_by=InitiatedBy.ADMIN,
        state=State.PENDING,
        incoming_amount=500,
        received_amount=None,
        metadata=None,
        expires_at=NOW + timedelta(hours=1),
        created_at=NOW,
        approved_at=None,
        cancelled_at=None,
        cancellation_reason=None,
    )
    return PaymentView(
        payment=replace(payment, **changes), wallet_address=NOTHING, asset=NOTHING, received=0
    )


def test_an_open_payment_is_kept_until_it_changes() -> None:
    payments, payment = KeptPayments(), view(1)
    payments.keep(payment, since=payments.moment)
    assert payments.find(UUID(int=1)) is payment
    payments.forget(UUID(int=1))
    assert payments.find(UUID(int=1)) is None
    payments.keep(payment, since=payments.moment)
    assert payments.find(UUID(int=1)) is payment


@pytest.mark.parametrize(
    "changes", [{"state": State.COMPLETED}, {"state": State.EXPIRED}, {"cancelled_at": NOW}]
)
def test_one_that_is_not_open_is_not_kept(changes: dict[str, Any]) -> None:
    payments = KeptPayments()
    payments.keep(view(1, **changes), since=payments.moment)
    assert payments.find(UUID(int=1)) is None


def test_what_was_read_before_a_change_is_not_kept_after_it() -> None:
    payments = KeptPayments()
    since = payments.moment
    payments.forget(UUID(int=1))
    payments.keep(view(1), since=since)
    payments.keep(view(2), since=since)
    assert payments.find(UUID(int=1)) is None
    assert payments.find(UUID(int=2)) is not None
    since = payments.moment
    payments.forget_all()
    payments.keep(view(3), since=since)
    assert payments.find(UUID(int=2)) is None
    assert payments.find(UUID(int=3)) is None


def test_whoever_ends_payments_gets_what_is_kept_once() -> None:
    payments, payment = KeptPayments(), view(1)
    payments.keep(payment, since=payments.moment)
    assert payments.take([UUID(int=1), UUID(int=2)]) == [payment]
    assert payments.take([UUID(int=1)]) == []


def test_it_is_bounded_and_forgets_no_change_for_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "KEPT_MAX", 2)
    payments = KeptPayments()
    before = payments.moment
    for number in (1, 2, 3):
        payments.keep(view(number), since=payments.moment)
    assert [payments.find(UUID(int=number)) is None for number in (1, 2, 3)] == [True, False, False]
    for number in (7, 8, 9):  # the change of 7 is remembered no more, but that there was one is
        payments.forget(UUID(int=number))
    payments.keep(view(7), since=before)
    assert payments.find(UUID(int=7)) is None
