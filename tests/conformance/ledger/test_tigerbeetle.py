"""The TigerBeetle engine passes the contract, on a real server."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from services.backend.ledger.errors import TransferStatus
from services.backend.ledger.model import AccountFlags, NewAccount, Transfer, TransferKind
from services.backend.ledger.tigerbeetle.engine import TigerBeetleLedger
from tests.conformance.ledger.machine import LedgerMachine
from tests.conformance.ledger.suite import ExpirySuite, LedgerConformance
from tests.conformance.ledger.world import World
from tests.support.clock import ManualClock
from tests.support.tigerbeetle import Cluster

pytestmark = [pytest.mark.conformance, pytest.mark.tigerbeetle]


async def opened(cluster: Cluster) -> TigerBeetleLedger:
    return await TigerBeetleLedger.open(cluster.addresses, cluster_id=cluster.cluster_id)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(tigerbeetle_cluster: Cluster) -> AsyncIterator[TigerBeetleLedger]:
    running = await opened(tigerbeetle_cluster)
    yield running
    await running.close()


@pytest.fixture
def world(engine: TigerBeetleLedger) -> World:
    async def pass_time(seconds: float) -> None:
        await outlast(engine, int(seconds))

    return World(engine, pass_time)


async def outlast(engine: TigerBeetleLedger, seconds: int) -> None:
    """Wait until the cluster itself has expired a reservation of that many seconds.

    Its clock can't be moved. It expires reservations in the order in which they fall due, so those
    made before with the same timeout are gone too.
    """
    payer, payee, reservation = (1 + secrets.randbits(127) for _ in range(3))
    none = AccountFlags.NONE
    await engine.create_accounts([NewAccount(payer, 1, 1, none), NewAccount(payee, 1, 1, none)])
    kind = TransferKind.PENDING
    [result] = await engine.apply(
        [[Transfer(reservation, payer, payee, 1, 1, 1, kind, timeout_s=seconds)]]
    )
    assert result.ok
    while (await engine.lookup_accounts([payer]))[payer].debits_pending:
        pass  # each look takes a turn of the cluster


# One loop for the module: a session takes over half a second to open and belongs to its loop.
@pytest.mark.asyncio(loop_scope="module")
class TestTigerBeetleLedger(LedgerConformance, ExpirySuite):
    async def test_a_refused_id_is_burnt(self, world: World) -> None:
        payer, payee = await world.account(), await world.account()
        transfer = world.single(payer, payee, 1)
        await world.refused(TransferStatus.INSUFFICIENT_BALANCE, transfer)
        source = await world.account(funds=1)
        await world.ok(world.single(source, payer, 1))
        await world.refused(TransferStatus.ID_ALREADY_FAILED, transfer)
        await world.ok(transfer._replace(id=world.id()))

    async def test_only_the_failing_id_of_a_chain_is_burnt(self, world: World) -> None:
        payer, payee = await world.account(funds=5), await world.account()
        first, second = world.single(payer, payee, 3), world.single(payer, payee, 3)
        await world.refused(TransferStatus.INSUFFICIENT_BALANCE, first, second, at=1)
        await world.ok(first)
        await world.refused(TransferStatus.ID_ALREADY_FAILED, second)

    async def test_a_post_without_user_data_takes_that_of_the_reservation(
        self, world: World
    ) -> None:
        payer, payee = await world.account(funds=5), await world.account()
        pending = world.pending(payer, payee, 5)._replace(user_data_128=77)
        await world.ok(pending)
        posting = Transfer(world.id(), 0, 0, 5, 0, 0, TransferKind.POST, pending.id)
        await world.ok(posting)
        record = (await world.ledger.lookup_transfers([posting.id]))[posting.id]
        assert record.user_data_128 == 77
        assert (await world.submit(posting)).status is TransferStatus.EXISTS

    async def test_a_batch_larger_than_a_request_keeps_chains_whole(self, world: World) -> None:
        payer, payee = await world.account(funds=100_000), await world.account()
        chains = [
            [world.single(payer, payee, 1) for _ in range(50)]
            for _ in range(2 + world.engine.batch_transfers_max // 50)
        ]
        poor = await world.account()
        chains[3][-1] = world.single(poor, payee, 1)
        results = await world.engine.apply(chains)
        refused = [index for index, result in enumerate(results) if not result.ok]
        assert refused == [3]
        assert (results[3].status, results[3].failed_at) == (
            TransferStatus.INSUFFICIENT_BALANCE,
            49,
        )
        moved = 50 * (len(chains) - 1)
        assert await world.balances(payer) == (0, moved, 0, 100_000)


@pytest.mark.property
def test_it_does_what_the_oracle_does(tigerbeetle_cluster: Cluster) -> None:
    loop = asyncio.new_event_loop()
    engine = loop.run_until_complete(opened(tigerbeetle_cluster))

    class Machine(LedgerMachine):
        time_passes = False  # the cluster's clock can't be moved

    Machine.engine = engine
    Machine.clock = ManualClock()
    Machine.run = staticmethod(run_on(loop))
    try:
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=60,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        loop.run_until_complete(engine.close())
        loop.close()


def run_on(loop: asyncio.AbstractEventLoop) -> Any:
    return loop.run_until_complete
