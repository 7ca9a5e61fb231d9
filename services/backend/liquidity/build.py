"""Deposits and withdrawals, put together."""

from dataclasses import dataclass

from servicekit.clock import Clock
from servicekit.database import Database

from services.backend.incoming_payments.endings import Endings
from services.backend.liquidity.commands.deposit import Deposit
from services.backend.liquidity.commands.end_withdrawal import EndWithdrawal
from services.backend.liquidity.commands.withdraw import Withdraw
from services.backend.liquidity.commands.withdraw_from_payment import WithdrawFromPayment
from services.backend.liquidity.history import AccountHistory
from services.backend.liquidity.moving import MoneyLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidity:
    """Everything that can be done with the money of accounts."""

    deposit: Deposit
    withdraw: Withdraw
    withdraw_from_payment: WithdrawFromPayment
    end_withdrawal: EndWithdrawal
    history: AccountHistory


def build(
    *,
    database: Database,
    ledger: MoneyLedger,
    incoming_payments: Endings,
    clock: Clock,
) -> Liquidity:
    """Wire them."""
    return Liquidity(
        deposit=Deposit(database=database, ledger=ledger, clock=clock),
        withdraw=Withdraw(database=database, ledger=ledger, clock=clock),
        withdraw_from_payment=WithdrawFromPayment(
            database=database,
            ledger=ledger,
            incoming_payments=incoming_payments,
            clock=clock,
        ),
        end_withdrawal=EndWithdrawal(database=database, ledger=ledger, clock=clock),
        history=AccountHistory(database=database, ledger=ledger, clock=clock),
    )
