"""What events told to withdraw."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from services.backend.events.model import Event
from services.backend.events.withdrawable import withdrawable


def event(number: int, **data: Any) -> Event:
    return Event(
        id=UUID(int=number),
        tenant_id=UUID(int=0),
        type="payment.changed",
        data=data,
        resource_id=UUID(int=0),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        feed_position=None,
    )


def amounts(*events: Event) -> list[tuple[int, int]]:
    return [(each.event_id.int, each.amount) for each in withdrawable(events)]


def test_a_balance_is_what_its_event_told_and_zero_tells_of_no_money() -> None:
    balances = ["0", "6", "0", "4"]
    events = [event(number, balance=text) for number, text in enumerate(balances)]
    assert amounts(*events) == [(1, 6), (3, 4)]


def test_of_a_received_amount_only_what_earlier_events_did_not_tell_is_new() -> None:
    totals = ["0", "100", "100", "130"]
    events = [event(n, receivedAmount={"value": total}) for n, total in enumerate(totals)]
    assert amounts(*events) == [(1, 100), (3, 30)]


def test_an_event_without_amounts_tells_of_no_money() -> None:
    assert amounts(event(1), event(2, receivedAmount={"value": "5"}), event(3)) == [(2, 5)]
