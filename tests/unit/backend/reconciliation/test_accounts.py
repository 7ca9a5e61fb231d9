"""A walk along an account's transfers meets its totals, or says where it went past them."""

from uuid import UUID

import pytest

from services.backend.ledger.memory.engine import MemoryLedger
from services.backend.ledger.model import Account, Transfer
from services.backend.ledger.rules.chart import (
    TransferCode,
    new_asset_accounts,
    settlement_account_id,
)
from services.backend.reconciliation import accounts
from services.backend.reconciliation.accounts import walk
from services.backend.reconciliation.model import Agreed, Kind
from tests.support.clock import ManualClock

LEDGER = 7
ASSET = UUID("018f0000-0000-7000-8000-000000000001")
SETTLEMENT = settlement_account_id(LEDGER)
START = Agreed(account_id=ASSET, timestamp=0, debits=0, credits=0)


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger(clock=ManualClock())


async def deposit(ledger: MemoryLedger, first_id: int, *values: int) -> Account:
    """Deposit one after the other; returns the account after them."""
    await ledger.create_accounts(new_asset_accounts(asset_id=ASSET.int, ledger=LEDGER))
    for number, value in enumerate(values, first_id):
        code = int(TransferCode.DEPOSIT)
        (result,) = await ledger.apply(
            [[Transfer(number, SETTLEMENT, ASSET.int, value, LEDGER, code)]]
        )
        assert result.ok
    return (await ledger.lookup_accounts([ASSET.int]))[ASSET.int]


async def test_transfers_made_after_the_totals_were_read_do_not_matter(
    ledger: MemoryLedger,
) -> None:
    account = await deposit(ledger, 1, 10, 20)
    await deposit(ledger, 3, 30)
    walked = await walk(ledger, account, START)
    assert walked.finding is None
    assert walked.agreed.credits == 30
    assert walked.met == {UUID(int=SETTLEMENT)}


async def test_only_what_is_new_is_walked(
    ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreed = (await walk(ledger, await deposit(ledger, 1, 10, 20), START)).agreed
    account = await deposit(ledger, 3, 1, 2, 3)
    read: list[int] = []
    history = ledger.history

    async def counted(account_id: int, *, cursor: int | None = None, limit: int) -> object:
        page = await history(account_id, cursor=cursor, limit=limit)
        read.append(len(page.transfers))
        return page

    monkeypatch.setattr(ledger, "history", counted)
    monkeypatch.setattr(accounts, "PAGE_MAX", 2)
    assert (await walk(ledger, account, agreed)).agreed.credits == 36
    assert read == [2, 1]
    assert (await walk(ledger, account, (await walk(ledger, account, agreed)).agreed)).met == set()


async def test_the_transfer_that_goes_past_the_totals_is_named(ledger: MemoryLedger) -> None:
    account = (await deposit(ledger, 1, 10, 20, 30))._replace(credits_posted=25)
    walked = await walk(ledger, account, START)
    assert walked.agreed == START
    assert walked.finding is not None
    assert (walked.finding.kind, walked.finding.transfer_id) == (Kind.ACCOUNT, UUID(int=2))


async def test_totals_that_no_transfer_reaches_are_a_difference(ledger: MemoryLedger) -> None:
    account = (await deposit(ledger, 1, 10, 20))._replace(credits_posted=31)
    finding = (await walk(ledger, account, START)).finding
    assert finding is not None
    assert (finding.expected, finding.found) == (30, 31)
