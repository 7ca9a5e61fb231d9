"""TigerBeetle's 128-byte records to and from the ledger's values; nothing else.

Records are packed with `struct` because the official client's dataclasses cost 11 microseconds a
transfer and this costs one. Layouts: TigerBeetle 0.17, docs/reference/{account,transfer,
account-filter}.md; all integers are little-endian, 128-bit ones are 16 bytes. A test compares each
layout with the structures of the official client.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from services.backend.ledger.model import (
    Account,
    AccountFlags,
    NewAccount,
    Transfer,
    TransferKind,
    TransferRecord,
)

TRANSFER_BYTES: Final = 128
ACCOUNT_BYTES: Final = 128
ID_BYTES: Final = 16
RESULT_BYTES: Final = 16

FLAG_LINKED: Final = 1 << 0
FLAG_PENDING: Final = 1 << 1
FLAG_POST: Final = 1 << 2
FLAG_VOID: Final = 1 << 3
FILTER_DEBITS: Final = 1 << 0
FILTER_CREDITS: Final = 1 << 1
FILTER_REVERSED: Final = 1 << 2

# id, debit account, credit account, amount, pending id, user data 128/64/32, timeout, ledger, code,
# flags, timestamp
_TRANSFER = struct.Struct("<16s16s16s16s16s16sQIIIHHQ")
# id, debits pending/posted, credits pending/posted, user data 128/64/32, reserved, ledger, code,
# flags, timestamp
_ACCOUNT = struct.Struct("<16s16s16s16s16s16sQIIIHHQ")
# account, user data 128/64/32, code, reserved, timestamp min, timestamp max, limit, flags
_FILTER = struct.Struct("<16s16sQIH58xQQII")

# user data 128/64/32, ledger, code, reserved, timestamp min, timestamp max, limit, flags
_QUERY = struct.Struct("<16sQIIH6xQQII")

_ZERO = bytes(ID_BYTES)
_FLAGS_OF_KIND: Final = (0, FLAG_PENDING, FLAG_POST, FLAG_VOID)  # by TransferKind's value
_ACCOUNT_FLAGS_KNOWN = (
    AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS
    | AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS
    | AccountFlags.HISTORY
)


class Answers(NamedTuple):
    """The answers to a run of events, in order: when applied (nanoseconds), and the statuses."""

    timestamps: Sequence[int]
    statuses: Sequence[int]

    def part(self, start: int, end: int) -> "Answers":
        """The answers to the events from `start` to before `end`."""
        return Answers(self.timestamps[start:end], self.statuses[start:end])


def pack_chains(chains: Iterable[Sequence[Transfer]], transfer_count: int) -> bytearray:
    """Pack chains, in order, into one batch of `transfer_count` records.

    All but the last transfer of a chain are LINKED, so that no chain runs into the next: an open
    one at the end of a batch would be refused, and in the middle it would tie strangers together.
    The transfers have passed `validation.check_chain`.
    """
    batch = bytearray(TRANSFER_BYTES * transfer_count)
    offset = 0
    pack_into, flags_of_kind, zero = _TRANSFER.pack_into, _FLAGS_OF_KIND, _ZERO
    for chain in chains:
        last_offset = offset + TRANSFER_BYTES * (len(chain) - 1)
        # One loop without calls: this runs once for each transfer that the system makes.
        for (
            transfer_id,
            debit_account_id,
            credit_account_id,
            amount,
            ledger,
            code,
            kind,
            pending_id,
            timeout_s,
            user_data_128,
            user_data_64,
            user_data_32,
        ) in chain:
            flags = flags_of_kind[kind] if kind else 0
            pack_into(
                batch,
                offset,
                transfer_id.to_bytes(16, "little"),
                debit_account_id.to_bytes(16, "little"),
                credit_account_id.to_bytes(16, "little"),
                amount.to_bytes(16, "little"),
                pending_id.to_bytes(16, "little") if pending_id else zero,
                user_data_128.to_bytes(16, "little") if user_data_128 else zero,
                user_data_64,
                user_data_32,
                timeout_s,
                ledger,
                code,
                flags if offset == last_offset else flags | FLAG_LINKED,
                0,
            )
            offset += TRANSFER_BYTES
    assert offset == len(batch), "the caller counted the transfers"
    return batch


def unpack_transfers(reply: bytes) -> list[TransferRecord]:
    """Unpack transfers as the ledger keeps them; the LINKED flag is no part of their meaning."""
    unsigned = int.from_bytes
    return [
        TransferRecord(
            unsigned(transfer_id, "little"),
            unsigned(debit_account_id, "little"),
            unsigned(credit_account_id, "little"),
            unsigned(amount, "little"),
            ledger,
            code,
            _kind_of(flags),
            unsigned(pending_id, "little"),
            timeout_s,
            unsigned(user_data_128, "little"),
            user_data_64,
            user_data_32,
            timestamp,
        )
        for (
            transfer_id,
            debit_account_id,
            credit_account_id,
            amount,
            pending_id,
            user_data_128,
            user_data_64,
            user_data_32,
            timeout_s,
            ledger,
            code,
            flags,
            timestamp,
        ) in _TRANSFER.iter_unpack(reply)
    ]


def _kind_of(flags: int) -> TransferKind:
    if flags & FLAG_PENDING:
        return TransferKind.PENDING
    if flags & FLAG_POST:
        return TransferKind.POST
    if flags & FLAG_VOID:
        return TransferKind.VOID
    return TransferKind.SINGLE


def pack_accounts(accounts: Sequence[NewAccount]) -> bytearray:
    """Pack accounts to be created; balances and timestamp are 0, as TigerBeetle asks."""
    return bytearray().join(
        _ACCOUNT.pack(
            account.id.to_bytes(16, "little"),
            _ZERO,
            _ZERO,
            _ZERO,
            _ZERO,
            account.user_data_128.to_bytes(16, "little"),
            account.user_data_64,
            account.user_data_32,
            0,
            account.ledger,
            account.code,
            int(account.flags),
            0,
        )
        for account in accounts
    )


def unpack_accounts(reply: bytes) -> list[Account]:
    """Unpack accounts with their balances; flags that this system has no use for are left out."""
    unsigned = int.from_bytes
    return [
        Account(
            id=unsigned(account_id, "little"),
            ledger=ledger,
            code=code,
            flags=AccountFlags(flags & _ACCOUNT_FLAGS_KNOWN),
            user_data_128=unsigned(user_data_128, "little"),
            user_data_64=user_data_64,
            user_data_32=user_data_32,
            debits_pending=unsigned(debits_pending, "little"),
            debits_posted=unsigned(debits_posted, "little"),
            credits_pending=unsigned(credits_pending, "little"),
            credits_posted=unsigned(credits_posted, "little"),
            timestamp=timestamp,
        )
        for (
            account_id,
            debits_pending,
            debits_posted,
            credits_pending,
            credits_posted,
            user_data_128,
            user_data_64,
            user_data_32,
            _reserved,
            ledger,
            code,
            flags,
            timestamp,
        ) in _ACCOUNT.iter_unpack(reply)
    ]


def pack_ids(ids: Iterable[int]) -> bytearray:
    """Pack the ids of a lookup."""
    return bytearray().join(each.to_bytes(16, "little") for each in ids)


def pack_account_filter(
    account_id: int, *, timestamp_min: int, timestamp_max: int, limit: int, newest_first: bool
) -> bytearray:
    """Pack a filter on both sides of one account.

    Filters have no defaults: a limit of 0 finds nothing. A timestamp of 0 means no bound; bounds
    are inclusive.
    """
    flags = FILTER_DEBITS | FILTER_CREDITS | (FILTER_REVERSED if newest_first else 0)
    account = account_id.to_bytes(16, "little")
    packed = _FILTER.pack(account, _ZERO, 0, 0, 0, timestamp_min, timestamp_max, limit, flags)
    return bytearray(packed)


def pack_query_filter(
    code: int, *, timestamp_min: int, timestamp_max: int, limit: int
) -> bytearray:
    """Pack a filter on a code, oldest first; bounds and limit as in `pack_account_filter`."""
    return bytearray(_QUERY.pack(_ZERO, 0, 0, 0, code, timestamp_min, timestamp_max, limit, 0))


def unpack_results(reply: bytes) -> Answers:
    """Unpack the answers to a batch of events: one an event, in order."""
    # A timestamp, a status and four reserved bytes that are 0: two integers of 8 bytes.
    fields = struct.unpack(f"<{len(reply) // 8}Q", reply)
    return Answers(fields[::2], fields[1::2])
