"""TigerBeetle's answers to the ledger's closed set, one table each.

Names and meanings: TigerBeetle 0.17, docs/reference/requests/create_{transfers,accounts}.md. What
is in no table can't happen after `validation` (or is a limit of TigerBeetle that this system stays
far from) and becomes UNKNOWN_ERROR.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from tigerbeetle import CreateAccountStatus, CreateTransferStatus

from services.backend.ledger.errors import AccountStatus, TransferStatus
from services.backend.ledger.model import (
    FULL_AMOUNT,
    ChainResult,
    Transfer,
    TransferKind,
    TransferRecord,
)
from services.backend.ledger.tigerbeetle.codec import Answers

_Tb = CreateTransferStatus

TRANSFER_CREATED: Final = CreateTransferStatus.CREATED.value
TRANSFER_EXISTS: Final = CreateTransferStatus.EXISTS.value
TRANSFER_LINKED_FAILED: Final = CreateTransferStatus.LINKED_EVENT_FAILED.value

_TRANSFER_STATUSES: Final = {
    _Tb.CREATED.value: TransferStatus.CREATED,
    _Tb.EXISTS.value: TransferStatus.EXISTS,
    _Tb.EXISTS_WITH_DIFFERENT_FLAGS.value: TransferStatus.TRANSFER_EXISTS,
    _Tb.EXISTS_WITH_DIFFERENT_PENDING_ID.value: TransferStatus.TRANSFER_EXISTS,
    _Tb.EXISTS_WITH_DIFFERENT_TIMEOUT.value: TransferStatus.TRANSFER_EXISTS,
    _Tb.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID.value: TransferStatus.TRANSFER_EXISTS,
    _Tb.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID.value: TransferStatus.TRANSFER_EXISTS,
    _Tb.EXISTS_WITH_DIFFERENT_AMOUNT.value: TransferStatus.TRANSFER_EXISTS,
    _Tb.EXISTS_WITH_DIFFERENT_USER_DATA_128.value: TransferStatus.TRANSFER_EXISTS,
    _Tb.EXISTS_WITH_DIFFERENT_USER_DATA_64.value: TransferStatus.TRANSFER_EXISTS,
    _Tb.EXISTS_WITH_DIFFERENT_USER_DATA_32.value: TransferStatus.TRANSFER_EXISTS,
    _Tb.EXISTS_WITH_DIFFERENT_LEDGER.value: TransferStatus.TRANSFER_EXISTS,
    _Tb.EXISTS_WITH_DIFFERENT_CODE.value: TransferStatus.TRANSFER_EXISTS,
    _Tb.ID_ALREADY_FAILED.value: TransferStatus.ID_ALREADY_FAILED,
    _Tb.LINKED_EVENT_FAILED.value: TransferStatus.LINKED_TRANSFER_FAILED,
    _Tb.ACCOUNTS_MUST_BE_DIFFERENT.value: TransferStatus.SAME_ACCOUNTS,
    _Tb.DEBIT_ACCOUNT_NOT_FOUND.value: TransferStatus.UNKNOWN_SOURCE_ACCOUNT,
    _Tb.CREDIT_ACCOUNT_NOT_FOUND.value: TransferStatus.UNKNOWN_DESTINATION_ACCOUNT,
    _Tb.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER.value: TransferStatus.DIFFERENT_ASSETS,
    _Tb.TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS.value: TransferStatus.DIFFERENT_ASSETS,
    _Tb.PENDING_TRANSFER_NOT_FOUND.value: TransferStatus.UNKNOWN_TRANSFER,
    _Tb.PENDING_TRANSFER_NOT_PENDING.value: TransferStatus.UNKNOWN_TRANSFER,
    _Tb.PENDING_TRANSFER_ALREADY_POSTED.value: TransferStatus.ALREADY_POSTED,
    _Tb.PENDING_TRANSFER_ALREADY_VOIDED.value: TransferStatus.ALREADY_VOIDED,
    _Tb.PENDING_TRANSFER_EXPIRED.value: TransferStatus.TRANSFER_EXPIRED,
    _Tb.EXCEEDS_PENDING_TRANSFER_AMOUNT.value: TransferStatus.INVALID_AMOUNT,
    _Tb.OVERFLOWS_TIMEOUT.value: TransferStatus.INVALID_TIMEOUT,
    _Tb.EXCEEDS_CREDITS.value: TransferStatus.INSUFFICIENT_BALANCE,
    _Tb.EXCEEDS_DEBITS.value: TransferStatus.INSUFFICIENT_DEBIT_BALANCE,
}
_EXISTS_WITH_DIFFERENT_FLAGS: Final = _Tb.EXISTS_WITH_DIFFERENT_FLAGS.value
_TAKEN: Final = frozenset(
    status
    for status, meaning in _TRANSFER_STATUSES.items()
    if meaning in (TransferStatus.EXISTS, TransferStatus.TRANSFER_EXISTS)
)

_ACCOUNT_STATUSES: Final = {
    CreateAccountStatus.CREATED.value: AccountStatus.CREATED,
    CreateAccountStatus.EXISTS.value: AccountStatus.EXISTS,
    CreateAccountStatus.EXISTS_WITH_DIFFERENT_FLAGS.value: AccountStatus.ACCOUNT_EXISTS,
    CreateAccountStatus.EXISTS_WITH_DIFFERENT_USER_DATA_128.value: AccountStatus.ACCOUNT_EXISTS,
    CreateAccountStatus.EXISTS_WITH_DIFFERENT_USER_DATA_64.value: AccountStatus.ACCOUNT_EXISTS,
    CreateAccountStatus.EXISTS_WITH_DIFFERENT_USER_DATA_32.value: AccountStatus.ACCOUNT_EXISTS,
    CreateAccountStatus.EXISTS_WITH_DIFFERENT_LEDGER.value: AccountStatus.ACCOUNT_EXISTS,
    CreateAccountStatus.EXISTS_WITH_DIFFERENT_CODE.value: AccountStatus.ACCOUNT_EXISTS,
    CreateAccountStatus.FLAGS_ARE_MUTUALLY_EXCLUSIVE.value: AccountStatus.INVALID_FLAGS,
}


def transfer_status(status: int) -> TransferStatus:
    """Translate the answer to one transfer."""
    return _TRANSFER_STATUSES.get(status, TransferStatus.UNKNOWN_ERROR)


def account_status(status: int) -> AccountStatus:
    """Translate the answer to the creation of one account."""
    return _ACCOUNT_STATUSES.get(status, AccountStatus.UNKNOWN_ERROR)


def chain_result(answers: Answers) -> ChainResult:
    """Read the answers to one chain.

    The transfer at fault is the one whose answer is not "a neighbour failed". For an answer that
    `needs_lookup`, this is only the first half of the truth.
    """
    timestamps, statuses = answers
    length = len(statuses)
    for index, status in enumerate(statuses):
        if status not in (TRANSFER_CREATED, TRANSFER_LINKED_FAILED):
            times = tuple(timestamps) if length == 1 and status == TRANSFER_EXISTS else ()
            return ChainResult(transfer_status(status), length, index, times)
    if statuses[0] == TRANSFER_CREATED:
        return ChainResult(TransferStatus.CREATED, length, 0, tuple(timestamps))
    return ChainResult(TransferStatus.UNKNOWN_ERROR, length)


def needs_lookup(answers: Answers) -> bool:
    """Whether the answers to a chain leave open if some of its ids are taken.

    TigerBeetle stops at the first transfer that fails or exists and does not look at those behind
    it, and it counts the LINKED flag as content, which is a matter of the chain and not of the
    transfer. The transfers themselves tell (`replay_result`).
    """
    statuses = answers.statuses
    if len(statuses) == 1:
        return statuses[0] == _EXISTS_WITH_DIFFERENT_FLAGS
    if statuses[-1] in (TRANSFER_CREATED, TRANSFER_LINKED_FAILED):
        return statuses[0] != TRANSFER_CREATED
    return statuses[-1] in _TAKEN


def replay_result(
    chain: Sequence[Transfer], records: Mapping[int, TransferRecord]
) -> ChainResult | None:
    """Compare a chain with what the ledger holds under its ids.

    `records` has the chain's transfers and the pending ones they resolve, as far as they exist.
    EXISTS when all are there with the same content, TRANSFER_EXISTS at the first that differs, else
    at the first whose id is taken; None when no id is.
    """
    length = len(chain)
    found = [records.get(transfer.id) for transfer in chain]
    for index, (transfer, record) in enumerate(zip(chain, found, strict=True)):
        if record is not None and not _same_content(transfer, record, records):
            return ChainResult(TransferStatus.TRANSFER_EXISTS, length, index)
    taken = [index for index, record in enumerate(found) if record is not None]
    if not taken:
        return None
    if len(taken) < length:
        return ChainResult(TransferStatus.TRANSFER_EXISTS, length, taken[0])
    timestamps = tuple([record.timestamp for record in found if record is not None])
    return ChainResult(TransferStatus.EXISTS, length, 0, timestamps)


def _same_content(
    transfer: Transfer, record: TransferRecord, records: Mapping[int, TransferRecord]
) -> bool:
    if record.kind is TransferKind.SINGLE or record.kind is TransferKind.PENDING:
        return record[:12] == transfer
    pending = records.get(record.pending_id)
    if transfer.kind is not record.kind or transfer.pending_id != record.pending_id:
        return False
    whole = transfer.kind is TransferKind.VOID or transfer.amount == FULL_AMOUNT
    if pending is None or record.amount != (pending.amount if whole else transfer.amount):
        return False
    # A POST or VOID without user data takes that of the pending transfer.
    user_data = zip(transfer[9:12], pending[9:12], record[9:12], strict=True)
    return all((own or inherited) == kept for own, inherited, kept in user_data)
