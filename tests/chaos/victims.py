"""What can be killed or frozen: each process of the local network, and what it is part of."""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.stack import Stack

PROCESS: Final = "process"
STORE: Final = "store"
BANK: Final = "bank"
"""The account servicing entity: not a part of the node, but every payment needs its answer."""


@dataclass(frozen=True, slots=True)
class Victim:
    """A process with everything below it."""

    name: str
    kind: str
    pids: tuple[int, ...]

    def send(self, number: signal.Signals) -> None:
        """Signal all of it; what has ended meanwhile needs none."""
        for pid in self.pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue


def victims(stack: Stack) -> list[Victim]:
    """Everything that runs now: whole services, single workers, and the stores."""
    found: list[Victim] = []
    for config, node in zip(stack.configs, stack.nodes, strict=True):
        for name, pid in node.pids().items():
            below = descendants(pid)
            service = name.removeprefix(f"{config.bank.slug}-")
            found.append(Victim(name, BANK if service == "ase" else PROCESS, (pid, *below)))
            if service == "backend":
                found += [Victim(f"{name} worker", PROCESS, (each,)) for each in below]
                found.append(Victim(f"{name} parent", PROCESS, (pid,)))
    for name, pid in stack.pids().items():
        found.append(Victim(name, STORE, (pid, *descendants(pid))))
    return found


def descendants(pid: int) -> Sequence[int]:
    """The processes below one, as they are now."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        try:
            text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        except OSError:
            continue
        children = [int(each) for each in text.split()]
        found += children
        waiting += children
    return found
