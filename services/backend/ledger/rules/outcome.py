"""From the ledger's answers to the service's errors, for callers that only want success."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

from servicekit.errors import (
    AlreadyExists,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    ServiceError,
)

from services.backend.ledger.errors import TransferStatus
from services.backend.ledger.interface import LedgerReader, LedgerWriter
from services.backend.ledger.model import AMOUNT_MAX, NewAccount, Transfer
from services.backend.ledger.rules.accounting import Plan
from services.backend.ledger.rules.chart import balance

DEPOSIT_UNCHECKED_MAX: Final = 2**40
"""It takes sixteen million deposits of this size to fill an asset."""
_Status = TransferStatus
_REFUSALS: Mapping[TransferStatus, tuple[type[ServiceError], str, str]] = MappingProxyType(
    {
        _Status.INSUFFICIENT_BALANCE: (
            FailedPrecondition,
            "INSUFFICIENT_BALANCE",
            "the account has less than this takes",
        ),
        _Status.INSUFFICIENT_DEBIT_BALANCE: (
            FailedPrecondition,
            "INSUFFICIENT_BALANCE",
            "less was deposited than this takes",
        ),
        _Status.INSUFFICIENT_LIQUIDITY: (
            FailedPrecondition,
            "INSUFFICIENT_LIQUIDITY",
            "the asset's liquidity is less than this takes; deposit more",
        ),
        _Status.TRANSFER_EXISTS: (
            AlreadyExists,
            "TRANSFER_EXISTS",
            "a transfer with this id and other content exists; use a new id",
        ),
        _Status.ID_ALREADY_FAILED: (
            AlreadyExists,
            "TRANSFER_EXISTS",
            "a transfer with this id was refused before; use a new id",
        ),
        _Status.UNKNOWN_TRANSFER: (NotFound, "UNKNOWN_TRANSFER", "there is no such transfer"),
        _Status.ALREADY_POSTED: (
            FailedPrecondition,
            "TRANSFER_RESOLVED",
            "the transfer was posted before",
        ),
        _Status.ALREADY_VOIDED: (
            FailedPrecondition,
            "TRANSFER_RESOLVED",
            "the transfer was voided before",
        ),
        _Status.TRANSFER_EXPIRED: (
            FailedPrecondition,
            "TRANSFER_RESOLVED",
            "the transfer timed out before",
        ),
        _Status.UNKNOWN_SOURCE_ACCOUNT: (
            NotFound,
            "UNKNOWN_ACCOUNT",
            "the account that would be debited does not exist",
        ),
        _Status.UNKNOWN_DESTINATION_ACCOUNT: (
            NotFound,
            "UNKNOWN_ACCOUNT",
            "the account that would be credited does not exist",
        ),
        _Status.INVALID_AMOUNT: (
            InvalidArgument,
            "INVALID_AMOUNT",
            "an amount lies between 1 and 18446744073709551615",
        ),
        _Status.DEPOSIT_TOO_LARGE: (
            InvalidArgument,
            "DEPOSIT_TOO_LARGE",
            "the asset would hold more than an amount can say; deposit less, or withdraw first",
        ),
        _Status.INVALID_TIMEOUT: (InvalidArgument, "INVALID_FIELD", "the timeout is out of range"),
        _Status.INVALID_ID: (InvalidArgument, "INVALID_FIELD", "the id is no UUID"),
    }
)


async def apply_plan(
    ledger: LedgerWriter, plan: Plan, *, opening: Sequence[NewAccount] = ()
) -> None:
    """Apply a plan and return when it is in the ledger, now or from an earlier time.

    The accounts in `opening` are created before, as far as they aren't there. Raises the
    ServiceError that says why the plan is not in the ledger.
    """
    status = plan.explain(await ledger.submit(plan.chain, opening=opening))
    if not status.ok:
        raise refused(status)


def refused(status: TransferStatus) -> ServiceError:
    """The error that says why a transfer is not in the ledger."""
    refusal = _REFUSALS.get(status)
    if refusal is None:
        # The rest can only come from a chain that we built wrong.
        return Internal("INTERNAL", f"the ledger refused a transfer: {status}")
    error_type, reason, message = refusal
    return error_type(reason, message, metadata={"status": str(status)})


class DepositLedger(LedgerReader, LedgerWriter, Protocol):
    """What a deposit needs."""


async def bring_in(
    ledger: DepositLedger, plan: Plan, *, opening: Sequence[NewAccount] = ()
) -> None:
    """As `apply_plan`, for a deposit, which must leave all sums of its asset within an amount.

    All money in an asset came from its settlement account, so no account and no sum can be larger
    than what that one is owed. The memory and Postgres engines hold that by themselves. TigerBeetle
    can't: there large deposits look first, and of those at the same time several may pass, which
    is why whoever shows balances shows AMOUNT_MAX for what is above.
    """
    deposit = plan.chain[0]
    if deposit.amount > DEPOSIT_UNCHECKED_MAX:
        await _check_room(ledger, deposit)
    status = plan.explain(await ledger.submit(plan.chain, opening=opening))
    if status is TransferStatus.DEPOSIT_TOO_LARGE:
        await _check_room(ledger, deposit)  # tells how much there would be room for
    if not status.ok:
        raise refused(status)


async def _check_room(ledger: LedgerReader, deposit: Transfer) -> None:
    """Refuse a new deposit that is larger than what the asset has room for."""
    settlement_id = deposit.debit_account_id
    account = (await ledger.lookup_accounts([settlement_id])).get(settlement_id)
    here = 0 if account is None else balance(account)
    room = max(0, AMOUNT_MAX - here)
    if deposit.amount > room and not await ledger.lookup_transfers([deposit.id]):
        raise InvalidArgument(
            "DEPOSIT_TOO_LARGE",
            f"the node holds {here} in this asset, of at most {AMOUNT_MAX}; deposit no more "
            f"than {room}, or withdraw first",
            field="amount",
            metadata={"maximum": str(room)},
        )
