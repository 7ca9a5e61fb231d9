"""Runs one scenario, and tells what is broken after it."""

import asyncio
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial
from random import Random  # noqa: TID251 - a seed decides all of it
from typing import Final
from uuid import UUID

from structlog.testing import capture_logs

from services.backend.incoming_payments.payables import Payable
from tests.simulation import invariants
from tests.simulation.network import Network
from tests.simulation.node import Node
from tests.simulation.scenario import TROUBLE_S, Event, Payment, Scenario, Trouble, Weather
from tests.simulation.store import without_sql
from tests.simulation.virtual_time import VirtualLoop

QUIET_S_MAX: Final = 3_600.0
"""How long a network without trouble may take until all is settled."""
LOOK_S: Final = 5.0
QUIET_LOOKS: Final = 15
"""In a row: what is written after the ledger, up to a minute later, is then written and told."""
CALM: Final = Weather()


@dataclass(slots=True)
class Paid:
    """An incoming payment and who pays it."""

    target: Node
    payable: Payable
    payers: list[tuple[Node, UUID]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a scenario."""

    broken: list[str]
    history: list[str]
    payments: int
    completed: int


def run(scenario: Scenario) -> Outcome:
    """Play it to its end."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        with without_sql(), capture_logs() as logs:
            world = _World(loop, scenario)
            broken = loop.run_until_complete(world.play())
            broken += [f"alarm: {each}" for each in logs if each["log_level"] == "critical"]
        rows = [each for node in world.nodes for each in node.rows.payments.values()]
        return Outcome(
            broken=broken,
            history=world.network.history,
            payments=len(rows),
            completed=sum(each.state == "COMPLETED" for each in rows),
        )
    finally:
        loop.end()
        asyncio.set_event_loop(None)


class _World:
    def __init__(self, loop: VirtualLoop, scenario: Scenario) -> None:
        self._loop = loop
        self._scenario = scenario
        self.network = Network(loop, Random(scenario.seed), scenario.weather)  # noqa: S311 - a simulation
        self.nodes = [Node(loop, self.network, scenario, place) for place in range(scenario.nodes)]
        self._paid: dict[int, Paid] = {}

    async def play(self) -> list[str]:
        for node in self.nodes:
            node.nodes = self.nodes
            await node.engine_up(node.set_up())
            for _ in range(self._scenario.processes):
                node.start()
        for event in self._scenario.events:
            self._at(event.at, partial(self._strike, event))
        for payment in self._scenario.payments:
            self._loop.create_task(self._pay(payment))
        await asyncio.sleep(TROUBLE_S)
        self._calm()
        end = self._loop.time() + QUIET_S_MAX
        looks = 0
        while self._loop.time() < end and looks < QUIET_LOOKS:
            await asyncio.sleep(LOOK_S)
            looks = looks + 1 if invariants.is_quiet(self.nodes) else 0
        self.network.note("quiet" if looks else "never quiet")
        return invariants.broken(self.nodes, list(self._paid.values()))

    async def _pay(self, spec: Payment) -> None:
        await asyncio.sleep(spec.at)
        payer, target = self.nodes[spec.payer], self.nodes[spec.payee]
        paid = self._paid.get(spec.receiver)
        if paid is None:
            payable = await target.engine_up(target.open_payment(spec.amount, limited=spec.limited))
            # Another may have opened it meanwhile.
            paid = self._paid.setdefault(spec.receiver, Paid(target, payable))
        payment_id = await payer.engine_up(payer.pay(spec, paid.target, paid.payable))
        paid.payers.append((payer, payment_id))
        self.network.note(
            f"n{payer.place} pays {spec.amount} to {paid.payable.id} of n{paid.target.place}: "
            f"{payment_id}"
        )

    def _strike(self, event: Event) -> None:
        node = self.nodes[event.place]
        machine = node.machines[event.process % len(node.machines)] if node.machines else None
        self.network.note(f"n{node.place}: {event.trouble} for {event.seconds} s")
        match event.trouble:
            case Trouble.KILL if machine is not None:
                node.kill(machine)
                self._at(event.seconds, node.start)
            case Trouble.FREEZE if machine is not None:
                machine.process.frozen = True
                self._at(event.seconds, machine.process.thaw)
            case Trouble.PARTITION:
                self.network.cut.add(node.place)
                self._at(event.seconds, partial(self.network.cut.discard, node.place))
            case Trouble.STORE_DOWN:
                node.disk.down = True
                self._at(event.seconds, partial(setattr, node.disk, "down", False))
            case Trouble.CLOSE_RECEIVER if machine is not None:
                for payable in list(node.payables.values())[:1]:
                    machine.process.start(machine.close_payment(payable))
            case _:
                pass

    def _calm(self) -> None:
        self.network.weather = CALM
        self.network.note("calm from now on")
        for node in self.nodes:
            node.disk.unavailable = 0

    def _at(self, seconds: float, callback: object) -> None:
        self._loop.call_later(seconds, callback, context=Context())  # type: ignore[arg-type] # partials
