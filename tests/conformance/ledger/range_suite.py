"""What an asset holds stays within an amount: the engines that evaluate with our own code."""

import asyncio
import random  # noqa: TID251 - deposits that a seed decides

import pytest

from services.backend.ledger.errors import TransferStatus
from services.backend.ledger.model import AMOUNT_MAX, Transfer, TransferKind, post
from services.backend.ledger.rules.accounting import deposit, withdrawal
from services.backend.ledger.rules.chart import AccountCode, balance
from tests.conformance.ledger.world import World


class RangeSuite:
    async def test_a_deposit_past_the_range_is_refused_until_there_is_room(
        self, world: World
    ) -> None:
        asset = world.asset
        await world.account(AccountCode.SETTLEMENT, account_id=asset)
        peer = await world.account()

        def brings(amount: int, timeout_s: int = 0) -> tuple[Transfer, ...]:
            return deposit(
                transfer_id=world.id(),
                account_id=peer,
                ledger=asset,
                amount=amount,
                timeout_s=timeout_s,
            ).chain

        await world.ok(*brings(AMOUNT_MAX - 10))
        await world.refused(TransferStatus.DEPOSIT_TOO_LARGE, *brings(11))
        (reserved,) = brings(7, timeout_s=60)
        await world.ok(reserved)
        await world.refused(TransferStatus.DEPOSIT_TOO_LARGE, *brings(4))
        await world.ok(*brings(3))
        await world.ok(post(world.id(), reserved.id))
        taken = withdrawal(transfer_id=world.id(), account_id=peer, ledger=asset, amount=5)
        await world.ok(*taken.chain)
        await world.refused(TransferStatus.DEPOSIT_TOO_LARGE, *brings(6))
        await world.ok(*brings(5))
        assert await world.balances(peer) == (0, 5, 0, AMOUNT_MAX + 5)

    @pytest.mark.property
    @pytest.mark.parametrize("seed", range(8))
    async def test_deposits_at_once_never_pass_the_range_together(
        self, world: World, seed: int
    ) -> None:
        choose = random.Random(seed)  # noqa: S311 - a workload, no secret
        asset = world.asset
        await world.account(AccountCode.SETTLEMENT, account_id=asset)
        peers = [await world.account() for _ in range(3)]
        largest = choose.choice([AMOUNT_MAX, AMOUNT_MAX // 3, AMOUNT_MAX // 20, 2**41])
        chains = []
        for _ in range(30):
            plan = (withdrawal if choose.random() < 0.2 else deposit)(
                transfer_id=world.id(),
                account_id=choose.choice(peers),
                ledger=asset,
                amount=choose.randint(1, largest),
                timeout_s=choose.choice([0, 0, 60]),
            )
            chains.append(plan.chain)
        results = await asyncio.gather(*(world.submit(*chain) for chain in chains))
        accounts = await world.ledger.lookup_accounts([asset, *peers])
        assert 0 <= balance(accounts[asset]) <= AMOUNT_MAX
        held = sum(accounts[peer].credits_posted - accounts[peer].debits_posted for peer in peers)
        moved = [
            transfer.amount if transfer.debit_account_id == asset else -transfer.amount
            for (transfer,), result in zip(chains, results, strict=True)
            if result.ok and transfer.kind is TransferKind.SINGLE
        ]
        assert held == sum(moved)
        allowed = {TransferStatus.DEPOSIT_TOO_LARGE, TransferStatus.INSUFFICIENT_BALANCE}
        assert {result.status for result in results if not result.ok} <= allowed
