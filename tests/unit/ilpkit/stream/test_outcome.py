import pytest
from ilpkit.ilp.error_codes import ERROR_NAMES
from ilpkit.stream.outcome import (
    RETRYABLE,
    EndReason,
    PaymentOutcome,
    PaymentTotals,
    ReplyClass,
    classify,
)


@pytest.mark.parametrize("code", sorted(ERROR_NAMES))
def test_each_code_of_the_rfc_has_the_class_that_the_table_names(code: str) -> None:
    expected = {
        "T04": ReplyClass.ILLIQUID,
        "F08": ReplyClass.TOO_LARGE,
        "R00": ReplyClass.CONGESTED,
        "F99": ReplyClass.REFUSED,
        "F04": ReplyClass.REFUSED,
        "F05": ReplyClass.REFUSED,
        "R01": ReplyClass.REFUSED,
    }.get(code, ReplyClass.CONGESTED if code[0] == "T" else ReplyClass.FINAL)
    assert classify(code) is expected


def test_a_code_of_an_unknown_letter_is_final() -> None:
    assert classify("X01") is ReplyClass.FINAL
    assert classify("") is ReplyClass.FINAL


@pytest.mark.parametrize("reason", list(EndReason))
def test_an_outcome_says_whether_a_new_attempt_may_succeed(reason: EndReason) -> None:
    outcome = PaymentOutcome(reason=reason, totals=PaymentTotals())
    assert outcome.completed == (reason is EndReason.COMPLETED)
    assert outcome.retryable == (reason in RETRYABLE)
    never = {EndReason.COMPLETED, EndReason.RECEIVER_VIOLATION, EndReason.INVALID_FULFILLMENT}
    assert not never & RETRYABLE
