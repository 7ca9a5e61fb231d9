"""The memory engine passes the contract."""

import pytest

from services.backend.ledger.memory.engine import MemoryLedger
from tests.conformance.ledger.suite import ExpirySuite, LedgerConformance, RangeSuite
from tests.conformance.ledger.world import World
from tests.support.clock import ManualClock

pytestmark = pytest.mark.conformance


@pytest.fixture
def world() -> World:
    clock = ManualClock()
    return World(MemoryLedger(clock=clock), clock.advance)


class TestMemoryLedger(LedgerConformance, ExpirySuite, RangeSuite):
    pass
