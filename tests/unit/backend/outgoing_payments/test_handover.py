"""What a process leaves to itself: a payment to be funded, and one to be sent."""

from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import pytest

from services.backend.outgoing_payments import handover as module
from services.backend.outgoing_payments.claims import Claimed
from services.backend.outgoing_payments.handover import Handover
from services.backend.outgoing_payments.model import PaymentView
from tests.unit.backend.outgoing_payments.test_attempt import new_payment

TENANT = UUID(int=7)
UNTIL = datetime(2026, 11, 28, tzinfo=UTC)
NOTHING = cast("Any", None)


class Worker:
    def __init__(self, end: datetime | None = UNTIL) -> None:
        self.end = end
        self.taken: list[Claimed] = []

    def lease_end(self, tenant_id: UUID) -> datetime | None:
        return self.end if tenant_id == TENANT else None

    def take(self, taken: Claimed) -> None:
        self.taken.append(taken)


def created() -> PaymentView:
    return PaymentView(payment=new_payment(), wallet_address=NOTHING, asset=NOTHING, sent=0)


def claimed() -> Claimed:
    return Claimed(payment=new_payment(), asset=NOTHING, tenant_deleted=False, lease_ended_at=None)


def test_a_payment_is_given_once_to_whoever_funds_it() -> None:
    handover, view = Handover(), created()
    handover.created(view)
    assert handover.take_created(view.payment.id) is view
    assert handover.take_created(view.payment.id) is None


def test_only_so_many_payments_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_MAX", 0)
    handover = Handover()
    handover.created(created())
    assert handover.take_created(UUID(int=1)) is None
    assert handover.take_created(created().payment.id) is None


def test_the_worker_gets_what_is_funded_while_it_runs() -> None:
    handover, worker, taken = Handover(), Worker(), claimed()
    assert handover.lease_end(TENANT) is None
    with handover.sending(worker):
        assert handover.lease_end(TENANT) == UNTIL
        handover.send(taken)
    assert handover.lease_end(TENANT) is None
    handover.send(claimed())  # its lease runs out, and another worker takes it
    assert worker.taken == [taken]


def test_a_worker_without_room_gets_nothing() -> None:
    handover = Handover()
    with handover.sending(Worker(end=None)):
        assert handover.lease_end(TENANT) is None
