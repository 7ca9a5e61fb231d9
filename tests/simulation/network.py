"""The network between nodes: late, lost, doubled, refused, out of order, cut."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from random import Random  # noqa: TID251 - a seed decides all of it
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ilpkit.errors import UnknownOutcomeError
from ilpkit.ilp.error_codes import T01_PEER_UNREACHABLE
from ilpkit.ilp.packet import Fulfill, Prepare, Reply, decode_reply, encode_prepare

from services.backend.connector.outcome import NotSentError
from services.backend.directory.model import PeerEntry
from tests.simulation.scenario import Weather
from tests.simulation.virtual_time import VirtualLoop

if TYPE_CHECKING:
    from tests.simulation.node import Machine, Node

Work = Callable[["Machine"], Coroutine[Any, Any, Any]]


class Network:
    """Carries calls from node to node, each to any living process of it."""

    def __init__(self, loop: VirtualLoop, random: Random, weather: Weather) -> None:
        self._loop = loop
        self._random = random
        self.weather = weather
        self.cut: set[int] = set()
        """Places of nodes that can't reach the next one, nor that one them."""
        self.history: list[str] = []

    def note(self, text: str) -> None:
        """Add to the history."""
        self.history.append(f"{self._loop.time():9.3f}  {text}")

    async def call(self, source: "Node", target: "Node", work: Work, *, timeout_s: float) -> Any:
        """What the target answers.

        Raises:
            NotSentError: nothing came there.
            UnknownOutcomeError: no answer came back.
        """
        weather = self.weather
        answer: asyncio.Future[Any] = self._loop.create_future()
        if self._hit(weather.refused):
            raise NotSentError("refused", ilp_code=T01_PEER_UNREACHABLE)
        link = None if abs(source.place - target.place) > 1 else min(source.place, target.place)
        copies = 2 if self._hit(weather.doubled) else 1
        for copy in range(copies):
            lost = copy == 0 and self._hit(weather.request_lost)
            if not lost:
                at = self._delay_s() * (1 + copy)
                self._later(at, self._arrive, target, link, work, answer, copy == 0)
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError:
            raise UnknownOutcomeError("no answer in time") from None

    def _arrive(
        self,
        target: "Node",
        link: int | None,
        work: Work,
        answer: "asyncio.Future[Any]",
        is_first: bool,
    ) -> None:
        if link in self.cut:
            return
        machines = target.machines
        if not machines:
            if is_first:
                refused = NotSentError("nobody listens", ilp_code=T01_PEER_UNREACHABLE)
                self._later(self._delay_s(), _set, answer, None, refused)
            return
        machine = self._random.choice(machines)
        if is_first:
            machine.waiting.append(answer)
        machine.process.start(self._serve(machine, link, work, answer, is_first=is_first))

    async def _serve(
        self,
        machine: "Machine",
        link: int | None,
        work: Work,
        answer: "asyncio.Future[Any]",
        *,
        is_first: bool,
    ) -> None:
        value: Any = None
        failure: Exception | None = None
        try:
            value = await work(machine)
        except Exception as error:  # noqa: BLE001 - as HTTP 500
            failure = UnknownOutcomeError(str(error))
        if is_first and link not in self.cut and not self._hit(self.weather.reply_lost):
            self._later(self._delay_s(), _set, answer, value, failure)

    def reset(self, machine: "Machine") -> None:
        """Whoever waits for a process that died learns that the connection is gone."""
        for answer in machine.waiting:
            gone = UnknownOutcomeError("connection reset")
            self._later(self._delay_s(), _set, answer, None, gone)
        machine.waiting.clear()

    def _hit(self, thousandths: int) -> bool:
        return bool(thousandths) and self._random.randrange(1000) < thousandths

    def _delay_s(self) -> float:
        slow = self.weather.slow_s if self._hit(self.weather.slow) else 0.0
        return self.weather.latency_s * self._random.uniform(0.5, 1.5) + slow

    def _later(self, delay_s: float, callback: Callable[..., None], *args: Any) -> None:
        """Of no process: what is on its way gets there whoever dies."""
        self._loop.call_later(delay_s, callback, *args, context=Context())


def _set(answer: "asyncio.Future[Any]", value: Any, failure: Exception | None) -> None:
    if answer.done():
        return
    if failure is None:
        answer.set_result(value)
    else:
        answer.set_exception(failure)
        answer.exception()


class Link:
    """A `PeerLink` through the network."""

    def __init__(self, network: Network, machine: "Machine") -> None:
        self._network = network
        self._machine = machine
        self._node = machine.node

    async def answers_repeats(self, peer: PeerEntry, *, timeout_ms: int) -> bool | None:
        """Every node does."""
        del timeout_ms
        return True if self._node.neighbour(peer).machines else None

    async def send(
        self, peer: PeerEntry, prepare: Prepare, *, request_id: str, timeout_ms: int
    ) -> Reply:
        """The peer's reply to a packet in bytes."""
        raw, own = encode_prepare(prepare), self._node

        def receive(machine: "Machine") -> Coroutine[Any, Any, bytes]:
            entry = machine.node.peer_at(own.place)
            return machine.connector.receive(entry, raw, request_id=request_id)

        target = own.neighbour(peer)
        answer = await self._network.call(own, target, receive, timeout_s=timeout_ms / 1000)
        reply = decode_reply(answer)
        if isinstance(reply, Fulfill) and prepare.amount:
            own.fulfilled.append((int(UUID(request_id)), self._machine.process))
        return reply
