from pathlib import Path

import pytest

from deploy.local.ase.accounts import Accounts, InsufficientFundsError, UnknownAccountError


@pytest.fixture
def books(tmp_path: Path) -> Accounts:
    accounts = Accounts(tmp_path / "accounts.sqlite")
    accounts.open_account(
        wallet_address_id="w1", wallet_address="http://w/alice", name="Alice", balance=100
    )
    return accounts


def book(books: Accounts, entry_id: str, amount: int, wallet_address_id: str = "w1") -> bool:
    return books.book(
        entry_id=entry_id,
        wallet_address_id=wallet_address_id,
        amount=amount,
        what="payment",
        payment_id="p",
        at_ms=1,
    )


def test_an_entry_counts_once(books: Accounts) -> None:
    assert [book(books, "e1", -30), book(books, "e1", -30), book(books, "e2", 5)] == [
        True,
        False,
        True,
    ]
    assert books.account("w1").balance == 75
    assert [entry.amount for entry in books.entries("w1")] == [5, -30]


def test_nothing_is_booked_beyond_the_balance(books: Accounts) -> None:
    with pytest.raises(InsufficientFundsError):
        book(books, "e1", -101)
    assert books.entries("w1") == []
    assert book(books, "e1", -100)
    assert books.account("w1").balance == 0


def test_unknown_accounts_are_refused_and_leave_no_entry(books: Accounts) -> None:
    with pytest.raises(UnknownAccountError):
        book(books, "e1", 1, "w2")
    books.open_account(wallet_address_id="w2", wallet_address="http://w/b", name="B", balance=0)
    assert book(books, "e1", 1, "w2")


def test_opening_an_open_account_changes_nothing(books: Accounts) -> None:
    book(books, "e1", -30)
    books.open_account(wallet_address_id="w1", wallet_address="x", name="x", balance=100)
    assert books.account("w1").balance == 70
    assert [account.name for account in books.accounts()] == ["Alice"]


def test_accounts_outlive_their_process(books: Accounts, tmp_path: Path) -> None:
    book(books, "e1", -30)
    books.close()
    again = Accounts(tmp_path / "accounts.sqlite")
    assert again.account("w1").balance == 70
    assert not book(again, "e1", -30)
