"""The loop that delivers an outbox: claim, deliver, settle; no transaction meets the network."""

import asyncio
import heapq
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from servicekit.backoff import Backoff
from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.errors import ServiceError
from servicekit.ids import IdSource
from servicekit.metrics import Tally
from servicekit.outbox import NOBODY, Delivery, Outbox, Outcome
from servicekit.outbox_tables import DONE, OPEN, PARKED

Deliver = Callable[[Delivery], Awaitable[int | None]]
"""Delivers, or raises; gives the recipient's status, if there is one."""
RetryDelay = Callable[[int], timedelta]
"""The wait after failed attempt n (from 1)."""

RETRIES_REMEMBERED_MAX = 10_000
"""Beyond them the idle poll finds what is due."""
_RESULTS = {DONE: "delivered", OPEN: "failed", PARKED: "parked"}
ERROR_BACKOFF = Backoff(first_ms=200, max_ms=10_000)
_log = structlog.get_logger(__name__)


class DeliveryFailed(Exception):  # noqa: N818 - it reads as what happened
    """The recipient did not take it; the text is for the operator."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class OutboxLimits:
    """Every bound of a worker; times in seconds."""

    concurrent_max: int = 50
    lane_concurrent_max: int = 10
    """Of one lane: a slow recipient holds no more than this."""
    first_of_lane_max: int = 200
    """Beyond `concurrent_max`, for lanes that have none: however many recipients are slow, each
    other lane has one delivery on its way. More lanes than this wait in turn."""
    delivery_timeout_s: float = 25.0
    """Of one attempt, whatever the deliverer's own timeout."""
    lease_s: float = 30.0
    """Longer than an attempt and its settling, or another worker would repeat it. What a worker had
    claimed when it died waits so long."""
    idle_poll_s: float = 10.0
    """Without a notification; finds what a dead worker left."""
    quiet_poll_s: float = 60.0
    """The same once nothing is open, and until it is heard that something is."""
    drain_s_max: float = 10.0


