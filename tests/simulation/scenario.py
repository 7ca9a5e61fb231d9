"""What happens in one simulation: values that follow from a seed, so that they can be shrunk."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random  # noqa: TID251 - a seed decides all of it
from typing import Final

TROUBLE_S: Final = 40.0
"""After it nothing more goes wrong."""


class Trouble(StrEnum):
    """What happens to nodes."""

    KILL = "kill"
    FREEZE = "freeze"
    PARTITION = "partition"
    STORE_DOWN = "store down"
    CLOSE_RECEIVER = "close receiver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One trouble: at a node or, if a partition, between it and the next."""

    at: float
    trouble: Trouble
    place: int
    process: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payment; those with the same `receiver` pay the same incoming payment."""

    at: float
    payer: int
    payee: int
    receiver: int
    amount: int
    limited: bool
    packet_max: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What the network does to packets and replies: chances in thousandths, times in seconds."""

    refused: int = 0
    request_lost: int = 0
    reply_lost: int = 0
    doubled: int = 0
    slow: int = 0
    latency_s: float = 0.005
    slow_s: float = 0.0
    store_unavailable: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """All of it."""

    seed: int
    nodes: int
    processes: int
    payments: tuple[Payment, ...]
    events: tuple[Event, ...]
    weather: Weather

    def smaller(self) -> "Iterator[Scenario]":
        """The same with one thing less."""
        for name in ("payments", "events"):
            values = getattr(self, name)
            for index in range(len(values)):
                yield replace(self, **{name: values[:index] + values[index + 1 :]})
        for field in (
            "refused",
            "request_lost",
            "reply_lost",
            "doubled",
            "slow",
            "store_unavailable",
        ):
            if getattr(self.weather, field):
                yield replace(self, weather=replace(self.weather, **{field: 0}))


def make(seed: int) -> Scenario:
    """The scenario of a seed."""
    random = Random(seed)  # noqa: S311 - a simulation
    nodes = random.choice((2, 2, 2, 3, 3, 4, 5))
    payments = tuple(_payment(random, nodes, index) for index in range(random.randint(3, 10)))
    events = tuple(_event(random, nodes) for _ in range(random.choice((0, 1, 2, 4, 6))))
    chance = random.choice((0, 20, 100))
    weather = Weather(
        refused=random.choice((0, chance)),
        request_lost=random.choice((0, chance)),
        reply_lost=random.choice((0, chance)),
        doubled=random.choice((0, 3 * chance)),
        slow=random.choice((0, chance)),
        latency_s=random.choice((0.002, 0.02, 0.2)),
        slow_s=random.choice((2.0, 15.0, 40.0)),
        store_unavailable=random.choice((0, 0, 20)),
    )
    return Scenario(
        seed=seed,
        nodes=nodes,
        processes=random.choice((1, 2)),
        payments=payments,
        events=events,
        weather=weather,
    )


def _payment(random: Random, nodes: int, index: int) -> Payment:
    payer = random.randrange(nodes)
    others = [node for node in range(nodes) if node != payer]
    payee = payer if random.random() < 0.1 else random.choice(others)
    amount = random.choice((1, random.randint(2, 100), random.randint(100, 100_000)))
    return Payment(
        at=random.uniform(0, 10),
        payer=payer,
        payee=payee,
        receiver=random.randrange(index + 1) if random.random() < 0.2 else index,
        amount=amount,
        limited=random.random() < 0.7,
        packet_max=random.choice((None, None, max(amount // 4, 1))),
    )


def _event(random: Random, nodes: int) -> Event:
    return Event(
        at=random.uniform(0, 20),
        trouble=random.choice((Trouble.KILL, Trouble.KILL, *Trouble)),
        place=random.randrange(nodes),
        process=random.randrange(2),
        seconds=random.choice((0.5, 3.0, 8.0, 18.0)),
    )
