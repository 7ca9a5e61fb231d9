"""Rows of `ledger.load_batch` to books, and books to the arguments of `ledger.store_batch`."""

from collections.abc import Iterable, Sequence
from enum import IntEnum, unique
from typing import Any

from services.backend.ledger.errors import TransferStatus
from services.backend.ledger.interface import Chain
from services.backend.ledger.model import (
    Account,
    AccountFlags,
    Balances,
    ChainResult,
    NewAccount,
    TransferKind,
    TransferRecord,
)
from services.backend.ledger.rules.evaluate import AccountState, Books, Pending, PendingState

Row = Any  # an asyncpg.Record; the driver has no types


@unique
class Tag(IntEnum):
    """What a row of `load_batch` is."""

    NOW = 0
    ACCOUNT = 1
    TRANSFER = 2
    PENDING = 3
    DUE = 4


class StaleReadError(Exception):
    """Another process made a pending transfer that the batch names while the batch was locking.

    So its accounts are not locked; roll back and load again.
    """


_KINDS = tuple(TransferKind)
_PENDING_STATES = tuple(PendingState)


def decode_batch(rows: Sequence[Row]) -> tuple[Books, list[Pending], int]:
    """Return the books, the pending transfers that are due, and the time in nanoseconds.

    Raises StaleReadError when the batch has to be loaded again.
    """
    books = Books()
    due: list[Pending] = []
    now_ns = 0
    for row in rows:
        tag = row[0]
        if tag == Tag.ACCOUNT:
            _, account_id, _, _, ledger, dp, dpo, cp, cpo, flags, _, _, timestamp, _, _ = row
            books.accounts[account_id] = AccountState(
                account_id, ledger, flags, dp, dpo, cp, cpo, timestamp
            )
        elif tag == Tag.TRANSFER:
            record = _decode_transfer(row)
            books.transfers[record.id] = record
        elif tag == Tag.NOW:
            now_ns = row[12]
        else:
            _take_pending(books, due, tag, _decode_pending(row))
    return books, due, now_ns


def _take_pending(books: Books, due: list[Pending], tag: int, pending: Pending) -> None:
    accounts = books.accounts
    if pending.debit_account_id in accounts and pending.credit_account_id in accounts:
        pending = books.pendings.setdefault(pending.id, pending)
        if tag == Tag.DUE:
            due.append(pending)
    elif tag == Tag.PENDING:
        raise StaleReadError


def _decode_pending(row: Row) -> Pending:
    _, pending_id, debit_id, credit_id, ledger, amount, data_64, data_32 = row[:8]
    _, code, state, _, expires_at_ns, _, data_128 = row[8:]
    user_data = (data_128 or 0, data_64 or 0, data_32 or 0)
    return Pending(
        pending_id,
        debit_id,
        credit_id,
        amount,
        ledger,
        code,
        expires_at_ns,
        user_data,
        _PENDING_STATES[state],
    )


def _decode_transfer(row: Row) -> TransferRecord:
    _, transfer_id, debit_id, credit_id, ledger, amount, data_64, data_32 = row[:8]
    _, code, kind, timeout_s, timestamp, pending_id, data_128 = row[8:]
    return TransferRecord(
        id=transfer_id,
        debit_account_id=debit_id,
        credit_account_id=credit_id,
        amount=amount,
        ledger=ledger,
        code=code,
        kind=_KINDS[kind],
        pending_id=pending_id or 0,
        timeout_s=timeout_s,
        user_data_128=data_128 or 0,
        user_data_64=data_64 or 0,
        user_data_32=data_32 or 0,
        timestamp=timestamp,
    )


def decode_applied(row: Row, chains: Sequence[Chain]) -> list[ChainResult]:
    """Return the results of a batch of which nothing was refused."""
    stamps, ids, *columns = row
    balances = {
        account_id: Balances(*figures)
        for account_id, figures in zip(ids, zip(*columns, strict=True), strict=True)
    }
    results, start = [], 0
    for chain in chains:
        length = len(chain)
        timestamps = tuple(stamps[start : start + length])
        results.append(ChainResult(TransferStatus.CREATED, length, 0, timestamps, balances))
        start += length
    return results


def changed(books: Books) -> bool:
    """Whether there is anything to write."""
    return bool(books.new_transfers) or any(p.dirty for p in books.pendings.values())


def encode_names(chains: Iterable[Chain]) -> tuple[str, str, str]:
    """Return the first arguments of `load_batch`: account, transfer and pending transfer ids."""
    account_ids: set[int] = set()
    transfer_ids: list[int] = []
    pending_ids: list[int] = []
    for chain in chains:
        for transfer in chain:
            transfer_ids.append(transfer.id)
            if transfer.pending_id:
                pending_ids.append(transfer.pending_id)
            else:
                account_ids.add(transfer.debit_account_id)
                account_ids.add(transfer.credit_account_id)
    return encode_ids(account_ids), encode_ids(transfer_ids), encode_ids(pending_ids)


