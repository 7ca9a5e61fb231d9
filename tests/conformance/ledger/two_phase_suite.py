"""Pending transfers: reserve, post in full or in part, void, expire."""

from collections.abc import Callable

import pytest

from services.backend.ledger.errors import TransferStatus
from services.backend.ledger.model import (
    FULL_AMOUNT,
    Transfer,
    TransferKind,
    TransferRecord,
    post,
    void,
)
from tests.conformance.ledger.world import World

STATUS = TransferStatus


class TwoPhaseSuite:
    async def test_a_pending_transfer_reserves_and_moves_nothing(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        await world.ok(world.pending(payer, payee, 7))
        assert await world.balances(payer) == (7, 0, 0, 10)
        assert await world.balances(payee) == (0, 0, 7, 0)
        await world.refused(STATUS.INSUFFICIENT_BALANCE, world.single(payer, payee, 4))
        await world.refused(STATUS.INSUFFICIENT_BALANCE, world.pending(payer, payee, 4))
        # What is on its way can't be spent yet.
        await world.refused(STATUS.INSUFFICIENT_BALANCE, world.single(payee, payer, 1))

    async def test_posting_in_full_moves_all(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        pending = world.pending(payer, payee, 7)
        await world.ok(pending)
        posting = post(world.id(), pending.id)
        result = await world.ok(posting)
        assert await world.balances(payer) == (0, 7, 0, 10)
        assert await world.balances(payee) == (0, 0, 0, 7)
        found = (await world.ledger.lookup_transfers([posting.id]))[posting.id]
        assert found == TransferRecord(
            id=posting.id,
            debit_account_id=payer,
            credit_account_id=payee,
            amount=7,
            ledger=world.asset,
            code=pending.code,
            kind=TransferKind.POST,
            pending_id=pending.id,
            timeout_s=0,
            user_data_128=0,
            user_data_64=0,
            user_data_32=0,
            timestamp=result.timestamps[0],
        )

    @pytest.mark.parametrize("amount", [0, 1, 6, 7])
    async def test_posting_in_part_releases_the_rest(self, world: World, amount: int) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        pending = world.pending(payer, payee, 7)
        await world.ok(pending)
        await world.ok(post(world.id(), pending.id, amount=amount))
        assert await world.balances(payer) == (0, amount, 0, 10)
        assert await world.balances(payee) == (0, 0, 0, amount)

    async def test_posting_more_than_is_pending_is_refused(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        pending = world.pending(payer, payee, 7)
        await world.ok(pending)
        await world.refused(STATUS.INVALID_AMOUNT, post(world.id(), pending.id, amount=8))
        assert await world.balances(payer) == (7, 0, 0, 10)

    async def test_voiding_releases_all(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        pending = world.pending(payer, payee, 7)
        await world.ok(pending)
        voiding = void(world.id(), pending.id)
        await world.ok(voiding)
        assert await world.balances(payer) == (0, 0, 0, 10)
        assert await world.balances(payee) == (0, 0, 0, 0)
        found = (await world.ledger.lookup_transfers([voiding.id]))[voiding.id]
        assert (found.kind, found.amount, found.pending_id) == (TransferKind.VOID, 7, pending.id)
        await world.ok(world.single(payer, payee, 10))

    async def test_a_pending_transfer_is_resolved_once(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        posted, voided = world.pending(payer, payee, 1), world.pending(payer, payee, 2)
        await world.ok(posted)
        await world.ok(voided)
        await world.ok(post(world.id(), posted.id))
        await world.ok(void(world.id(), voided.id))
        await world.refused(STATUS.ALREADY_POSTED, post(world.id(), posted.id))
        await world.refused(STATUS.ALREADY_POSTED, void(world.id(), posted.id))
        await world.refused(STATUS.ALREADY_VOIDED, post(world.id(), voided.id))
        await world.refused(STATUS.ALREADY_VOIDED, void(world.id(), voided.id))
        assert await world.balances(payer) == (0, 1, 0, 10)

    async def test_only_pending_transfers_can_be_resolved(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        single = world.single(payer, payee, 1)
        await world.ok(single)
        for pending_id in (single.id, world.id()):
            await world.refused(STATUS.UNKNOWN_TRANSFER, post(world.id(), pending_id))
            await world.refused(STATUS.UNKNOWN_TRANSFER, void(world.id(), pending_id))

    async def test_resolutions_with_fields_of_their_own_are_refused(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        pending = world.pending(payer, payee, 5)
        await world.ok(pending)
        good = post(world.id(), pending.id)
        for status, bad in (
            (STATUS.INVALID_ID, good._replace(pending_id=0)),
            (STATUS.INVALID_ID, good._replace(debit_account_id=payer)),
            (STATUS.INVALID_LEDGER, good._replace(ledger=1)),
            (STATUS.INVALID_CODE, good._replace(code=1)),
            (STATUS.INVALID_TIMEOUT, good._replace(timeout_s=1)),
            (STATUS.INVALID_AMOUNT, good._replace(amount=-1)),
            (STATUS.INVALID_AMOUNT, void(world.id(), pending.id)._replace(amount=5)),
        ):
            await world.refused(status, bad)
        await world.ok(good)

    async def test_replays_of_resolutions_are_success(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        first, second = world.pending(payer, payee, 4), world.pending(payer, payee, 5)
        posting, voiding = post(world.id(), first.id), void(world.id(), second.id)
        for transfer in (first, second, posting, voiding):
            await world.ok(transfer)
        for transfer in (first, second, posting, voiding):
            assert (await world.submit(transfer)).status is STATUS.EXISTS
        assert await world.balances(payer) == (0, 4, 0, 10)

    async def test_another_resolution_under_a_taken_id_is_a_conflict(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        first, second = world.pending(payer, payee, 4), world.pending(payer, payee, 5)
        posting = post(world.id(), first.id, amount=3)
        for transfer in (first, second, posting):
            await world.ok(transfer)
        for other in (
            posting._replace(amount=2),
            posting._replace(amount=FULL_AMOUNT),
            posting._replace(pending_id=second.id),
            posting._replace(user_data_128=9),
            void(posting.id, first.id),
        ):
            await world.refused(STATUS.TRANSFER_EXISTS, other)
        assert (await world.submit(posting)).status is STATUS.EXISTS

    async def test_a_whole_posting_may_be_named_either_way(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        pending = world.pending(payer, payee, 4)
        posting = post(world.id(), pending.id)
        await world.ok(pending)
        await world.ok(posting)
        assert (await world.submit(posting._replace(amount=4))).status is STATUS.EXISTS

    @pytest.mark.parametrize("resolve", [post, void])
    async def test_a_resolution_takes_the_user_data_that_it_leaves_open(
        self, world: World, resolve: Callable[..., Transfer]
    ) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        pending = world.pending(payer, payee, 4)
        pending = pending._replace(user_data_128=7, user_data_64=8, user_data_32=9)
        await world.ok(pending)
        resolution = resolve(world.id(), pending.id, user_data_128=70)._replace(user_data_64=80)
        await world.ok(resolution)
        found = (await world.ledger.lookup_transfers([resolution.id]))[resolution.id]
        assert (found.user_data_128, found.user_data_64, found.user_data_32) == (70, 80, 9)
        assert (await world.submit(resolution)).status is STATUS.EXISTS
        other = resolution._replace(user_data_32=10)
        await world.refused(STATUS.TRANSFER_EXISTS, other)

    async def test_reserve_and_post_in_one_chain(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        pending = world.pending(payer, payee, 6)
        await world.ok(pending, post(world.id(), pending.id, amount=5))
        assert await world.balances(payer) == (0, 5, 0, 10)

    async def test_a_failed_chain_leaves_pending_transfers_pending(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        pending = world.pending(payer, payee, 6)
        await world.ok(pending)
        posting, too_much = post(world.id(), pending.id), world.single(payer, payee, 5)
        await world.refused(STATUS.INSUFFICIENT_BALANCE, posting, too_much, at=1)
        assert await world.balances(payer) == (6, 0, 0, 10)
        await world.ok(void(world.id(), pending.id))

    async def test_pending_and_its_resolution_in_one_batch(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        first, second = world.pending(payer, payee, 6), world.pending(payer, payee, 6)
        results = await world.engine.apply(
            [[first], [second], [void(world.id(), first.id)], [world.pending(payer, payee, 6)]]
        )
        assert [result.status for result in results] == [
            STATUS.CREATED,
            STATUS.INSUFFICIENT_BALANCE,
            STATUS.CREATED,
            STATUS.CREATED,
        ]
        assert await world.balances(payer) == (6, 0, 0, 10)

    async def test_both_sides_of_a_settlement_may_be_pending(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        chain: list[Transfer] = [world.pending(payer, payee, 6), world.pending(payer, payee, 4)]
        await world.ok(*chain)
        await world.ok(*[post(world.id(), pending.id) for pending in chain])
        assert await world.balances(payee) == (0, 0, 0, 10)


class ExpirySuite:
    """Needs an engine whose time passes on request."""

    async def test_an_expired_transfer_releases_what_it_reserved(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        await world.ok(world.pending(payer, payee, 7, timeout_s=1))
        await world.pass_time(1)
        assert await world.balances(payer) == (0, 0, 0, 10)
        assert await world.balances(payee) == (0, 0, 0, 0)

    async def test_what_was_released_can_be_spent_at_once(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        await world.ok(world.pending(payer, payee, 7, timeout_s=1))
        await world.pass_time(1)
        await world.ok(world.single(payer, payee, 10))

    async def test_an_expired_transfer_can_not_be_resolved(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        pending = world.pending(payer, payee, 7, timeout_s=1)
        await world.ok(pending)
        await world.pass_time(1)
        await world.refused(STATUS.TRANSFER_EXPIRED, post(world.id(), pending.id))
        await world.refused(STATUS.TRANSFER_EXPIRED, void(world.id(), pending.id))
        assert (await world.submit(pending)).status is STATUS.EXISTS
        assert await world.balances(payer) == (0, 0, 0, 10)

    async def test_what_was_resolved_in_time_does_not_expire(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        posted = world.pending(payer, payee, 3, timeout_s=1)
        voided = world.pending(payer, payee, 4, timeout_s=1)
        await world.ok(posted)
        await world.ok(voided)
        await world.ok(post(world.id(), posted.id))
        await world.ok(void(world.id(), voided.id))
        await world.pass_time(1)
        assert await world.balances(payer) == (0, 3, 0, 10)
        await world.refused(STATUS.ALREADY_POSTED, void(world.id(), posted.id))

    async def test_without_a_timeout_nothing_expires(self, world: World) -> None:
        payer, payee = await world.account(funds=10), await world.account()
        pending, longer = world.pending(payer, payee, 3), world.pending(payer, payee, 4)
        await world.ok(pending)
        await world.ok(longer._replace(timeout_s=1_000))
        await world.pass_time(1)
        assert await world.balances(payer) == (7, 0, 0, 10)
        await world.ok(post(world.id(), pending.id))
