"""A chain of steps, each of which answers a packet or hands it on."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from ilpkit.ilp.packet import Reply

from services.backend.connector.context import PacketContext

Next = Callable[[PacketContext], Awaitable[Reply]]


class Step(Protocol):
    """One concern of the packet path."""

    async def __call__(self, context: PacketContext, forward: Next) -> Reply:
        """Answer the packet, or return what `forward` answers."""
        ...


def compose(steps: Sequence[Step]) -> Next:
    """One function out of steps; the first is the outermost, the last must answer."""

    async def nothing_answers(context: PacketContext) -> Reply:
        raise AssertionError(f"no step answered a packet to {context.prepare.destination}")

    chain: Next = nothing_answers
    for step in reversed(steps):
        chain = _bind(step, chain)
    return chain


def _bind(step: Step, forward: Next) -> Next:
    async def run(context: PacketContext) -> Reply:
        return await step(context, forward)

    return run
