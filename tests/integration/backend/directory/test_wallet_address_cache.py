"""The wallet addresses in use: bounded, and never older than what was answered."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from servicekit.database import Database, ReadSession

from services.backend.directory import wallet_address_cache
from services.backend.directory.wallet_address_cache import WalletAddressCache
from tests.integration.backend.admin.conftest import OPEN_PAYMENTS_URL, OPERATOR
from tests.integration.backend.directory.conftest import Bank
from tests.support.growth import add_wallets, wallet_id

MANY, REMEMBERED = 200, 10


class Interrupted:
    """A database in which something happens while a row is on its way from it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.cache: WalletAddressCache | None = None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        async with self._database.read() as session:
            yield session
        if self.cache is not None:
            self.cache.forget(wallet_id(1))


@pytest.fixture
async def database(bank: Bank) -> Database:
    asset_id = UUID((await bank.asset()).id)
    await add_wallets(
        bank.database, MANY, tenant_id=OPERATOR, asset_id=asset_id, base=OPEN_PAYMENTS_URL
    )
    return bank.database


async def test_it_keeps_the_last_ones_only(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wallet_address_cache, "REMEMBERED_MAX", REMEMBERED)
    cache = WalletAddressCache(database=database)
    for number in range(1, MANY + 1):
        await cache.by_ids([wallet_id(number)])
        await cache.by_ids([wallet_id(1)])  # asked for all the time, so it stays
    assert len(cache) == REMEMBERED
    last = [wallet_id(1), *(wallet_id(MANY - n) for n in range(REMEMBERED - 1))]
    with database.count_statements() as statements:
        assert set(await cache.by_ids(last)) == set(last)
        entry = await cache.by_address(f"{OPEN_PAYMENTS_URL}/many/{MANY}")
    assert entry is not None
    assert entry.wallet_address.id == wallet_id(MANY)
    assert not [each for each in statements if "wallet_addresses" in each]


async def test_what_is_not_there_is_not_remembered(database: Database) -> None:
    cache = WalletAddressCache(database=database)
    assert await cache.by_ids([wallet_id(MANY + 1)]) == {}
    assert await cache.by_address(f"{OPEN_PAYMENTS_URL}/nobody") is None
    assert len(cache) == 0


async def test_what_changed_while_it_was_read_is_not_kept(database: Database) -> None:
    interrupted = Interrupted(database)
    cache = WalletAddressCache(database=interrupted)  # type: ignore[arg-type] # reads only
    interrupted.cache = cache
    assert set(await cache.by_ids([wallet_id(1)])) == {wallet_id(1)}
    assert await cache.by_address(f"{OPEN_PAYMENTS_URL}/many/2") is not None
    assert len(cache) == 0


async def test_one_of_too_much_text_is_read_each_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wallet_address_cache, "ENTRY_CHARACTERS_MAX", 10)
    cache = WalletAddressCache(database=database)
    assert set(await cache.by_ids([wallet_id(1)])) == {wallet_id(1)}
    assert len(cache) == 0


async def test_forgetting_all_forgets_urls_too(database: Database) -> None:
    cache = WalletAddressCache(database=database)
    await cache.by_ids([wallet_id(1), wallet_id(2)])
    cache.forget_all()
    with database.count_statements() as statements:
        assert await cache.by_address(f"{OPEN_PAYMENTS_URL}/many/1") is not None
    assert [each for each in statements if "wallet_addresses" in each]
