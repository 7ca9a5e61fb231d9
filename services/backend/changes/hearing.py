"""How a change is known at every process before it is answered.

Rules of this file:
- Each process listens, and hears of changes in the order in which they are committed.
- A process answers calls from its memory only while it trusts it: for TRUST_S after it last made
  sure, on the connection that notifications come on, that it had handled them all. In the same
  statement it writes down until when it trusts.
- Whoever made a change asks, after the commit, all processes that trust their memory, and goes on
  when each has answered that it handled what came before the question, or when its time is over.
So what was answered is seen by the next call, whichever process that meets, and a process that
hears nothing (frozen, or cut off) delays a change by TRUST_S at most. Where nothing changes and
nothing is asked, nothing is said.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Protocol

import structlog
from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.errors import ServiceError
from servicekit.housekeeping import HousekeepingTask
from servicekit.statements import Prepared

from services.backend.changes import repository
from services.backend.changes.announcement import DIRECTORY_CHANNEL

TRUST_S: Final = 2.0
QUESTIONS_CHANNEL: Final = "rafiki_directory_heard"
HOUSEKEEPING: Final = HousekeepingTask(
    name="trusting_processes", purge=repository.purge, page_rows=repository.PURGE_ROWS_MAX
)
_log = structlog.get_logger(__name__)


class NotificationConnection(Protocol):
    """The connection that notifications come on."""

    async def confirm(self, statement: Prepared, values: Mapping[str, Any]) -> bool:
        """Run a statement and handle all that was committed before it; False when not sure."""
        ...


class Hearing:
    """Asks the processes, answers them, and knows whether this one trusts its memory."""

    def __init__(self, *, database: Database, clock: Clock, process: str) -> None:
        self._database = database
        self._clock = clock
        self._process = process
        self.answers_channel: Final = f"rafiki_heard_{process}"
        """Where answers to this process's questions come."""
        self._connection: NotificationConnection | None = None
        self._trusted_until = float("-inf")
        self._renewing = asyncio.Lock()
        self._asking = asyncio.Lock()
        self._wanted = 0
        self._settled = 0
        self._answers: set[str] = set()
        self._more_answers = asyncio.Event()

    def hear_on(self, connection: NotificationConnection) -> None:
        """Changes are heard of on this connection, and handled; those of this process wait."""
        self._connection = connection
        self._database.after_notifying(DIRECTORY_CHANNEL, self.by_all)

    async def trusted(self) -> bool:
        """Whether memory holds all that was answered; mostly known without asking."""
        if self._clock.monotonic() < self._trusted_until:
            return True
        async with self._renewing:
            begun = self._clock.monotonic()
            if begun < self._trusted_until:
                return True  # another call made sure while this one waited
            values = {"name": self._process, "seconds": TRUST_S}
            if self._connection is None or not await self._connection.confirm(
                repository.TRUST, values
            ):
                return False
            self._trusted_until = begun + TRUST_S
            return self._clock.monotonic() < self._trusted_until

    async def by_all(self) -> None:
        """Return once no process trusts a memory without what was committed before the call.

        Calls that come while one asks share the next question.
        """
        self._wanted += 1
        mine = self._wanted
        async with self._asking:
            if self._settled >= mine:
                return  # a question that was asked after this call has been settled
            number = self._wanted
            await self._ask(number)
            self._settled = number

    async def on_question(self, channel: str, payload: str) -> None:
        """A process asks: all that came before the question has been handled."""
        del channel
        answers_channel, number = payload.split(" ")
        answer = f"{number} {self._process}"
        if answers_channel == self.answers_channel:
            await self.on_answer(answers_channel, answer)  # nothing is sent to oneself
        else:
            await repository.answer(self._database, channel=answers_channel, answer=answer)

    async def on_answer(self, channel: str, payload: str) -> None:
        """A process has heard."""
        del channel
        self._answers.add(payload)
        self._more_answers.set()

    async def end(self) -> None:
        """Nothing is answered from memory any more, so nobody need wait."""
        self._connection = None
        self._trusted_until = float("-inf")
        await repository.end_trust(self._database, self._process)

    async def _ask(self, number: int) -> None:
        self._answers.clear()
        try:
            trusting = await repository.ask(
                self._database,
                channel=QUESTIONS_CHANNEL,
                question=f"{self.answers_channel} {number}",
            )
        except ServiceError:
            await self._clock.sleep(TRUST_S)  # whoever trusts, and did not hear, does so no longer
            return
        missing = {f"{number} {process}" for process in trusting}
        try:
            async with asyncio.timeout(max(trusting.values(), default=0)):
                while not missing <= self._answers:
                    self._more_answers.clear()
                    await self._more_answers.wait()
        except TimeoutError:
            _log.warning("change_not_heard", by=sorted(missing - self._answers))
