"""What is measured of outgoing payments. Names as in the TypeScript Rafiki where it has them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from prometheus_client import Histogram
from prometheus_client.registry import Collector
from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.metrics import Reading, StoreReading, Tally

from services.backend.assets.model import Asset
from services.backend.outgoing_payments import claims
from services.backend.outgoing_payments.model import OutgoingPayment, State

_MS_BUCKETS: Final = (25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000)


class PaymentMeasures:
    """Of one process; the backlog is that of all."""

    def __init__(self, *, database: Database, clock: Clock, sending: Callable[[], float]) -> None:
        self._ended = Tally(
            "transactions", "outgoing payments that ended", ("state", "asset", "scale")
        )
        self._sent = Tally(
            "rafiki_sent_amount",
            "what ended payments sent, in units of the asset's scale",
            ("asset", "scale"),
        )
        self._fees = Tally(
            "transaction_fee_amounts",
            "fees of completed payments, in units of the asset's scale",
            ("asset", "scale"),
        )
        self._time = Histogram(
            "pay_time_ms",
            "milliseconds from an outgoing payment's creation to its end",
            ("state",),
            registry=None,
            buckets=_MS_BUCKETS,
        )
        self._clock = clock
        self._sending = Reading(
            "rafiki_payments_sending", "outgoing payments that this process sends now", sending
        )
        self._backlog = StoreReading(
            (
                ("rafiki_payments_due", "outgoing payments that wait for a worker"),
                ("rafiki_payments_lag_seconds", "since the first of them was due"),
            ),
            partial(claims.backlog, database, clock),
        )

    @property
    def collectors(self) -> Sequence[Collector]:
        """For `/metrics`."""
        counted = (self._ended, self._sent, self._fees, self._time)
        return (*counted, self._sending, self._backlog)

    def attempted(self, payment: OutgoingPayment, asset: Asset) -> None:
        """Count a payment whose attempt was written down, if it ended."""
        if payment.state is State.SENDING:
            return
        unit = (asset.code, str(asset.scale))
        self._ended.add((payment.state.value, *unit))
        self._sent.add(unit, payment.sent_amount)
        if payment.state is State.COMPLETED:
            self._fees.add(unit, payment.quote.fee_amount)
        self._time.labels(payment.state.value).observe(_ms(self._clock.now(), payment.created_at))


def _ms(later: datetime, earlier: datetime) -> float:
    return (later - earlier).total_seconds() * 1000
