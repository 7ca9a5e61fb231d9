"""Drives the sender machine of one payment: packets out, replies and time in."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from ilpkit.errors import UnknownOutcomeError
from ilpkit.ilp.packet import Prepare, Reply
from ilpkit.stream.events import SendPrepare
from ilpkit.stream.outcome import PaymentOutcome
from ilpkit.stream.sender import PaymentDone, PaymentSender, SenderOutput
from servicekit.clock import Clock

_MS_PER_SECOND: Final = 1000


class PacketSender(Protocol):
    """Sends one packet on behalf of a payment."""

    async def __call__(self, prepare: Prepare, *, fulfillable: bool) -> Reply:
        """The reply. UnknownOutcomeError when there is none: the ledger holds the money."""
        ...


async def pay(
    machine: PaymentSender,
    *,
    send: PacketSender,
    clock: Clock,
    on_crash: Callable[[BaseException], None],
) -> PaymentOutcome:
    """Run a payment to its end.

    A send that raises counts as lost: nobody knows whether the packet went out. Cancelling stops
    the machine from sending more and still waits for what is in flight, whose money moves anyway:
    the outcome then says CANCELLED, and the caller goes on to write it down and end. Cancelling
    twice ends at once.
    """
    return await _Drive(machine, send=send, clock=clock, on_crash=on_crash).run()


class _Drive:
    def __init__(
        self,
        machine: PaymentSender,
        *,
        send: PacketSender,
        clock: Clock,
        on_crash: Callable[[BaseException], None],
    ) -> None:
        self._machine = machine
        self._send = send
        self._clock = clock
        self._on_crash = on_crash
        self._outcome: PaymentOutcome | None = None
        self._changed = asyncio.Event()
        self._timer: asyncio.Task[None] | None = None
        self._timer_ms = 0
        self._in_flight: set[asyncio.Task[None]] = set()

    async def run(self) -> PaymentOutcome:
        try:
            return await self._run()
        finally:
            if self._timer is not None:
                self._timer.cancel()

    async def _run(self) -> PaymentOutcome:
        self._carry_out(self._machine.start(self._clock.now_ms()))
        cancelled = False
        while self._outcome is None:
            try:
                await self._wait()
            except asyncio.CancelledError:
                if cancelled:
                    raise  # asked twice: leave the packets to the ledger
                cancelled = True
                _forget_cancellation()
                self._carry_out(self._machine.cancel(self._clock.now_ms()))
                continue
            self._carry_out(self._machine.on_timer(self._clock.now_ms()))
        return self._outcome

    async def _wait(self) -> None:
        """Until a reply came or the machine's next timer is due."""
        self._changed.clear()
        self._arm(self._machine.next_timer())
        await self._changed.wait()

    def _arm(self, due_ms: int | None) -> None:
        """Be woken at this time; an earlier timer stays, since waking too early does no harm."""
        armed = self._timer is not None and not self._timer.done()
        if due_ms is None or (armed and self._timer_ms <= due_ms):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_ms = due_ms
        self._timer = asyncio.get_running_loop().create_task(self._ring(due_ms))

    async def _ring(self, due_ms: int) -> None:
        await self._clock.sleep(max(due_ms - self._clock.now_ms(), 0) / _MS_PER_SECOND)
        self._changed.set()

    def _carry_out(self, outputs: Sequence[SenderOutput]) -> None:
        for output in outputs:
            if isinstance(output, PaymentDone):
                self._outcome = output.outcome
                self._changed.set()
                continue
            task = asyncio.get_running_loop().create_task(self._exchange(output))
            self._in_flight.add(task)
            task.add_done_callback(self._in_flight.discard)

    async def _exchange(self, output: SendPrepare) -> None:
        try:
            reply = await self._send(output.prepare, fulfillable=output.fulfillable)
        except UnknownOutcomeError:
            self._carry_out(self._machine.on_lost(output.request_id, self._clock.now_ms()))
        except Exception as crash:  # noqa: BLE001 - whatever it was, the packet's fate is unknown
            self._on_crash(crash)
            self._carry_out(self._machine.on_lost(output.request_id, self._clock.now_ms()))
        else:
            now_ms = self._clock.now_ms()
            self._carry_out(self._machine.on_reply(output.request_id, reply, now_ms))
        self._changed.set()


def _forget_cancellation() -> None:
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
