"""Transfers and chains: all or nothing, replays, order, history."""

import pytest

from services.backend.ledger.errors import (
    InvalidChainError,
    InvalidQueryError,
    TransferStatus,
)
from services.backend.ledger.model import (
    AMOUNT_MAX,
    CHAIN_TRANSFERS_MAX,
    HISTORY_LIMIT_MAX,
    Transfer,
    TransferKind,
    TransferRecord,
)
from tests.conformance.ledger.world import World

STATUS = TransferStatus


class TransfersSuite:
    async def test_a_transfer_keeps_what_it_was_made_with(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        transfer = world.single(payer, payee, 7)._replace(
            user_data_128=2**128 - 1, user_data_64=2**64 - 1, user_data_32=2**32 - 1
        )
        result = await world.ok(transfer)
        found = (await world.ledger.lookup_transfers([transfer.id]))[transfer.id]
        assert found == TransferRecord(*transfer, result.timestamps[0])
        assert await world.balances(payer) == (0, 7, 0, 10)
        assert await world.balances(payee) == (0, 0, 0, 7)

    async def test_amounts_go_up_to_64_bits_and_balances_beyond(self, world: World) -> None:
        payer = await world.account(funds=AMOUNT_MAX)
        payee = await world.account(funds=AMOUNT_MAX)
        await world.ok(world.single(payer, payee, AMOUNT_MAX))
        assert await world.balances(payee) == (0, 0, 0, 2 * AMOUNT_MAX)

    async def test_malformed_transfers_are_refused_and_burn_no_id(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        good = world.single(payer, payee, 1)
        for status, bad in (
            (STATUS.INVALID_ID, good._replace(id=0)),
            (STATUS.INVALID_ID, good._replace(id=2**128 - 1)),
            (STATUS.INVALID_ID, good._replace(debit_account_id=0)),
            (STATUS.INVALID_ID, good._replace(pending_id=5)),
            (STATUS.SAME_ACCOUNTS, good._replace(credit_account_id=payer)),
            (STATUS.INVALID_AMOUNT, good._replace(amount=0)),
            (STATUS.INVALID_AMOUNT, good._replace(amount=-1)),
            (STATUS.INVALID_AMOUNT, good._replace(amount=AMOUNT_MAX + 1)),
            (STATUS.INVALID_LEDGER, good._replace(ledger=0)),
            (STATUS.INVALID_CODE, good._replace(code=0)),
            (STATUS.INVALID_TIMEOUT, good._replace(timeout_s=1)),
            (STATUS.INVALID_TIMEOUT, good._replace(kind=TransferKind.PENDING, timeout_s=-1)),
            (STATUS.INVALID_USER_DATA, good._replace(user_data_32=2**32)),
        ):
            await world.refused(status, bad)
        await world.ok(good)

    async def test_a_replay_is_success_and_moves_nothing(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        transfer = world.single(payer, payee, 10)
        first = await world.ok(transfer)
        again = await world.submit(transfer)
        assert (again.status, again.ok) == (STATUS.EXISTS, True)
        assert again.timestamps == first.timestamps
        assert await world.balances(payer) == (0, 10, 0, 10)

    async def test_other_content_under_a_taken_id_is_a_conflict(self, world: World) -> None:
        payer, payee, third = [await world.account(funds=10) for _ in range(3)]
        transfer = world.single(payer, payee, 5)
        await world.ok(transfer)
        for other in (
            transfer._replace(amount=6),
            transfer._replace(debit_account_id=third),
            transfer._replace(credit_account_id=third),
            transfer._replace(code=2),
            transfer._replace(user_data_128=1),
            transfer._replace(user_data_64=1),
            transfer._replace(user_data_32=1),
            transfer._replace(kind=TransferKind.PENDING),
        ):
            await world.refused(STATUS.TRANSFER_EXISTS, other)
        assert await world.balances(payer) == (0, 5, 0, 10)

    async def test_a_chain_is_applied_as_a_whole(self, world: World) -> None:
        payer, middle, payee = (
            await world.account(funds=10),
            *[await world.account() for _ in range(2)],
        )
        # The second transfer needs what the first one brings.
        chain = [world.single(payer, middle, 10), world.single(middle, payee, 10)]
        result = await world.ok(*chain)
        assert len(result.timestamps) == 2
        assert result.timestamps[0] < result.timestamps[1]
        assert await world.balances(middle) == (0, 10, 0, 10)

    @pytest.mark.parametrize("failing", [0, 1, 2])
    async def test_a_failure_takes_the_whole_chain_back(self, world: World, failing: int) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        chain = [world.single(payer, payee, 1) for _ in range(3)]
        chain[failing] = chain[failing]._replace(amount=100)
        result = await world.submit(*chain)
        statuses = [STATUS.LINKED_TRANSFER_FAILED] * 3
        statuses[failing] = STATUS.INSUFFICIENT_BALANCE
        assert list(result.statuses) == statuses
        assert await world.balances(payer) == (0, 0, 0, 10)
        assert await world.balances(payee) == (0, 0, 0, 0)
        assert not await world.ledger.lookup_transfers([transfer.id for transfer in chain])

    async def test_the_neighbours_of_a_failed_transfer_may_be_tried_again(
        self, world: World
    ) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        first, second = world.single(payer, payee, 1), world.single(payer, payee, 100)
        await world.refused(STATUS.INSUFFICIENT_BALANCE, first, second, at=1)
        await world.ok(first, second._replace(id=world.id(), amount=2))
        assert await world.balances(payer) == (0, 3, 0, 10)

    async def test_replaying_a_chain_is_success(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        chain = [world.single(payer, payee, 2) for _ in range(3)]
        first = await world.ok(*chain)
        again = await world.submit(*chain)
        assert (again.status, again.timestamps) == (STATUS.EXISTS, first.timestamps)
        assert await world.balances(payer) == (0, 6, 0, 10)

    async def test_a_chain_of_which_a_part_is_there_is_a_conflict(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        known, fresh = world.single(payer, payee, 2), world.single(payer, payee, 3)
        await world.ok(known)
        await world.refused(STATUS.TRANSFER_EXISTS, known, fresh, at=0)
        later = world.single(payer, payee, 3)
        await world.refused(STATUS.TRANSFER_EXISTS, later, known, at=1)
        assert await world.balances(payer) == (0, 2, 0, 10)

    async def test_chains_that_make_no_sense_are_refused(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        transfer = world.single(payer, payee, 1)
        for chain in ([], [transfer, transfer], [transfer] * (CHAIN_TRANSFERS_MAX + 1)):
            with pytest.raises(InvalidChainError):
                await world.ledger.submit(chain)
        assert await world.balances(payer) == (0, 0, 0, 10)

    async def test_the_longest_chain_fits(self, world: World) -> None:
        payer, payee = await world.account(funds=CHAIN_TRANSFERS_MAX), await world.account()
        chain = [world.single(payer, payee, 1) for _ in range(CHAIN_TRANSFERS_MAX)]
        await world.ok(*chain)
        assert await world.balances(payer) == (0, CHAIN_TRANSFERS_MAX, 0, CHAIN_TRANSFERS_MAX)

    async def test_limits_hold_after_each_transfer_of_a_batch(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        chains = [[world.single(payer, payee, 3)] for _ in range(4)]
        chains.append([world.single(payee, payer, 9)])
        chains.append([world.single(payer, payee, 10)])
        results = await world.engine.apply(chains)
        assert [result.status for result in results] == [
            STATUS.CREATED,
            STATUS.CREATED,
            STATUS.CREATED,
            STATUS.INSUFFICIENT_BALANCE,
            STATUS.CREATED,
            STATUS.CREATED,
        ]
        assert await world.balances(payer) == (0, 19, 0, 19)

    async def test_chains_in_a_batch_do_not_run_into_one_another(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()

        def chain(*amounts: int) -> list[Transfer]:
            return [world.single(payer, payee, amount) for amount in amounts]

        results = await world.engine.apply([chain(1, 2), chain(1, 99), chain(3), chain(98, 1)])
        assert [(result.status, result.failed_at) for result in results] == [
            (STATUS.CREATED, 0),
            (STATUS.INSUFFICIENT_BALANCE, 1),
            (STATUS.CREATED, 0),
            (STATUS.INSUFFICIENT_BALANCE, 0),
        ]
        assert await world.balances(payer) == (0, 6, 0, 10)

    async def test_one_id_twice_in_a_batch_is_applied_once(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        transfer = world.single(payer, payee, 4)
        other = transfer._replace(amount=5)
        results = await world.engine.apply([[transfer], [transfer], [other]])
        assert [result.status for result in results] == [
            STATUS.CREATED,
            STATUS.EXISTS,
            STATUS.TRANSFER_EXISTS,
        ]
        assert await world.balances(payer) == (0, 4, 0, 10)

    async def test_an_empty_batch_is_no_trouble(self, world: World) -> None:
        assert await world.engine.apply([]) == []


class HistorySuite:
    async def test_history_has_debits_and_credits_in_order(self, world: World) -> None:
        account, other = await world.account(funds=10), await world.account()
        sent = [world.single(account, other, amount) for amount in (1, 2, 3)]
        for transfer in sent:
            await world.ok(transfer)
        back = world.single(other, account, 6)
        await world.ok(back)
        page = await world.ledger.history(account, limit=10)
        ids = [record.id for record in page.transfers]
        assert ids[1:] == [*[transfer.id for transfer in sent], back.id]
        assert page.cursor is None
        timestamps = [record.timestamp for record in page.transfers]
        assert timestamps == sorted(set(timestamps))

    @pytest.mark.parametrize("newest_first", [False, True])
    @pytest.mark.parametrize("limit", [1, 2, 3, 5, 7, 8])
    async def test_pages_join_without_gap_or_overlap(
        self, world: World, limit: int, newest_first: bool
    ) -> None:
        account, other = await world.account(funds=100), await world.account(funds=100)
        chain = [world.single(account, other, 1) for _ in range(3)]
        await world.ok(*chain)
        await world.engine.apply([[world.single(other, account, 1)] for _ in range(3)])
        whole = await world.ledger.history(account, limit=100, newest_first=newest_first)
        assert len(whole.transfers) == 7
        assert whole.cursor is None
        found: list[TransferRecord] = []
        cursor = None
        while True:
            page = await world.ledger.history(
                account, cursor=cursor, limit=limit, newest_first=newest_first
            )
            assert len(page.transfers) <= limit
            found += page.transfers
            cursor = page.cursor
            if cursor is None:
                break
        assert found == list(whole.transfers)
        oldest_first = await world.ledger.history(account, limit=100)
        expected = oldest_first.transfers[::-1] if newest_first else oldest_first.transfers
        assert whole.transfers == expected

    async def test_refused_transfers_leave_no_trace(self, world: World) -> None:
        account, other = await world.account(), await world.account()
        transfer = world.single(account, other, 1)
        await world.refused(STATUS.INSUFFICIENT_BALANCE, transfer)
        assert (await world.ledger.history(account, limit=10)).transfers == ()
        assert not await world.exists(transfer.id)

    async def test_an_unknown_account_has_an_empty_history(self, world: World) -> None:
        page = await world.ledger.history(world.id(), limit=10)
        assert (page.transfers, page.cursor) == ((), None)

    async def test_history_is_bounded(self, world: World) -> None:
        account = await world.account()
        for limit in (0, -1, HISTORY_LIMIT_MAX + 1):
            with pytest.raises(InvalidQueryError):
                await world.ledger.history(account, limit=limit)
        for cursor in (0, -1, 2**63):
            with pytest.raises(InvalidQueryError):
                await world.ledger.history(account, cursor=cursor, limit=1)
