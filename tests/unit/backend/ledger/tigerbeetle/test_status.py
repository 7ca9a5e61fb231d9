"""Each answer of TigerBeetle has one place in the ledger's closed set."""

import pytest
from tigerbeetle import CreateAccountStatus as A
from tigerbeetle import CreateTransferStatus as T

from services.backend.ledger.errors import AccountStatus, TransferStatus
from services.backend.ledger.model import (
    ChainResult,
    Transfer,
    TransferKind,
    TransferRecord,
    post,
    void,
)
from services.backend.ledger.tigerbeetle.codec import Answers
from services.backend.ledger.tigerbeetle.status import (
    account_status,
    chain_result,
    needs_lookup,
    replay_result,
    transfer_status,
)

# Answers that shape checks rule out, or that belong to features this system does not use.
OUT_OF_REACH = {
    status
    for status in T
    if status.name.startswith(("IMPORTED_", "RESERVED_", "PENDING_ID_", "OVERFLOWS_"))
    or status.name.endswith(("_MUST_NOT_BE_ZERO", "_MUST_NOT_BE_INT_MAX", "_ALREADY_CLOSED"))
    or status.name.startswith("PENDING_TRANSFER_HAS_DIFFERENT_")
    or status
    in {
        T.LINKED_EVENT_CHAIN_OPEN,
        T.TIMESTAMP_MUST_BE_ZERO,
        T.FLAGS_ARE_MUTUALLY_EXCLUSIVE,
        T.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER,
        T.CLOSING_TRANSFER_MUST_BE_PENDING,
    }
} - {T.OVERFLOWS_TIMEOUT}


def answers(*statuses: T) -> Answers:
    timestamps = range(100, 100 + len(statuses))
    return Answers(timestamps, [status.value for status in statuses])


def record(transfer: Transfer, timestamp: int = 5) -> TransferRecord:
    return TransferRecord(*transfer, timestamp)


A1 = Transfer(1, 11, 12, 10, 1, 1)
A2 = Transfer(2, 11, 12, 20, 1, 1)


@pytest.mark.parametrize("status", T)
def test_every_answer_of_the_client_is_translated_or_known_to_be_out_of_reach(status: T) -> None:
    unknown = transfer_status(status.value) is TransferStatus.UNKNOWN_ERROR
    assert unknown == (status in OUT_OF_REACH)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (T.EXCEEDS_CREDITS, TransferStatus.INSUFFICIENT_BALANCE),
        (T.EXCEEDS_DEBITS, TransferStatus.INSUFFICIENT_DEBIT_BALANCE),
        (T.DEBIT_ACCOUNT_NOT_FOUND, TransferStatus.UNKNOWN_SOURCE_ACCOUNT),
        (T.CREDIT_ACCOUNT_NOT_FOUND, TransferStatus.UNKNOWN_DESTINATION_ACCOUNT),
        (T.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER, TransferStatus.DIFFERENT_ASSETS),
        (T.PENDING_TRANSFER_NOT_FOUND, TransferStatus.UNKNOWN_TRANSFER),
        (T.PENDING_TRANSFER_ALREADY_POSTED, TransferStatus.ALREADY_POSTED),
        (T.PENDING_TRANSFER_ALREADY_VOIDED, TransferStatus.ALREADY_VOIDED),
        (T.PENDING_TRANSFER_EXPIRED, TransferStatus.TRANSFER_EXPIRED),
        (T.EXCEEDS_PENDING_TRANSFER_AMOUNT, TransferStatus.INVALID_AMOUNT),
        (T.ID_ALREADY_FAILED, TransferStatus.ID_ALREADY_FAILED),
        (T.EXISTS, TransferStatus.EXISTS),
        (T.EXISTS_WITH_DIFFERENT_AMOUNT, TransferStatus.TRANSFER_EXISTS),
    ],
)
def test_refusals_keep_their_meaning(status: T, meaning: TransferStatus) -> None:
    assert transfer_status(status.value) is meaning


def test_an_answer_of_a_later_release_is_an_unknown_error() -> None:
    assert transfer_status(4_000) is TransferStatus.UNKNOWN_ERROR
    assert account_status(4_000) is AccountStatus.UNKNOWN_ERROR


def test_an_account_with_other_content_is_a_conflict_and_the_same_is_success() -> None:
    assert account_status(A.CREATED.value).ok
    assert account_status(A.EXISTS.value).ok
    for status in A:
        if status.name.startswith("EXISTS_WITH"):
            assert account_status(status.value) is AccountStatus.ACCOUNT_EXISTS


