"""`make chaos KILLS=200`: kill, freeze and restart every part at random under load, then audit.

    python -m tests.chaos --kills 200 --seed 1

A probe payment follows each fault: its time, from the end of the fault until it has ended, is the
time that the network took to recover. The run ends with a table and with the findings of an auditor
of its own; anything but 0 / 0 / 0 / 0 is exit code 1.
"""

import argparse
import asyncio
import random  # noqa: TID251 - the run's own faults, from its seed
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from typing import Final

from deploy.local.demo import seed
from deploy.local.stack import Stack
from tests.chaos.auditor import Findings, audit, positions
from tests.chaos.load import Load
from tests.chaos.victims import BANK, PROCESS, STORE, Victim, victims
from tests.support.stack import running_network

PAYERS: Final = 2
REVIVE_S: Final = 0.2
FREEZE_S: Final = (0.5, 4.0)
PAUSE_S: Final = (0.0, 1.0)
PROBE_S_MAX: Final = 120.0
REST_S_MAX: Final = 180.0
REST_POLL_S: Final = 2.0
# A webhook that its bank did not take is sent again after ten seconds.
RECOVERY_S_MAX: Final = {PROCESS: 5.0, STORE: 30.0, BANK: 15.0}
NAMES_SHOWN: Final = 12


class Supervisor:
    """Starts again what ended, as `make run` does."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor")

    def _run(self) -> None:
        while not self._stopping.wait(REVIVE_S):
            self._stack.revive()

    def start(self) -> None:
        """Watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopping.set()
        self._thread.join()


class Chaos:
    """One run."""

    def __init__(self, stack: Stack, load: Load, *, seed_number: int) -> None:
        self._stack = stack
        self._load = load
        self._random = random.Random(seed_number)  # noqa: S311 - which fault comes, not a secret
        self.recovery: dict[str, list[float]] = defaultdict(list)
        self.slowest: list[tuple[float, str]] = []
        self.faults: Counter[str] = Counter()

    async def run(self, kills: int) -> None:
        """That many faults, one after the other, each followed by a probe payment."""
        for number in range(1, kills + 1):
            victim = self._random.choice(victims(self._stack))
            what = await self._hurt(victim)
            started = time.monotonic()
            try:
                async with asyncio.timeout(PROBE_S_MAX):
                    await self._load.pay()
            except TimeoutError:
                self._load.refused.append(f"no payment within {PROBE_S_MAX:g} s after: {what}")
            took = time.monotonic() - started
            self.recovery[victim.kind].append(took)
            self.slowest = sorted([*self.slowest, (took, what)], reverse=True)[:NAMES_SHOWN]
            self.faults[what.partition(" ")[0]] += 1
            print(f"[{number:4}] {what:45} {took:6.1f} s", flush=True)

    async def _hurt(self, victim: Victim) -> str:
        await asyncio.sleep(self._random.uniform(*PAUSE_S))
        if self._random.random() < 1 / 3:
            seconds = self._random.uniform(*FREEZE_S)
            victim.send(signal.SIGSTOP)
            await asyncio.sleep(seconds)
            victim.send(signal.SIGCONT)
            return f"frozen {seconds:.1f} s: {victim.name}"
        # A whole service dies with its workers; a store with its children.
        victim.send(signal.SIGKILL)
        return f"killed {victim.name}"


async def _at_rest(stack: Stack, load: Load, opening: int) -> tuple[Findings, float]:
    """The audit once nothing is wrong any more, or as it is when the wait is over."""
    started = time.monotonic()
    while True:
        found = await audit(stack.configs, load.made, opening)
        waited = time.monotonic() - started
        if found.clean or waited > REST_S_MAX:
            return found, waited
        await asyncio.sleep(REST_POLL_S)


async def _run(stack: Stack, kills: int, seed_number: int) -> bool:
    load = Load(stack, await seed(stack))
    load.open()
    opening = await positions(stack.configs)
    chaos = Chaos(stack, load, seed_number=seed_number)
    stopping = asyncio.Event()
    supervisor = Supervisor(stack)
    supervisor.start()
    started = time.monotonic()
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(PAYERS):
                group.create_task(load.run(stopping))
            await chaos.run(kills)
            stopping.set()
        lasted = time.monotonic() - started
        found, rest_s = await _at_rest(stack, load, opening)
    finally:
        supervisor.stop()
        await load.close()
    return _report(chaos, load, found, lasted, rest_s)


def _report(chaos: Chaos, load: Load, found: Findings, lasted: float, rest_s: float) -> bool:
    states = Counter(made.state for made in load.made)
    print(f"\n{sum(chaos.faults.values())} faults in {lasted:.0f} s: {dict(chaos.faults)}")
    print(f"{len(load.made)} payments, by state: {dict(states)}; {load.repeats} calls repeated")
    fast = True
    for kind, times in sorted(chaos.recovery.items()):
        ordered = sorted(times)
        p99 = ordered[min(int(len(ordered) * 0.99), len(ordered) - 1)]
        median = ordered[len(ordered) // 2]
        fast = fast and p99 <= RECOVERY_S_MAX[kind]
        print(
            f"recovery after a {kind}'s loss: median {median:.1f} s, p99 {p99:.1f} s"
            f" (at most {RECOVERY_S_MAX[kind]:g} s)"
        )
    for took, what in chaos.slowest[:5]:
        print(f"  {took:6.1f} s after: {what}")
    longest = max((made.seconds for made in load.made), default=0.0)
    print(f"longest payment {longest:.1f} s; at rest after {rest_s:.0f} s")
    print(
        f"lost {found.lost}, doubled {found.doubled}, stuck {found.stuck}, drift {found.drift};"
        f" ledgers unbalanced {found.unbalanced}, customers' books off {found.customers}"
    )
    for note in found.notes[:40]:
        print(f"  {note}")
    for answer, count in Counter(load.refused).most_common(10):
        print(f"  refused {count}x: {answer}")
    if not fast:
        print("recovery was slower than promised")
    return found.clean and not load.refused


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with running_network("rafiki-chaos-") as stack:
        clean = asyncio.run(_run(stack, arguments.kills, arguments.seed))
    sys.exit(0 if clean else 1)


if __name__ == "__main__":
    main()
