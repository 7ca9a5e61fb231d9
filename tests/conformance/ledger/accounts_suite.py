"""Accounts: creation, replays, lookups, limits."""

import pytest

from services.backend.ledger.errors import AccountStatus, InvalidQueryError, TransferStatus
from services.backend.ledger.model import (
    LOOKUP_IDS_MAX,
    AccountFlags,
    AccountResult,
    NewAccount,
    Transfer,
    post,
)
from services.backend.ledger.rules.chart import (
    FLAGS,
    AccountCode,
    allowance_pool_account_id,
    new_account,
    new_asset_accounts,
    settlement_account_id,
)
from tests.conformance.ledger.world import World


class AccountsSuite:
    async def test_an_account_keeps_what_it_was_created_with(self, world: World) -> None:
        given = NewAccount(
            id=world.id(),
            ledger=world.asset,
            code=AccountCode.ASSET,
            flags=FLAGS[AccountCode.ASSET],
            user_data_128=2**128 - 1,
            user_data_64=2**64 - 1,
            user_data_32=2**32 - 1,
        )
        await world.create(given)
        found = (await world.ledger.lookup_accounts([given.id]))[given.id]
        assert NewAccount(*found[:7]) == given
        assert found[7:11] == (0, 0, 0, 0)
        assert found.timestamp > 0

    @pytest.mark.parametrize("code", AccountCode)
    async def test_each_kind_of_account_can_be_created(
        self, world: World, code: AccountCode
    ) -> None:
        account_id = await world.account(code)
        assert (await world.ledger.lookup_accounts([account_id]))[account_id].code == code

    async def test_an_asset_gets_liquidity_settlement_and_allowance_pool(
        self, world: World
    ) -> None:
        asset_id = world.id()
        await world.create(*new_asset_accounts(asset_id=asset_id, ledger=world.asset))
        found = await world.ledger.lookup_accounts(
            [
                asset_id,
                settlement_account_id(world.asset),
                allowance_pool_account_id(world.asset),
            ]
        )
        assert sorted(account.code for account in found.values()) == [2, 101, 102]
        assert all(account.user_data_128 == asset_id for account in found.values())

    async def test_creating_the_same_account_again_is_success(self, world: World) -> None:
        account = new_account(
            AccountCode.PEER, account_id=world.id(), ledger=world.asset, asset_id=world.id()
        )
        await world.create(account)
        again = await world.ledger.create_accounts([account, account])
        assert again == [AccountResult(account.id, AccountStatus.EXISTS)] * 2

    async def test_an_account_twice_in_one_call_is_created_once(self, world: World) -> None:
        account = new_account(
            AccountCode.PEER, account_id=world.id(), ledger=world.asset, asset_id=world.id()
        )
        results = await world.ledger.create_accounts([account, account])
        assert [result.status for result in results] == [
            AccountStatus.CREATED,
            AccountStatus.EXISTS,
        ]

    async def test_another_account_under_the_same_id_is_refused(self, world: World) -> None:
        account = new_account(
            AccountCode.PEER, account_id=world.id(), ledger=world.asset, asset_id=world.id()
        )
        await world.create(account)
        for other in (
            account._replace(ledger=world.other_asset),
            account._replace(code=int(AccountCode.ASSET)),
            account._replace(flags=AccountFlags.NONE),
            account._replace(user_data_128=world.id()),
        ):
            (result,) = await world.ledger.create_accounts([other])
            assert result.status is AccountStatus.ACCOUNT_EXISTS
        found = (await world.ledger.lookup_accounts([account.id]))[account.id]
        assert NewAccount(*found[:7]) == account

    async def test_malformed_accounts_are_refused_beside_good_ones(self, world: World) -> None:
        good = NewAccount(world.id(), world.asset, 3, AccountFlags.NONE)
        both = (
            AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS
            | AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS
        )
        results = await world.ledger.create_accounts(
            [
                good._replace(id=0),
                good._replace(id=2**128 - 1),
                good._replace(ledger=0),
                good._replace(code=0),
                good._replace(flags=both),
                good._replace(user_data_64=2**64),
                good,
            ]
        )
        assert [result.status for result in results] == [
            AccountStatus.INVALID_ID,
            AccountStatus.INVALID_ID,
            AccountStatus.INVALID_LEDGER,
            AccountStatus.INVALID_CODE,
            AccountStatus.INVALID_FLAGS,
            AccountStatus.INVALID_USER_DATA,
            AccountStatus.CREATED,
        ]

    async def test_lookups_leave_out_what_is_unknown(self, world: World) -> None:
        account_id, unknown_id = await world.account(), world.id()
        assert list(await world.ledger.lookup_accounts([unknown_id, account_id])) == [account_id]
        assert not await world.ledger.lookup_accounts([])
        assert not await world.ledger.lookup_transfers([])

    async def test_lookups_are_bounded(self, world: World) -> None:
        too_many = list(range(1, LOOKUP_IDS_MAX + 2))
        with pytest.raises(InvalidQueryError):
            await world.ledger.lookup_accounts(too_many)
        with pytest.raises(InvalidQueryError):
            await world.ledger.lookup_transfers(too_many)

    async def test_a_liquidity_account_never_goes_below_zero(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        await world.refused(TransferStatus.INSUFFICIENT_BALANCE, world.single(payer, payee, 11))
        await world.ok(world.single(payer, payee, 10))
        await world.refused(TransferStatus.INSUFFICIENT_BALANCE, world.single(payer, payee, 1))
        assert await world.balances(payer) == (0, 10, 0, 10)

    async def test_settlement_never_takes_more_than_it_gave(self, world: World) -> None:
        settlement = await world.account(AccountCode.SETTLEMENT)
        account = await world.account(funds=100)
        await world.ok(world.single(settlement, account, 10))
        await world.refused(
            TransferStatus.INSUFFICIENT_DEBIT_BALANCE, world.single(account, settlement, 11)
        )
        await world.ok(world.single(account, settlement, 10))
        assert await world.balances(settlement) == (0, 10, 0, 10)

    async def test_unknown_accounts_and_other_assets_are_refused(self, world: World) -> None:
        account = await world.account(funds=10)
        foreign = await world.account(asset=world.other_asset)
        for status, transfer in (
            (TransferStatus.UNKNOWN_SOURCE_ACCOUNT, world.single(world.id(), account, 1)),
            (TransferStatus.UNKNOWN_SOURCE_ACCOUNT, world.single(world.id(), world.id(), 1)),
            (TransferStatus.UNKNOWN_DESTINATION_ACCOUNT, world.single(account, world.id(), 1)),
            (TransferStatus.DIFFERENT_ASSETS, world.single(account, foreign, 1)),
        ):
            await world.refused(status, transfer)
        other = await world.account()
        wrong: Transfer = world.single(account, other, 1, asset=world.other_asset)
        await world.refused(TransferStatus.DIFFERENT_ASSETS, wrong)

    async def test_a_chain_brings_the_accounts_that_it_needs(self, world: World) -> None:
        funded = await world.account(funds=10)
        account = new_account(
            AccountCode.OUTGOING_PAYMENT,
            account_id=world.id(),
            ledger=world.asset,
            asset_id=world.id(),
        )
        too_much, enough = (world.single(funded, account.id, amount) for amount in (11, 10))
        refused = await world.ledger.submit([too_much], opening=[account])
        assert refused.status is TransferStatus.INSUFFICIENT_BALANCE
        assert await world.balances(account.id) == (0, 0, 0, 0)
        done = await world.ledger.submit([enough], opening=[account])
        assert done.status is TransferStatus.CREATED
        assert (await world.ledger.submit([enough], opening=[account])).ok
        assert await world.balances(account.id) == (0, 0, 0, 10)
        fresh = account._replace(id=world.id())
        onward = world.single(account.id, fresh.id, 4)
        assert (await world.ledger.submit([onward], opening=[account, fresh, fresh])).ok
        assert await world.balances(fresh.id) == (0, 0, 0, 4)

    async def test_what_a_result_says_of_accounts_is_what_they_have(self, world: World) -> None:
        funded, other = await world.account(funds=10), await world.account()
        pending = world.pending(funded, other, 6)
        chains = [
            [pending],
            [post(world.id(), pending.id, amount=2)],
            [world.single(funded, other, 3), world.single(other, funded, 4)],
            [world.single(funded, other, 1_000)],
        ]
        for chain in chains:
            for account_id, said in ((await world.ledger.submit(chain)).balances or {}).items():
                assert tuple(said) == await world.balances(account_id)
