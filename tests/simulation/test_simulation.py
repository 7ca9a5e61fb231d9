"""A few hundred seeds hold all invariants, and each fault breaks some."""

import pytest

from tests.simulation.__main__ import failure, shrunk
from tests.simulation.faults import FAULTS, fault
from tests.simulation.scenario import make
from tests.simulation.simulation import run

SEEDS = 200
GROUPS = 10
FAULT_SEEDS = 60


@pytest.mark.parametrize("group", range(GROUPS))
def test_nothing_is_lost_doubled_or_stuck(group: int) -> None:
    for seed in range(group, SEEDS, GROUPS):
        if run(make(seed)).broken:
            pytest.fail(failure(make(seed)))


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_seen(name: str) -> None:
    with fault(name):
        assert any(run(make(seed)).broken for seed in range(FAULT_SEEDS))


def test_a_seed_decides_everything() -> None:
    assert run(make(7)).history == run(make(7)).history


def test_what_fails_is_shrunk_to_what_matters() -> None:
    with fault("fulfil unposted"):
        small, outcome = shrunk(make(1))
    assert outcome.broken
    assert len(small.payments) == 1
    assert not small.events