def encode_accounts(accounts: Iterable[NewAccount]) -> list[str]:
    """Return new accounts as columns, each once and in the order of their ids."""
    ordered = sorted({account.id: account for account in accounts}.values())
    return [
        encode_ids([account.id for account in ordered]),
        encode_integers([account.ledger for account in ordered]),
        encode_integers([account.code for account in ordered]),
        encode_integers([int(account.flags) for account in ordered]),
        encode_ids([account.user_data_128 for account in ordered]),
        encode_integers([account.user_data_64 for account in ordered]),
        encode_integers([account.user_data_32 for account in ordered]),
    ]


def encode_transfers(chains: Iterable[Chain]) -> list[str]:
    """Return the transfers of a batch as columns, in its order."""
    columns: list[Sequence[int]] = list(
        zip(*(transfer for chain in chains for transfer in chain), strict=True)
    )
    ids, debit_ids, credit_ids, amounts, ledgers, codes, kinds, pending_ids, timeouts_s = columns[
        :9
    ]
    data_128, data_64, data_32 = columns[9:]
    return [
        encode_ids(ids),
        _encode_sparse_ids(debit_ids),
        _encode_sparse_ids(credit_ids),
        encode_integers(amounts),
        encode_integers(ledgers),
        encode_integers(codes),
        encode_integers([int(kind) for kind in kinds]),
        _encode_sparse_ids(pending_ids),
        encode_integers(timeouts_s),
        _encode_sparse_ids(data_128),
        encode_integers(data_64) if any(data_64) else "{}",
        encode_integers(data_32) if any(data_32) else "{}",
    ]


def encode_batch(books: Books) -> list[str]:
    """Return the arguments of `store_batch`."""
    accounts = [account for account in books.accounts.values() if account.dirty]
    # A pending transfer that this batch both made and resolved is inserted, then updated.
    resolved = [pending for pending in books.pendings.values() if pending.dirty]
    return [
        encode_ids([account.id for account in accounts]),
        _encode_uniform([account.debits_pending for account in accounts]),
        encode_integers([account.debits_posted for account in accounts]),
        _encode_uniform([account.credits_pending for account in accounts]),
        encode_integers([account.credits_posted for account in accounts]),
        encode_integers([account.last_timestamp for account in accounts]),
        *_encode_transfers(books.new_transfers),
        encode_ids([pending.id for pending in resolved]),
        encode_integers([int(pending.state) for pending in resolved]),
    ]


def _encode_transfers(records: Sequence[TransferRecord]) -> list[str]:
    if not records:
        return ["{}"] * 13
    columns: list[Sequence[int]] = list(zip(*records, strict=True))
    ids, debit_ids, credit_ids, amounts, ledgers, codes, kinds, pending_ids, timeouts_s = columns[
        :9
    ]
    data_128, data_64, data_32, timestamps = columns[9:]
    return [
        encode_ids(ids),
        encode_ids(debit_ids),
        encode_ids(credit_ids),
        encode_integers(amounts),
        _encode_uniform(ledgers),
        _encode_uniform(codes),
        _encode_uniform([int(kind) for kind in kinds]),
        _encode_sparse_ids(pending_ids),
        _encode_uniform(timeouts_s),
        _encode_sparse_ids(data_128),
        # A column that nobody uses is left empty, which `unnest` fills with NULL.
        encode_integers(data_64) if any(data_64) else "{}",
        encode_integers(data_32) if any(data_32) else "{}",
        encode_integers(timestamps),
    ]


# Arrays go in as text: the driver's own encoding of an array costs five times as much an element.


def encode_ids(ids: Iterable[int]) -> str:
    """Return ids as the text of a uuid array."""
    return "{" + ",".join([f"{value:032x}" for value in ids]) + "}"


def encode_integers(values: Iterable[int]) -> str:
    """Return integers as the text of an array of integers or numerics."""
    return "{" + ",".join(map(str, values)) + "}"


def _encode_uniform(values: Sequence[int]) -> str:
    """Return integers likewise, but only the first when all are the same, as they mostly are."""
    return encode_integers(values if len(set(values)) > 1 else values[:1])


def _encode_sparse_ids(ids: Sequence[int]) -> str:
    if not any(ids):
        return "{}"
    return "{" + ",".join([f"{value:032x}" if value else "NULL" for value in ids]) + "}"


def decode_account(row: Row) -> Account:
    """Return an account from a row that begins with the columns of `Account`, in order."""
    account_id, ledger, code, flags, *rest = row[: len(Account._fields)]
    return Account(account_id, ledger, code, AccountFlags(flags), *rest)


def decode_record(row: Row) -> TransferRecord:
    """Return a transfer from a row with the columns of `TransferRecord`, in order."""
    head, kind, pending_id, timeout_s, timestamp = row[:6], row[6], row[7], row[8], row[12]
    user_data = [value or 0 for value in row[9:12]]
    return TransferRecord._make(
        (*head, _KINDS[kind], pending_id or 0, timeout_s, *user_data, timestamp)
    )
