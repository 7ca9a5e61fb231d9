import pytest

from services.backend.ledger.model import Transfer, TransferKind, post
from services.backend.ledger.postgres.codec import (
    StaleReadError,
    Tag,
    changed,
    decode_batch,
    encode_batch,
    encode_names,
)
from services.backend.ledger.rules.evaluate import evaluate

NO = (None, None)


def account(account_id: int, *, flags: int = 0, credits_posted: int = 0) -> tuple[object, ...]:
    balances = (0, 0, 0, credits_posted)
    return (Tag.ACCOUNT, account_id, *NO, 1, *balances, flags, *NO, 50, *NO)


def pending(pending_id: int, debit_id: int, credit_id: int, tag: Tag) -> tuple[object, ...]:
    amounts = (5, None, None, None)
    return (tag, pending_id, debit_id, credit_id, 1, *amounts, 1, 0, None, 99, None, None)


def now(now_ns: int) -> tuple[object, ...]:
    return (Tag.NOW, *[None] * 11, now_ns, *NO)


def test_a_batch_names_what_it_touches() -> None:
    chains = [
        (Transfer(10, 1, 2, 5, 1, 1), Transfer(11, 2, 1, 5, 1, 1)),
        (post(12, 9),),
    ]
    accounts, transfers, pendings = encode_names(chains)
    assert sorted(accounts.strip("{}").split(",")) == [f"{1:032x}", f"{2:032x}"]
    assert transfers == "{" + ",".join(f"{number:032x}" for number in (10, 11, 12)) + "}"
    assert pendings == f"{{{9:032x}}}"


def test_what_changed_goes_back_column_by_column() -> None:
    books, due, now_ns = decode_batch([account(1), account(2), account(3), now(60)])
    assert (due, now_ns) == ([], 60)
    chains = [
        (Transfer(10, 1, 2, 2**64 - 1, 1, 1, user_data_128=7),),
        (Transfer(11, 1, 2, 4, 1, 1, TransferKind.PENDING, timeout_s=3),),
    ]
    assert all(result.ok for result in evaluate(books, chains, now_ns))
    assert changed(books)
    sent = encode_batch(books)
    assert len(sent) == 21
    assert sent[0] == f"{{{1:032x},{2:032x}}}"  # account 3 was not touched
    assert sent[1:6] == ["{4,0}", f"{{{2**64 - 1},0}}", "{0,4}", f"{{0,{2**64 - 1}}}", "{61,61}"]
    assert sent[9:13] == [f"{{{2**64 - 1},4}}", "{1}", "{1}", "{0,1}"]
    assert sent[13:18] == ["{}", "{0,3}", f"{{{7:032x},NULL}}", "{}", "{}"]
    assert sent[18:] == ["{60,61}", "{}", "{}"]


def test_a_batch_that_changed_nothing_writes_nothing() -> None:
    books, _, now_ns = decode_batch([account(1, flags=2), account(2), now(60)])
    (result,) = evaluate(books, [(Transfer(10, 1, 2, 5, 1, 1),)], now_ns)
    assert not result.ok
    assert not changed(books)


def test_a_named_pending_transfer_with_unlocked_accounts_is_loaded_again() -> None:
    with pytest.raises(StaleReadError):
        decode_batch([account(1), pending(9, 1, 2, Tag.PENDING), now(60)])


def test_one_that_is_due_with_unlocked_accounts_is_left_to_the_next_batch() -> None:
    rows = [account(1), account(2), pending(8, 1, 2, Tag.DUE), pending(9, 1, 3, Tag.DUE), now(60)]
    books, due, _ = decode_batch(rows)
    assert [each.id for each in due] == [8]
    assert set(books.pendings) == {8}
