"""The Postgres engine passes the contract."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from services.backend.ledger.postgres.engine import PostgresLedger
from tests.conformance.ledger.machine import LedgerMachine
from tests.conformance.ledger.suite import ExpirySuite, LedgerConformance, RangeSuite
from tests.conformance.ledger.world import World
from tests.support.clock import ManualClock

pytestmark = pytest.mark.conformance


@pytest.fixture
async def world(ledger_url: str) -> AsyncIterator[World]:
    clock = ManualClock()
    engine = PostgresLedger(ledger_url, clock=clock)
    yield World(engine, clock.advance)
    await engine.close()


class TestPostgresLedger(LedgerConformance, ExpirySuite, RangeSuite):
    pass


@pytest.mark.property
def test_it_does_what_the_oracle_does(ledger_url: str) -> None:
    loop = asyncio.new_event_loop()
    clock = ManualClock()
    engine = PostgresLedger(ledger_url, clock=clock)

    class Machine(LedgerMachine):
        pass

    Machine.engine = engine
    Machine.clock = clock
    Machine.run = staticmethod(loop.run_until_complete)
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
