"""Simulates seeds, and shrinks what fails: `make simulate SEED=1 COUNT=1000`."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Final

from tests.simulation.faults import FAULTS, fault
from tests.simulation.scenario import Scenario, make
from tests.simulation.simulation import Outcome, run

SHRINKS_MAX: Final = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """1 if a seed failed, after its history was printed."""
    parser = argparse.ArgumentParser(prog="make simulate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--fault", choices=FAULTS)
    options = parser.parse_args(arguments)
    payments = completed = 0
    with fault(options.fault) if options.fault else nullcontext():
        for seed in range(options.seed, options.seed + options.count):
            outcome = run(make(seed))
            payments, completed = payments + outcome.payments, completed + outcome.completed
            if outcome.broken:
                return 1
    return 0


def failure(scenario: Scenario) -> str:
    """The smallest scenario found that fails as well, and its history."""
    scenario, outcome = shrunk(scenario)
    parts = [f"seed {scenario.seed} fails", str(scenario.weather)]
    parts += [str(each) for each in (*scenario.payments, *scenario.events)]
    return "\n".join([*parts, *outcome.history, *outcome.broken])


def shrunk(scenario: Scenario) -> tuple[Scenario, Outcome]:
    """Leave out one thing after the other as long as something is broken."""
    outcome, tries = run(scenario), 0
    smaller = scenario.smaller()
    while tries < SHRINKS_MAX and (candidate := next(smaller, None)) is not None:
        tries += 1
        found = run(candidate)
        if found.broken:
            scenario, outcome, smaller = candidate, found, candidate.smaller()
    return scenario, outcome


if __name__ == "__main__":
    sys.exit(main())
