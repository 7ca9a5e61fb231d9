"""The chains of accounting.py do to the balances what a payment means."""

import asyncio

import pytest

from services.backend.ledger.errors import TransferStatus
from services.backend.ledger.rules.accounting import (
    Plan,
    Side,
    allowance_account_id,
    allowance_grant,
    deposit,
    new_incoming_payment_accounts,
    partial_posting,
    posting,
    transfer,
    voiding,
    withdrawal,
)
from services.backend.ledger.rules.chart import (
    AccountCode,
    balance,
    new_asset_accounts,
    settlement_account_id,
)
from tests.conformance.ledger.world import World

STATUS = TransferStatus


async def run(world: World, plan: Plan) -> TransferStatus:
    return plan.explain(await world.ledger.submit(plan.chain))


async def worth(world: World, account_id: int) -> int:
    return balance((await world.ledger.lookup_accounts([account_id]))[account_id])


async def asset(world: World, ledger: int, *, liquidity: int = 0) -> int:
    """Create an asset's accounts and return the id of its liquidity account."""
    asset_id = world.id()
    await world.create(*new_asset_accounts(asset_id=asset_id, ledger=ledger))
    if liquidity:
        plan = deposit(transfer_id=world.id(), account_id=asset_id, ledger=ledger, amount=liquidity)
        assert await run(world, plan) is STATUS.CREATED
    return asset_id


async def side(world: World, ledger: int, asset_id: int, *, funds: int = 0) -> Side:
    account_id = await world.account(AccountCode.PEER, asset=ledger)
    if funds:
        plan = deposit(transfer_id=world.id(), account_id=account_id, ledger=ledger, amount=funds)
        assert await run(world, plan) is STATUS.CREATED
    return Side(account_id=account_id, ledger=ledger, asset_account_id=asset_id)