class OutboxWorker:
    """Delivers what the outbox holds, at least once, in order within a key."""

    def __init__(
        self,
        *,
        database: Database,
        outbox: Outbox,
        deliver: Deliver,
        retry_delay: RetryDelay,
        clock: Clock,
        ids: IdSource,
        limits: OutboxLimits | None = None,
    ) -> None:
        self._limits = limits or OutboxLimits()
        if self._limits.lease_s <= self._limits.delivery_timeout_s:
            raise ValueError("lease_s must be longer than delivery_timeout_s")
        self._database = database
        self._outbox = outbox
        self._deliver = deliver
        self._retry_delay = retry_delay
        self._clock = clock
        self._ids = ids
        self.attempts = Tally(
            "rafiki_webhook_attempts", "webhooks sent, by what came of it", ("result",)
        )
        self._wake = asyncio.Event()
        self._look = True
        """Whether there may be something to claim: a claim that finds nothing costs as much."""
        self._was_full = False
        """Whether the last claim took all it might, so that more may be due."""
        self._ending = False
        self._in_flight: dict[asyncio.Task[Outcome], Delivery] = {}
        self._finished: list[Outcome] = []
        self._retries: list[float] = []
        """When to look again: a heap of what failed attempts wait for."""
        self._poll_at = 0.0
        """When to look although nothing was heard."""
        self._is_polled = False
        """Whether the next look is such a one."""
        self._is_quiet = False
        """Whether nothing was open then, and nothing was heard since."""

    def heard(self, notice: str) -> None:
        """Call it with what the outbox's notifications say."""
        if notice != NOBODY:
            self.wake()
        elif self._is_quiet:
            # Another process has something to deliver, which may die over it.
            self._is_quiet = False
            self._poll_at = self._clock.monotonic() + self._limits.idle_poll_s
            self._wake.set()

    def wake(self) -> None:
        """There may be something to claim."""
        self._look = True
        self._wake.set()

    @property
    def lease_for(self) -> timedelta:
        """How long what it takes is its own."""
        return timedelta(seconds=self._limits.lease_s)

    def has_room(self, lane: str) -> bool:
        """Whether it would begin a delivery of this lane at once.

        Transactions that are under way together may each be told so: then it has as many more.
        """
        lanes = [delivery.lane for delivery in self._in_flight.values()]
        return (
            not self._ending
            and len(lanes) < self._limits.concurrent_max
            and lanes.count(lane) < self._limits.lane_concurrent_max
        )

    def take(self, deliveries: Sequence[Delivery]) -> None:
        """Deliver what was leased for this worker; what comes once it ends is left to others."""
        for delivery in () if self._ending else deliveries:
            task = asyncio.get_running_loop().create_task(self._attempt(delivery))
            self._in_flight[task] = delivery
            task.add_done_callback(self._attempted)

    async def run(self) -> None:
        """Deliver until cancelled; then what is in flight may still finish and is settled."""
        with self._outbox.delivered_here(self):
            await self._work()

    async def _work(self) -> None:
        failures = 0
        try:
            while True:
                try:
                    worked = await self._step()
                    failures = 0
                except ServiceError as error:
                    failures += 1
                    self._look = True
                    _log.warning("outbox_waits", outbox=self._outbox.channel, reason=error.reason)
                    await self._clock.sleep(ERROR_BACKOFF.delay_s(failures, self._ids))
                    continue
                if not worked:
                    await self._wait()
        finally:
            self._ending = True
            await self._drain()

    async def _step(self) -> bool:
        """Settle and claim once; whether there was anything to do."""
        self._wake.clear()
        settled = await self._settle()
        free = self._limits.concurrent_max - len(self._in_flight)
        only_first = free <= 0
        if only_first:
            free += self._limits.first_of_lane_max
        if free <= 0 or not self._look:
            return settled
        self._look = False
        now = self._clock.monotonic()
        while self._retries and self._retries[0] <= now:
            heapq.heappop(self._retries)
        busy = Counter(delivery.lane for delivery in self._in_flight.values())
        claimed = await self._outbox.claim(
            self._database,
            count=free,
            lane_max=1 if only_first else self._limits.lane_concurrent_max,
            busy=busy,
            lease_for=self.lease_for,
        )
        self.take(claimed)
        busy.update(delivery.lane for delivery in claimed)
        lane_full = max(busy.values(), default=0) >= self._limits.lane_concurrent_max
        self._was_full = only_first or lane_full or len(claimed) == free
        await self._plan_poll()
        return settled or bool(claimed)

    async def _plan_poll(self) -> None:
        """Decide when to look without being told; a poll asks first whether anything is open."""
        self._poll_at = self._clock.monotonic() + self._limits.idle_poll_s
        is_polled, self._is_polled = self._is_polled, False
        if not is_polled or self._in_flight:
            self._is_quiet = False
            return
        self._is_quiet = True  # before asking: what is heard meanwhile may not be in the answer
        if await self._outbox.is_any_open(self._database):
            self._is_quiet = False
        elif self._is_quiet:
            self._poll_at += self._limits.quiet_poll_s - self._limits.idle_poll_s

    async def _attempt(self, delivery: Delivery) -> Outcome:
        error: str
        status: int | None = None
        try:
            if delivery.attempts > delivery.attempts_max:
                # Claimed before and never settled: its worker died each time.
                return self._failure(delivery, "gave up after workers died", None)
            async with asyncio.timeout(self._limits.delivery_timeout_s):
                status = await self._deliver(delivery)
        except DeliveryFailed as failed:
            error, status = str(failed), failed.status
        except TimeoutError:
            error = "timed out"
        except asyncio.CancelledError:
            error = "the worker ended"
        except ServiceError as failed:
            error = failed.message
        except Exception as failed:  # noqa: BLE001 - any bug of a deliverer is a failed attempt
            _log.exception("outbox_deliverer_failed", delivery=str(delivery.id))
            error = type(failed).__name__
        else:
            return Outcome(delivery=delivery, delivered=True, status=status)
        return self._failure(delivery, error, status)

    def _failure(self, delivery: Delivery, error: str, status: int | None) -> Outcome:
        outcome = Outcome(
            delivery=delivery,
            delivered=False,
            error=error,
            status=status,
            retry_after=self._retry_delay(delivery.attempts),
        )
        _log.info("outbox_delivery_failed", delivery=str(delivery.id), error=error, status=status)
        return outcome

    def _attempted(self, task: "asyncio.Task[Outcome]") -> None:
        delivery = self._in_flight.pop(task)
        if task.cancelled():
            outcome = self._failure(delivery, "the worker ended", None)
        else:
            outcome = task.result()
        self._finished.append(outcome)
        self._wake.set()

    async def _settle(self) -> bool:
        """Write what finished; kept for the next time when the database is away."""
        outcomes, self._finished = self._finished, []
        if not outcomes:
            return False
        try:
            counted = await self._outbox.settle(self._database, outcomes)
        except BaseException:
            self._finished = outcomes + self._finished
            raise
        self._look = self._look or self._was_full or any(counted.values())
        for outcome in outcomes:
            if outcome.delivery.id not in counted:
                _log.warning("outbox_lease_lost", delivery=str(outcome.delivery.id))
                continue
            self.attempts.add((_RESULTS[outcome.state],))
            if not outcome.delivered:
                due = self._clock.monotonic() + outcome.retry_after.total_seconds()
                if len(self._retries) < RETRIES_REMEMBERED_MAX:
                    heapq.heappush(self._retries, due)
        return True

    async def _wait(self) -> None:
        """Until a notification, a finished attempt, the next retry, or the idle poll."""
        now = self._clock.monotonic()
        look_at = min(self._poll_at, self._retries[0]) if self._retries else self._poll_at
        wait_s = max(0.0, look_at - now)
        woken = asyncio.create_task(self._wake.wait())
        slept = asyncio.create_task(self._clock.sleep(wait_s))
        try:
            await asyncio.wait((woken, slept), return_when=asyncio.FIRST_COMPLETED)
            if slept.done():
                self._look = True
                self._is_polled = look_at == self._poll_at
        finally:
            woken.cancel()
            slept.cancel()

    async def _drain(self) -> None:
        if self._in_flight:
            _, late = await asyncio.wait(self._in_flight, timeout=self._limits.drain_s_max)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
            # The callbacks of done tasks run in the loop's next turn.
            await asyncio.sleep(0)
        try:
            await self._settle()
        except ServiceError as error:
            _log.warning("outbox_not_settled", reason=error.reason)
