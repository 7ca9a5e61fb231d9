"""What is left of a payment, and what an attempt's end makes of it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.money import Amount, Asset, Ratio
from ilpkit.stream.outcome import EndReason

from services.backend.outgoing_payments.attempt import (
    FAILURES,
    Completed,
    Failed,
    Pause,
    Remaining,
    TryAgain,
    due_at,
    remaining,
    settle,
)
from services.backend.outgoing_payments.books import Standing
from services.backend.outgoing_payments.model import OutgoingPayment, State
from services.backend.quotes.model import Method, Quote

NOW = datetime(2030, 1, 1, tzinfo=UTC)
ID = UUID(int=7)
NINETY_NINE_PERCENT = Ratio(99, 100)


def new_payment(
    *, min_rate: Ratio = NINETY_NINE_PERCENT, received_before: int = 0, **fields: Any
) -> OutgoingPayment:
    """A payment of 500 that may cost 506."""
    quote = Quote(
        id=ID,
        tenant_id=ID,
        wallet_address_id=ID,
        client=None,
        receiver="https://bank.test/incoming-payments/1",
        method=Method.ILP,
        debit_amount=510,
        receive_amount=Amount(500, Asset("USD", 2)),
        source_amount=506,
        fee_amount=4,
        fee_id=None,
        min_rate=min_rate,
        max_packet_amount=None,
        received_before=received_before,
        expires_at=NOW,
        created_at=NOW,
    )
    values: dict[str, Any] = {
        "grant_id": None,
        "grant_interval_start": None,
        "state": State.SENDING,
        "error": None,
        "metadata": None,
        "data_to_transmit": None,
        "sent_amount": 0,
        "delivered_amount": 0,
        "attempts": 0,
        "claims": 1,
        "due_at": None,
        "lease_until": None,
        **fields,
    }
    return OutgoingPayment(
        id=ID,
        tenant_id=ID,
        wallet_address_id=ID,
        client=None,
        created_at=NOW,
        updated_at=NOW,
        quote=quote,
        **values,
    )


def standing(*, sent: int = 0, pending: int = 0, unknown: int = 0) -> Standing:
    return Standing(sent=sent, pending=pending, unknown=unknown, balance=506 - sent - pending)


def test_at_first_everything_is_left() -> None:
    left = remaining(new_payment(), standing(), received=0)
    assert left == Remaining(deliver=500, source_max=506, delivered=0, sent=0)


def test_what_was_recorded_is_taken_off() -> None:
    payment = new_payment(sent_amount=200, delivered_amount=199)
    assert remaining(payment, standing(sent=200)) == Remaining(
        deliver=301, source_max=306, delivered=199, sent=200
    )


def test_a_lost_record_counts_as_the_least_that_its_packets_had_to_bring() -> None:
    left = remaining(new_payment(), standing(sent=200))
    assert left == Remaining(deliver=302, source_max=306, delivered=198, sent=200)


def test_a_lost_record_counts_as_what_the_receiver_got_since_the_quote() -> None:
    payment = new_payment(received_before=40)
    left = remaining(payment, standing(sent=200), received=240)
    assert left == Remaining(deliver=300, source_max=306, delivered=200, sent=200)


def test_a_payment_that_arrived_before_its_process_died_has_nothing_left() -> None:
    assert remaining(new_payment(), standing(sent=500), received=500).deliver == 0


def test_what_others_paid_to_the_receiver_is_not_ours() -> None:
    # At most a tenth better than the least rate: 100 x 0.99 x 1.1.
    left = remaining(new_payment(), standing(sent=100), received=400)
    assert left.delivered == 109


def test_what_packets_of_a_dead_process_hold_is_not_sent_again_and_may_have_arrived() -> None:
    left = remaining(new_payment(), standing(sent=200, pending=100), received=300)
    assert left == Remaining(deliver=200, source_max=206, delivered=300, sent=200)
    left = remaining(new_payment(), standing(sent=200, pending=100), received=200)
    assert left == Remaining(deliver=300, source_max=206, delivered=200, sent=200)


def test_what_was_fulfilled_and_posted_after_the_record_counts_once() -> None:
    # Two packets of 100 were posted when the attempt was recorded, a third was only fulfilled.
    payment = new_payment(sent_amount=300, delivered_amount=300)
    before = remaining(payment, standing(sent=200, pending=100), received=400)
    after = remaining(payment, standing(sent=300), received=400)
    assert before == after == Remaining(deliver=200, source_max=206, delivered=300, sent=300)


def test_what_others_paid_does_not_matter_when_nothing_was_lost() -> None:
    payment = new_payment(sent_amount=100, delivered_amount=100)
    assert remaining(payment, standing(sent=100), received=400).delivered == 100


@pytest.mark.property
@given(
    sent=st.integers(0, 506),
    recorded=st.integers(0, 506),
    received=st.none() | st.integers(0, 2_000),
    before=st.integers(0, 1_000),
)
def test_it_never_goes_below_zero_nor_below_what_is_sure(
    sent: int, recorded: int, received: int | None, before: int
) -> None:
    recorded = min(recorded, sent)
    payment = new_payment(received_before=before, sent_amount=recorded, delivered_amount=recorded)
    left = remaining(payment, standing(sent=sent), received=received)
    assert left.deliver >= 0
    assert left.source_max == 506 - sent
    assert left.delivered >= recorded + NINETY_NINE_PERCENT.floor_mul(sent - recorded)


def test_what_left_with_unknown_packets_counts_as_sent_and_is_not_taken_for_delivered() -> None:
    lost = standing(sent=300, unknown=100)
    left = remaining(new_payment(), lost, received=200)
    assert left == Remaining(deliver=300, source_max=206, delivered=200, sent=200)
    left = remaining(new_payment(), lost, received=300)
    assert left == Remaining(deliver=200, source_max=206, delivered=300, sent=200)


def test_what_was_unknown_at_the_last_record_may_have_arrived_since() -> None:
    payment = new_payment(sent_amount=200, delivered_amount=200)
    left = remaining(payment, standing(sent=300, unknown=100), received=300)
    assert left == Remaining(deliver=200, source_max=206, delivered=300, sent=200)


def test_only_the_last_attempt_makes_the_payment_fail() -> None:
    again = TryAgain(error="no way", delivered=3)
    assert settle(again, least=1, pending=0, attempts=3, attempts_max=5) is again
    assert settle(again, least=1, pending=0, attempts=4, attempts_max=5) == Failed(
        error="no way", delivered=3
    )


def test_the_last_attempt_without_a_record_fails_with_what_is_sure() -> None:
    failed = settle(
        TryAgain(error="x", delivered=None), least=7, pending=0, attempts=4, attempts_max=5
    )
    assert failed.delivered == 7


@pytest.mark.parametrize(
    "result",
    [
        Completed(delivered=3, sent=4),
        Failed(error="x", delivered=3, sent=4),
        TryAgain(error="x", delivered=3, sent=4),
        TryAgain(error="x", delivered=None),
    ],
)
def test_nothing_ends_while_packets_hold_money(result: Any) -> None:
    waits = settle(result, least=3, pending=1, attempts=9, attempts_max=5)
    assert waits == TryAgain(
        error="PacketsPending",
        delivered=result.delivered,
        sent=result.sent,
        pause=Pause.PACKETS,
    )


@pytest.mark.parametrize("pause", [Pause.AT_ONCE, Pause.PACKETS])
def test_only_attempts_that_failed_count(pause: Pause) -> None:
    released = TryAgain(error="x", delivered=None, pause=pause)
    assert settle(released, least=0, pending=0, attempts=9, attempts_max=5) is released


def test_other_results_stay() -> None:
    done = Completed(delivered=500)
    assert settle(done, least=0, pending=0, attempts=9, attempts_max=5) is done


@pytest.mark.parametrize(
    ("pause", "attempts", "seconds"),
    [
        (Pause.RETRY, 1, 10),
        (Pause.RETRY, 2, 20),
        (Pause.RETRY, 6, 60),
        (Pause.RETRY, 7, 60),
        (Pause.AT_ONCE, 7, 0),
        (Pause.PACKETS, 7, 5),
    ],
)
def test_the_wait_of_failed_attempts_grows_to_a_minute(
    pause: Pause, attempts: int, seconds: int
) -> None:
    assert due_at(NOW, pause, attempts) == NOW + timedelta(seconds=seconds)


def test_every_end_of_the_sender_has_a_name() -> None:
    assert FAILURES.keys() == set(EndReason) - {EndReason.COMPLETED}
