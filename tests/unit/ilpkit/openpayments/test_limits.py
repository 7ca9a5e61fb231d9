"""Spending limits: which payments a grant covers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ilpkit.money import U64_MAX, Amount, Asset
from ilpkit.openpayments.access import Limits
from ilpkit.openpayments.amounts import WireAmount
from ilpkit.openpayments.errors import (
    AssetNotGranted,
    LimitExceeded,
    OutsideInterval,
    ReceiverNotGranted,
    SpendingRefused,
)
from ilpkit.openpayments.limits import (
    ProposedPayment,
    SpentTotals,
    check_spending,
    current_window,
)
from ilpkit.openpayments.wire import parse_timestamp

_USD = Asset(code="USD", scale=2)
_EUR = Asset(code="EUR", scale=2)
_RECEIVER = "https://b.example/incoming-payments/1"
_NOW = parse_timestamp("2026-03-15T00:00:00Z")
assert _NOW is not None


def _payment(debit: int, receive: int = 0, *, receiver: str = _RECEIVER) -> ProposedPayment:
    return ProposedPayment(
        receiver=receiver,
        debit_amount=Amount(debit, _USD),
        receive_amount=Amount(receive, _EUR),
    )


def _debit(limit: int, asset: Asset = _USD) -> Limits:
    return Limits(debit_amount=WireAmount.of(Amount(limit, asset)))


def test_without_limits_everything_is_covered() -> None:
    check_spending(Limits(), payment=_payment(U64_MAX), spent=SpentTotals(debit=U64_MAX))


def test_the_receiver_must_be_the_granted_one_to_the_letter() -> None:
    limits = Limits(receiver=_RECEIVER)
    check_spending(limits, payment=_payment(1), spent=SpentTotals())
    with pytest.raises(ReceiverNotGranted):
        check_spending(limits, payment=_payment(1, receiver=f"{_RECEIVER}/"), spent=SpentTotals())


def test_the_limit_may_be_reached_and_not_passed() -> None:
    check_spending(_debit(100), payment=_payment(40), spent=SpentTotals(debit=60))
    with pytest.raises(LimitExceeded, match="41 exceeds the 40 left of 100 USD"):
        check_spending(_debit(100), payment=_payment(41), spent=SpentTotals(debit=60))
    with pytest.raises(LimitExceeded, match="exceeds the 0 left"):
        check_spending(_debit(100), payment=_payment(1), spent=SpentTotals(debit=130))


def test_a_receive_limit_counts_what_is_received() -> None:
    limits = Limits(receive_amount=WireAmount.of(Amount(50, _EUR)))
    check_spending(limits, payment=_payment(9999, 50), spent=SpentTotals(debit=9999))
    with pytest.raises(LimitExceeded, match="receiveAmount of 51"):
        check_spending(limits, payment=_payment(1, 51), spent=SpentTotals())


@pytest.mark.parametrize("asset", [_EUR, Asset(code="USD", scale=9)])
def test_the_payment_must_be_in_the_limits_asset(asset: Asset) -> None:
    with pytest.raises(AssetNotGranted):
        check_spending(_debit(100, asset), payment=_payment(1), spent=SpentTotals())


def test_the_window_of_a_limit() -> None:
    assert _NOW is not None
    assert current_window(Limits(), _NOW) is None
    window = current_window(Limits(interval="R/2026-01-01T00:00:00Z/P1M"), _NOW)
    assert window is not None
    assert (window.start.month, window.end.month) == (3, 4)
    with pytest.raises(OutsideInterval):
        current_window(Limits(interval="R0/2026-01-01T00:00:00Z/P1M"), _NOW)


_U64 = st.integers(0, U64_MAX)


@given(st.integers(1, U64_MAX), st.lists(_U64, max_size=8))
def test_accepted_payments_never_total_more_than_the_limit(limit: int, debits: list[int]) -> None:
    spent = 0
    for debit in debits:
        try:
            check_spending(_debit(limit), payment=_payment(debit), spent=SpentTotals(debit=spent))
        except SpendingRefused:
            assert spent + debit > limit
        else:
            spent += debit
    assert spent <= limit
