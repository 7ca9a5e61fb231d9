"""Deposits and withdrawals, put together."""

from dataclasses import dataclass

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.ids import IdSource

from services.backend.incoming_payments.endings import Endings
from services.backend.liquidity.history import AccountHistory
from services.backend.liquidity.service import LiquidityService, MoneyLedger
from services.backend.outgoing_payments.service import OutgoingPaymentService


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidity:
    """Everything that can be done with the money of accounts."""

    service: LiquidityService
    history: AccountHistory


def build(
    *,
    database: Database,
    ledger: MoneyLedger,
    incoming_payments: Endings,
    outgoing_payments: OutgoingPaymentService,
    clock: Clock,
    ids: IdSource,
) -> Liquidity:
    """Wire them."""
    return Liquidity(
        service=LiquidityService(
            database=database,
            ledger=ledger,
            incoming_payments=incoming_payments,
            outgoing_payments=outgoing_payments,
            clock=clock,
            ids=ids,
        ),
        history=AccountHistory(database=database, ledger=ledger, clock=clock),
    )