class PaymentsSuite:
    async def test_deposit_and_withdrawal_in_one_phase(self, world: World) -> None:
        asset_id = await asset(world, world.asset)
        settlement_id = settlement_account_id(world.asset)
        names = {"account_id": asset_id, "ledger": world.asset}
        assert await run(world, deposit(transfer_id=world.id(), amount=10, **names)) is (
            STATUS.CREATED
        )
        assert (await worth(world, asset_id), await worth(world, settlement_id)) == (10, 10)
        too_much = withdrawal(transfer_id=world.id(), amount=11, **names)
        assert await run(world, too_much) is STATUS.INSUFFICIENT_BALANCE
        rest = withdrawal(transfer_id=world.id(), amount=10, **names)
        assert await run(world, rest) is STATUS.CREATED
        assert (await worth(world, asset_id), await worth(world, settlement_id)) == (0, 0)

    async def test_a_withdrawal_in_two_phases_holds_the_money(self, world: World) -> None:
        asset_id = await asset(world, world.asset, liquidity=10)
        names = {"account_id": asset_id, "ledger": world.asset}
        first = withdrawal(transfer_id=world.id(), amount=6, timeout_s=3600, **names)
        assert await run(world, first) is STATUS.CREATED
        assert await worth(world, asset_id) == 4
        assert await run(world, voiding(first.pending_ids)) is STATUS.CREATED
        assert await worth(world, asset_id) == 10
        second = withdrawal(transfer_id=world.id(), amount=6, timeout_s=3600, **names)
        assert await run(world, second) is STATUS.CREATED
        assert await run(world, partial_posting(second.pending_ids[0], amount=5)) is (
            STATUS.CREATED
        )
        assert await run(world, voiding(second.pending_ids)) is STATUS.ALREADY_POSTED
        assert await worth(world, asset_id) == 5

    @pytest.mark.parametrize(
        ("sent", "received", "liquidity_after"), [(10, 10, 50), (10, 7, 53), (10, 12, 48)]
    )
    async def test_within_an_asset_liquidity_takes_the_difference(
        self, world: World, sent: int, received: int, liquidity_after: int
    ) -> None:
        asset_id = await asset(world, world.asset, liquidity=50)
        source = await side(world, world.asset, asset_id, funds=10)
        destination = await side(world, world.asset, asset_id)
        plan = transfer(
            transfer_id=world.id(),
            source=source,
            destination=destination,
            source_amount=sent,
            destination_amount=received,
        )
        assert await run(world, plan) is STATUS.CREATED
        assert await run(world, plan) is STATUS.EXISTS
        assert await worth(world, source.account_id) == 0
        assert await worth(world, destination.account_id) == received
        assert await worth(world, asset_id) == liquidity_after

    @pytest.mark.parametrize("resolution", ["single", "post", "void"])
    async def test_across_assets_both_liquidity_accounts_take_part(
        self, world: World, resolution: str
    ) -> None:
        from_asset = await asset(world, world.asset)
        to_asset = await asset(world, world.other_asset, liquidity=100)
        source = await side(world, world.asset, from_asset, funds=10)
        destination = await side(world, world.other_asset, to_asset)
        plan = transfer(
            transfer_id=world.id(),
            source=source,
            destination=destination,
            source_amount=10,
            destination_amount=99,
            timeout_s=0 if resolution == "single" else 3600,
        )
        assert await run(world, plan) is STATUS.CREATED
        if resolution == "post":
            assert await run(world, posting(plan.pending_ids)) is STATUS.CREATED
        if resolution == "void":
            assert await run(world, voiding(plan.pending_ids)) is STATUS.CREATED
        accounts = [source.account_id, from_asset, to_asset, destination.account_id]
        after = [await worth(world, account_id) for account_id in accounts]
        assert after == ([10, 0, 100, 0] if resolution == "void" else [0, 10, 1, 99])

    async def test_failures_are_told_in_the_payments_terms(self, world: World) -> None:
        from_asset = await asset(world, world.asset)
        to_asset = await asset(world, world.other_asset, liquidity=5)
        source = await side(world, world.asset, from_asset, funds=10)
        neighbour = await side(world, world.asset, from_asset)
        abroad = await side(world, world.other_asset, to_asset)
        for destination, sent, received, status in (
            (abroad, 11, 1, STATUS.INSUFFICIENT_BALANCE),
            (abroad, 10, 6, STATUS.INSUFFICIENT_LIQUIDITY),
            (abroad, 0, 1, STATUS.INVALID_SOURCE_AMOUNT),
            (abroad, 1, 0, STATUS.INVALID_DESTINATION_AMOUNT),
            (neighbour, 11, 11, STATUS.INSUFFICIENT_BALANCE),
            (neighbour, 11, 10, STATUS.INSUFFICIENT_BALANCE),
            (neighbour, 9, 10, STATUS.INSUFFICIENT_LIQUIDITY),
            (neighbour, 0, 1, STATUS.INVALID_SOURCE_AMOUNT),
            (neighbour, 1, 0, STATUS.INVALID_DESTINATION_AMOUNT),
            (source, 1, 1, STATUS.SAME_ACCOUNTS),
        ):
            plan = transfer(
                transfer_id=world.id(),
                source=source,
                destination=destination,
                source_amount=sent,
                destination_amount=received,
            )
            assert await run(world, plan) is status
        assert await worth(world, source.account_id) == 10

    async def test_an_incoming_payment_accepts_no_more_than_its_amount(self, world: World) -> None:
        """However many packets are in flight; here forty of 7 for an allowance of 100."""
        asset_id = await asset(world, world.asset)
        source = await side(world, world.asset, asset_id, funds=1_000)
        payment_id = world.id()
        await world.create(
            *new_incoming_payment_accounts(
                payment_id=payment_id, ledger=world.asset, asset_id=asset_id, limited=True
            )
        )
        grant = allowance_grant(payment_id=payment_id, ledger=world.asset, incoming_amount=100)
        assert await run(world, grant) is STATUS.CREATED
        assert await run(world, grant) is STATUS.EXISTS
        other = allowance_grant(payment_id=payment_id, ledger=world.asset, incoming_amount=101)
        assert await run(world, other) is STATUS.TRANSFER_EXISTS
        destination = Side(account_id=payment_id, ledger=world.asset, asset_account_id=asset_id)

        def packet(amount: int) -> Plan:
            return transfer(
                transfer_id=world.id(),
                source=source,
                destination=destination,
                source_amount=amount,
                destination_amount=amount,
                allowance_account_id=allowance_account_id(payment_id),
            )

        statuses = await asyncio.gather(*[run(world, packet(7)) for _ in range(40)])
        assert sorted(statuses) == sorted([STATUS.CREATED] * 14 + [STATUS.ALLOWANCE_EXCEEDED] * 26)
        assert await worth(world, payment_id) == 98
        assert await worth(world, source.account_id) == 1_000 - 98
        assert await run(world, packet(2)) is STATUS.CREATED
        assert await run(world, packet(1)) is STATUS.ALLOWANCE_EXCEEDED
        assert await worth(world, payment_id) == 100

    async def test_a_payment_without_an_amount_has_no_allowance(self, world: World) -> None:
        accounts = new_incoming_payment_accounts(
            payment_id=world.id(), ledger=world.asset, asset_id=world.id(), limited=False
        )
        assert [account.code for account in accounts] == [AccountCode.INCOMING_PAYMENT]
