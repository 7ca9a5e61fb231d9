"""May this payment be made under the grant's limits? A decision without IO, in constant time.

The caller reads the totals of the current window (`current_window`) under a lock, asks
`check_spending`, and records the payment if it returns. Totals include this grant's payments in
flight. Amount limits hold for each window of the interval, or for the grant's life without one.
"""

from dataclasses import dataclass
from datetime import datetime

from ilpkit.money import Amount, Asset
from ilpkit.openpayments.access import Limits
from ilpkit.openpayments.errors import (
    AssetNotGranted,
    LimitExceeded,
    OutsideInterval,
    ReceiverNotGranted,
)
from ilpkit.openpayments.intervals import Window, parse_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedPayment:
    """What would be spent: both amounts in the smallest unit of their asset."""

    receiver: str
    debit_amount: Amount
    receive_amount: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class SpentTotals:
    """What the grant has spent in the current window, as counts of the payment's own assets."""

    debit: int = 0
    receive: int = 0


def current_window(limits: Limits, now: datetime) -> Window | None:
    """The window whose totals count now; None if the limits hold for the grant's whole life.

    Raises OutsideInterval if there is an interval and `now` (aware) is in none of its windows.
    """
    if limits.interval is None:
        return None
    window = parse_interval(limits.interval).window_at(now)
    if window is None:
        raise OutsideInterval(f"no window of {limits.interval} contains {now.isoformat()}")
    return window


def check_spending(limits: Limits, *, payment: ProposedPayment, spent: SpentTotals) -> None:
    """Return if the payment fits, else raise the SpendingRefused that says why.

    The receiver must be the granted one, letter for letter; the amount must be in the limit's asset
    and no more than what is left of it.
    """
    if limits.receiver is not None and limits.receiver != payment.receiver:
        raise ReceiverNotGranted(f"the grant is for {limits.receiver}, not {payment.receiver}")
    if limits.debit_amount is not None:
        _check_amount(
            "debitAmount", limits.debit_amount.to_amount(), payment.debit_amount, spent.debit
        )
    if limits.receive_amount is not None:
        _check_amount(
            "receiveAmount",
            limits.receive_amount.to_amount(),
            payment.receive_amount,
            spent.receive,
        )


def _check_amount(name: str, limit: Amount, payment: Amount, spent: int) -> None:
    if payment.asset != limit.asset:
        limited, paid = _shown(limit.asset), _shown(payment.asset)
        raise AssetNotGranted(f"{name} is limited in {limited}, the payment is in {paid}")
    if payment.value > limit.value - spent:
        left = f"{max(0, limit.value - spent)} left of {limit.value} {limit.asset.code}"
        raise LimitExceeded(f"{name} of {payment.value} exceeds the {left}")


def _shown(asset: Asset) -> str:
    return f"{asset.code} at scale {asset.scale}"
