"""Customers' accounts in SQLite: balances are integers, and each entry is booked once."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ENTRIES_SHOWN_MAX: Final = 100
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS accounts (
    wallet_address_id TEXT PRIMARY KEY,
    wallet_address TEXT NOT NULL,
    name TEXT NOT NULL,
    balance INTEGER NOT NULL CHECK (balance >= 0)
);
CREATE TABLE IF NOT EXISTS entries (
    id TEXT PRIMARY KEY,
    wallet_address_id TEXT NOT NULL REFERENCES accounts,
    amount INTEGER NOT NULL,
    what TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    at_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS debits (
    payment_id TEXT PRIMARY KEY,
    entry_id TEXT NOT NULL REFERENCES entries
);
"""


class UnknownAccountError(LookupError):
    """No account belongs to that wallet address."""


class InsufficientFundsError(ValueError):
    """The account holds less than is to be taken."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account; the balance is in units of the bank's asset."""

    wallet_address_id: str
    wallet_address: str
    name: str
    balance: int


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A booking: money in when the amount is positive."""

    amount: int
    what: str
    payment_id: str
    at_ms: int


@dataclass(frozen=True, kw_only=True)
class Debit:
    """Money taken for a payment of which the node has not said yet whether it took it."""

    payment_id: str
    wallet_address_id: str
    entry_id: str
    amount: int
    """What was taken, more than zero."""


class Accounts:
    """The bank's books."""

    def __init__(self, path: Path | str) -> None:
        """Open the file, made if there is none."""
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def open_account(
        self, *, wallet_address_id: str, wallet_address: str, name: str, balance: int
    ) -> None:
        """Open an account with a balance; one that is open stays as it is."""
        self._db.execute(
            "INSERT INTO accounts VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (wallet_address_id, wallet_address, name, balance),
        )

    def accounts(self) -> list[Account]:
        """All accounts by name."""
        with closing(self._db.execute("SELECT * FROM accounts ORDER BY name")) as rows:
            return [_account(row) for row in rows]

    def account(self, wallet_address_id: str) -> Account:
        """One account. Raises UnknownAccountError."""
        query = "SELECT * FROM accounts WHERE wallet_address_id = ?"
        row = self._db.execute(query, (wallet_address_id,)).fetchone()
        if row is None:
            raise UnknownAccountError(wallet_address_id)
        return _account(row)

    def entries(self, wallet_address_id: str) -> list[Entry]:
        """The newest entries of an account, newest first."""
        query = (
            "SELECT amount, what, payment_id, at_ms FROM entries WHERE wallet_address_id = ?"
            " ORDER BY at_ms DESC, rowid DESC LIMIT ?"
        )
        rows = self._db.execute(query, (wallet_address_id, ENTRIES_SHOWN_MAX))
        return [
            Entry(amount=amount, what=what, payment_id=payment_id, at_ms=at_ms)
            for amount, what, payment_id, at_ms in rows
        ]

    def book(
        self,
        *,
        entry_id: str,
        wallet_address_id: str,
        amount: int,
        what: str,
        payment_id: str,
        at_ms: int,
    ) -> bool:
        """Book an entry unless it is booked; whether it was new.

        Money taken for a payment is an open debit from then on; see `open_debits`. Raises
        UnknownAccountError or InsufficientFundsError, and then nothing is booked.
        """
        with self._transaction():
            new = self._insert(entry_id, wallet_address_id, amount, what, payment_id, at_ms)
            if new:
                self._move(wallet_address_id, amount)
                if amount < 0:
                    self._db.execute("INSERT INTO debits VALUES (?, ?)", (payment_id, entry_id))
            return new

    def open_debits(self) -> list[Debit]:
        """The debits whose payments are not known to be funded or given up, oldest first."""
        query = (
            "SELECT d.payment_id, e.wallet_address_id, d.entry_id, -e.amount"
            " FROM debits d JOIN entries e ON e.id = d.entry_id ORDER BY d.rowid"
        )
        with closing(self._db.execute(query)) as rows:
            return [
                Debit(payment_id=row[0], wallet_address_id=row[1], entry_id=row[2], amount=row[3])
                for row in rows
            ]

    def close_debit(self, debit: Debit) -> None:
        """The node took the money."""
        self._db.execute("DELETE FROM debits WHERE payment_id = ?", (debit.payment_id,))

    def give_back(self, debit: Debit, *, what: str, at_ms: int) -> None:
        """The node never took the money and never will: the customer gets it back, once."""
        with self._transaction():
            gone = self._db.execute("DELETE FROM debits WHERE payment_id = ?", (debit.payment_id,))
            if gone.rowcount == 0:
                return
            entry_id = f"{debit.entry_id}/given-back"
            owner = debit.wallet_address_id
            self._insert(entry_id, owner, debit.amount, what, debit.payment_id, at_ms)
            self._move(owner, debit.amount)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _insert(self, *values: str | int) -> bool:
        cursor = self._db.execute(
            "INSERT INTO entries (id, wallet_address_id, amount, what, payment_id, at_ms)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
            values,
        )
        return cursor.rowcount == 1

    def _move(self, wallet_address_id: str, amount: int) -> None:
        account = self.account(wallet_address_id)
        if account.balance + amount < 0:
            raise InsufficientFundsError(f"{account.name} has only {account.balance}")
        self._db.execute(
            "UPDATE accounts SET balance = balance + ? WHERE wallet_address_id = ?",
            (amount, wallet_address_id),
        )


def _account(row: tuple[str, str, str, int]) -> Account:
    return Account(wallet_address_id=row[0], wallet_address=row[1], name=row[2], balance=row[3])