def test_a_created_chain_carries_the_timestamps() -> None:
    result = chain_result(answers(T.CREATED, T.CREATED))
    assert result == ChainResult(TransferStatus.CREATED, 2, 0, (100, 101))


def test_a_failed_chain_names_the_transfer_that_failed() -> None:
    result = chain_result(answers(T.LINKED_EVENT_FAILED, T.EXCEEDS_CREDITS, T.LINKED_EVENT_FAILED))
    assert result == ChainResult(TransferStatus.INSUFFICIENT_BALANCE, 3, 1)


def test_a_replayed_single_answers_exists_with_its_first_timestamp() -> None:
    result = chain_result(answers(T.EXISTS))
    assert result == ChainResult(TransferStatus.EXISTS, 1, 0, (100,))
    assert not needs_lookup(answers(T.EXISTS))


@pytest.mark.parametrize(
    "statuses",
    [
        (T.EXISTS, T.LINKED_EVENT_FAILED),
        (T.LINKED_EVENT_FAILED, T.EXISTS),
        (T.LINKED_EVENT_FAILED, T.EXISTS_WITH_DIFFERENT_AMOUNT),
        (T.EXISTS_WITH_DIFFERENT_FLAGS,),
        (T.EXCEEDS_CREDITS, T.LINKED_EVENT_FAILED),
    ],
)
def test_whether_a_chain_is_a_replay_is_told_by_its_transfers(statuses: tuple[T, ...]) -> None:
    assert needs_lookup(answers(*statuses))


def test_clear_answers_need_no_lookup() -> None:
    assert not needs_lookup(answers(T.CREATED, T.CREATED))
    assert not needs_lookup(answers(T.LINKED_EVENT_FAILED, T.EXCEEDS_CREDITS))
    assert not needs_lookup(answers(T.EXISTS_WITH_DIFFERENT_AMOUNT))


def test_a_chain_that_is_all_there_exists() -> None:
    result = replay_result((A1, A2), {1: record(A1, 5), 2: record(A2, 6)})
    assert result == ChainResult(TransferStatus.EXISTS, 2, 0, (5, 6))


def test_a_chain_that_is_there_in_part_is_a_conflict_at_what_is_taken() -> None:
    result = replay_result((A1, A2), {2: record(A2)})
    assert result == ChainResult(TransferStatus.TRANSFER_EXISTS, 2, 1)


def test_a_chain_with_other_content_is_a_conflict_at_what_differs() -> None:
    found = {1: record(A1), 2: record(A2._replace(amount=21))}
    assert replay_result((A1, A2), found) == ChainResult(TransferStatus.TRANSFER_EXISTS, 2, 1)


def test_a_chain_with_no_id_taken_is_no_replay() -> None:
    assert replay_result((A1, A2), {}) is None


PENDING = Transfer(3, 11, 12, 30, 1, 1, TransferKind.PENDING, user_data_128=77)


def posted(amount: int, *, user_data_128: int = 77) -> TransferRecord:
    whole = Transfer(4, 11, 12, amount, 1, 1, TransferKind.POST, 3, user_data_128=user_data_128)
    return record(whole)


@pytest.mark.parametrize(
    ("asked", "kept", "status"),
    [
        (post(4, 3), posted(30), TransferStatus.EXISTS),
        (post(4, 3, amount=30), posted(30), TransferStatus.EXISTS),
        (post(4, 3, amount=10), posted(10), TransferStatus.EXISTS),
        (post(4, 3, amount=10), posted(30), TransferStatus.TRANSFER_EXISTS),
        (post(4, 3), posted(10), TransferStatus.TRANSFER_EXISTS),
        (post(4, 3, user_data_128=5), posted(30), TransferStatus.TRANSFER_EXISTS),
        (post(4, 3, user_data_128=5), posted(30, user_data_128=5), TransferStatus.EXISTS),
        (post(4, 9), posted(30), TransferStatus.TRANSFER_EXISTS),
        (void(4, 3), posted(30), TransferStatus.TRANSFER_EXISTS),
    ],
)
def test_a_replayed_post_is_compared_with_what_it_moved(
    asked: Transfer, kept: TransferRecord, status: TransferStatus
) -> None:
    result = replay_result((asked,), {3: record(PENDING), 4: kept})
    assert result is not None
    assert result.status is status
