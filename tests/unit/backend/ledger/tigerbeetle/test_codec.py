"""Packing is checked against the structures of the official client, field by field."""

import ctypes
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tigerbeetle import bindings

from services.backend.ledger.model import (
    FULL_AMOUNT,
    AccountFlags,
    NewAccount,
    Transfer,
    TransferKind,
    TransferRecord,
    post,
    void,
)
from services.backend.ledger.tigerbeetle import codec

u128 = st.integers(0, 2**128 - 1)
u64 = st.integers(0, 2**64 - 1)
u32 = st.integers(0, 2**32 - 1)
u16 = st.integers(0, 2**16 - 1)
transfers = st.builds(
    Transfer,
    id=u128,
    debit_account_id=u128,
    credit_account_id=u128,
    amount=u128,
    ledger=u32,
    code=u16,
    kind=st.sampled_from(TransferKind),
    pending_id=u128,
    timeout_s=u32,
    user_data_128=u128,
    user_data_64=u64,
    user_data_32=u32,
)


def read(structure: type[Any], packed: bytes | bytearray) -> list[Any]:
    """What the official client would understand."""
    assert len(packed) % ctypes.sizeof(structure) == 0
    count = len(packed) // ctypes.sizeof(structure)
    array = (structure * count).from_buffer_copy(packed)
    return [each.to_python() for each in array]


def single(transfer_id: int) -> Transfer:
    return Transfer(transfer_id, 1, 2, 10, 1, 1)


@pytest.mark.property
@given(transfers)
def test_a_packed_transfer_reads_the_same_in_the_official_client(transfer: Transfer) -> None:
    [official] = read(bindings.CTransfer, codec.pack_chains([[transfer]], 1))
    assert official == bindings.Transfer(
        id=transfer.id,
        debit_account_id=transfer.debit_account_id,
        credit_account_id=transfer.credit_account_id,
        amount=transfer.amount,
        pending_id=transfer.pending_id,
        user_data_128=transfer.user_data_128,
        user_data_64=transfer.user_data_64,
        user_data_32=transfer.user_data_32,
        timeout=transfer.timeout_s,
        ledger=transfer.ledger,
        code=transfer.code,
        flags={
            TransferKind.SINGLE: bindings.TransferFlags.NONE,
            TransferKind.PENDING: bindings.TransferFlags.PENDING,
            TransferKind.POST: bindings.TransferFlags.POST_PENDING_TRANSFER,
            TransferKind.VOID: bindings.TransferFlags.VOID_PENDING_TRANSFER,
        }[transfer.kind],
        timestamp=0,
    )


@pytest.mark.property
@given(st.lists(transfers, min_size=1, max_size=5))
def test_unpacking_gives_back_what_was_packed_without_the_links(chain: list[Transfer]) -> None:
    packed = codec.pack_chains([chain], len(chain))
    assert codec.unpack_transfers(bytes(packed)) == [TransferRecord(*each, 0) for each in chain]


def test_every_chain_ends_in_an_unlinked_transfer_so_that_none_runs_into_the_next() -> None:
    chains = [[single(1)], [single(2), single(3), single(4)], [single(5), single(6)]]
    official = read(bindings.CTransfer, codec.pack_chains(chains, 6))
    linked = [bool(each.flags & bindings.TransferFlags.LINKED) for each in official]
    assert [each.id for each in official] == [1, 2, 3, 4, 5, 6]
    assert linked == [False, True, True, False, True, False]


def test_a_wrong_count_is_our_bug_and_does_not_send_half_a_batch() -> None:
    with pytest.raises(AssertionError):
        codec.pack_chains([[single(1)]], 2)


def test_posting_in_full_is_the_largest_amount_and_voiding_is_zero() -> None:
    official = read(bindings.CTransfer, codec.pack_chains([[post(8, 7)], [void(9, 7)]], 2))
    assert [each.amount for each in official] == [FULL_AMOUNT, 0]
    assert FULL_AMOUNT == 2**128 - 1
    assert [each.pending_id for each in official] == [7, 7]


@pytest.mark.parametrize("amount", [-1, 2**128])
def test_a_number_that_does_not_fit_is_refused_instead_of_cut(amount: int) -> None:
    with pytest.raises(OverflowError):
        codec.pack_chains([[single(1)._replace(amount=amount)]], 1)


@pytest.mark.property
@given(u128, u32, u16, u128, u64, u32)
def test_a_packed_account_reads_the_same_in_the_official_client(
    account_id: int, ledger: int, code: int, data_128: int, data_64: int, data_32: int
) -> None:
    flags = AccountFlags.HISTORY | AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS
    account = NewAccount(account_id, ledger, code, flags, data_128, data_64, data_32)
    [official] = read(bindings.CAccount, codec.pack_accounts([account]))
    assert official == bindings.Account(
        id=account_id,
        user_data_128=data_128,
        user_data_64=data_64,
        user_data_32=data_32,
        ledger=ledger,
        code=code,
        flags=bindings.AccountFlags(int(flags)),
    )


def test_an_account_is_read_with_its_balances_and_without_flags_of_other_systems() -> None:
    flags = bindings.AccountFlags.HISTORY | bindings.AccountFlags.CLOSED
    official = bindings.CAccount.from_param(
        bindings.Account(5, 11, 12, 13, 14, 21, 22, 23, 7, 2, flags, 99)
    )
    [account] = codec.unpack_accounts(bytes(official))
    assert account == (5, 7, 2, AccountFlags.HISTORY, 21, 22, 23, 11, 12, 13, 14, 99)
    assert (account.debits_pending, account.debits_posted) == (11, 12)
    assert (account.credits_pending, account.credits_posted) == (13, 14)


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_filter_names_both_sides_its_bounds_and_its_limit(newest_first: bool) -> None:
    packed = codec.pack_account_filter(
        2**100, timestamp_min=3, timestamp_max=2**62, limit=8_001, newest_first=newest_first
    )
    [official] = read(bindings.CAccountFilter, packed)
    both = bindings.AccountFilterFlags.DEBITS | bindings.AccountFilterFlags.CREDITS
    assert official == bindings.AccountFilter(
        account_id=2**100,
        user_data_128=0,
        user_data_64=0,
        user_data_32=0,
        code=0,
        timestamp_min=3,
        timestamp_max=2**62,
        limit=8_001,
        flags=both | bindings.AccountFilterFlags.REVERSED if newest_first else both,
    )


def test_ids_are_sixteen_bytes_each() -> None:
    assert codec.pack_ids([1, 2**127]) == bytes([1] + [0] * 15 + [0] * 15 + [128])


def test_results_come_one_an_event_with_timestamp_and_status() -> None:
    official = bindings.CCreateTransferResult(timestamp=7, status=0xFFFFFFFF)
    assert codec.unpack_results(bytes(official) * 2) == ((7, 7), (0xFFFFFFFF,) * 2)


def test_the_named_sizes_and_flags_are_those_of_the_official_client() -> None:
    assert ctypes.sizeof(bindings.CTransfer) == codec.TRANSFER_BYTES
    assert ctypes.sizeof(bindings.CAccount) == codec.ACCOUNT_BYTES
    assert ctypes.sizeof(bindings.CCreateTransferResult) == codec.RESULT_BYTES
    assert ctypes.sizeof(bindings.CCreateAccountResult) == codec.RESULT_BYTES
    assert int(bindings.TransferFlags.LINKED) == codec.FLAG_LINKED
    for flag in AccountFlags:
        assert bindings.AccountFlags[str(flag.name)] == int(flag)
