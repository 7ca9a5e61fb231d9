"""Shape checks that need no ledger: every engine runs them first, so that all answer alike."""

from collections.abc import Sequence

from services.backend.ledger.errors import (
    AccountStatus,
    InvalidChainError,
    InvalidQueryError,
    TransferStatus,
)
from services.backend.ledger.model import (
    AMOUNT_MAX,
    CHAIN_TRANSFERS_MAX,
    CODE_MAX,
    FULL_AMOUNT,
    HISTORY_LIMIT_MAX,
    ID_MAX,
    LEDGER_MAX,
    LOOKUP_IDS_MAX,
    TIMEOUT_S_MAX,
    TIMESTAMP_MAX,
    USER_DATA_32_MAX,
    USER_DATA_64_MAX,
    USER_DATA_128_MAX,
    AccountFlags,
    ChainResult,
    NewAccount,
    Transfer,
    TransferKind,
)

_LIMITS = AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS | AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS
_FLAGS_ALL = _LIMITS | AccountFlags.HISTORY


def check_chain(chain: Sequence[Transfer]) -> ChainResult | None:
    """Return the refusal of the first malformed transfer, or None.

    Raises InvalidChainError when the chain itself makes no sense.
    """
    length = len(chain)
    if length == 1:
        status = check_transfer(chain[0])
        return None if status is None else ChainResult(status, 1)
    if not 1 <= length <= CHAIN_TRANSFERS_MAX:
        raise InvalidChainError(f"a chain has 1 to {CHAIN_TRANSFERS_MAX} transfers, not {length}")
    if len({transfer.id for transfer in chain}) != length:
        raise InvalidChainError("a chain names one transfer id twice")
    for index, transfer in enumerate(chain):
        status = check_transfer(transfer)
        if status is not None:
            return ChainResult(status, length, index)
    return None


def check_transfer(transfer: Transfer) -> TransferStatus | None:
    """Return why a transfer is malformed, or None."""
    if not 0 < transfer.id <= ID_MAX:
        return TransferStatus.INVALID_ID
    if not (
        0 <= transfer.user_data_128 <= USER_DATA_128_MAX
        and 0 <= transfer.user_data_64 <= USER_DATA_64_MAX
        and 0 <= transfer.user_data_32 <= USER_DATA_32_MAX
    ):
        return TransferStatus.INVALID_USER_DATA
    if transfer.kind is TransferKind.SINGLE or transfer.kind is TransferKind.PENDING:
        return _check_movement(transfer)
    return _check_resolution(transfer)


def _check_movement(transfer: Transfer) -> TransferStatus | None:  # noqa: PLR0911 one check a line
    debit_id, credit_id = transfer.debit_account_id, transfer.credit_account_id
    if not (0 < debit_id <= ID_MAX and 0 < credit_id <= ID_MAX) or transfer.pending_id:
        return TransferStatus.INVALID_ID
    if debit_id == credit_id:
        return TransferStatus.SAME_ACCOUNTS
    timeout_s_max = TIMEOUT_S_MAX if transfer.kind is TransferKind.PENDING else 0
    if not 0 <= transfer.timeout_s <= timeout_s_max:
        return TransferStatus.INVALID_TIMEOUT
    if not 0 < transfer.amount <= AMOUNT_MAX:
        return TransferStatus.INVALID_AMOUNT
    if not 0 < transfer.ledger <= LEDGER_MAX:
        return TransferStatus.INVALID_LEDGER
    if not 0 < transfer.code <= CODE_MAX:
        return TransferStatus.INVALID_CODE
    return None


def _check_resolution(transfer: Transfer) -> TransferStatus | None:  # noqa: PLR0911 as above
    if not 0 < transfer.pending_id <= ID_MAX or transfer.pending_id == transfer.id:
        return TransferStatus.INVALID_ID
    if transfer.debit_account_id or transfer.credit_account_id:
        return TransferStatus.INVALID_ID
    if transfer.ledger:
        return TransferStatus.INVALID_LEDGER
    if transfer.code:
        return TransferStatus.INVALID_CODE
    if transfer.timeout_s:
        return TransferStatus.INVALID_TIMEOUT
    if transfer.kind is TransferKind.VOID:
        return TransferStatus.INVALID_AMOUNT if transfer.amount else None
    if 0 <= transfer.amount <= AMOUNT_MAX or transfer.amount == FULL_AMOUNT:
        return None
    return TransferStatus.INVALID_AMOUNT


def check_account(account: NewAccount) -> AccountStatus | None:
    """Return why an account is malformed, or None."""
    if not 0 < account.id <= ID_MAX:
        return AccountStatus.INVALID_ID
    if not 0 < account.ledger <= LEDGER_MAX:
        return AccountStatus.INVALID_LEDGER
    if not 0 < account.code <= CODE_MAX:
        return AccountStatus.INVALID_CODE
    if account.flags & ~_FLAGS_ALL or account.flags & _LIMITS == _LIMITS:
        return AccountStatus.INVALID_FLAGS
    if not (
        0 <= account.user_data_128 <= USER_DATA_128_MAX
        and 0 <= account.user_data_64 <= USER_DATA_64_MAX
        and 0 <= account.user_data_32 <= USER_DATA_32_MAX
    ):
        return AccountStatus.INVALID_USER_DATA
    return None


def check_lookup(ids: Sequence[int]) -> None:
    """Raise InvalidQueryError when a lookup asks for too much."""
    if len(ids) > LOOKUP_IDS_MAX:
        raise InvalidQueryError(f"a lookup takes at most {LOOKUP_IDS_MAX} ids, not {len(ids)}")


def check_history(*, cursor: int | None, limit: int) -> None:
    """Raise InvalidQueryError when a page's limit or cursor is out of range."""
    if not 1 <= limit <= HISTORY_LIMIT_MAX:
        raise InvalidQueryError(f"a page has 1 to {HISTORY_LIMIT_MAX} transfers, not {limit}")
    if cursor is not None and not 0 < cursor < TIMESTAMP_MAX:
        raise InvalidQueryError("the cursor is not a timestamp of this ledger")
