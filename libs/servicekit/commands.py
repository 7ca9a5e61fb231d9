"""The form of every mutating use case, and the runner that puts the same things around each.

A command is a class in a file of its own name. It says what it reads before, what it writes in its
transaction, and what it does after the commit, in this order and in domain types. The runner adds
what no command repeats: the transaction, another try when Postgres ended it for another one's sake,
and the idempotency key. Servicers, workers and this node's own callers run the same command.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Generic, TypeVar

from google.protobuf.message import Message
from sqlalchemy.exc import DBAPIError

from servicekit.database import Database, WriteSession
from servicekit.errors import ServiceError, Unavailable
from servicekit.idempotency import Once, ReplyStore

Given = TypeVar("Given")
Facts = TypeVar("Facts")
Done = TypeVar("Done")
Written = TypeVar("Written")

READINGS_MAX: Final = 10
"""How often a command reads what others change before it writes."""
_RETRY_AFTER_MS: Final = 100


class FactsChanged(Exception):  # noqa: N818 - it reads as what happened
    """What `read` found does not hold any more. Raised by `write`: the runner reads again."""


class Command(Generic[Given, Facts, Done]):
    """One mutating use case. `Given` is what the caller asks for, `Done` what came of it."""

    reading_leaves_nothing: ClassVar[bool] = False
    """Whether `read` changes nothing that matters. Then a repeat of a call may read before it is
    known for one: the key's row tells when it is written, or a reply is looked for after a failure.
    A command without a `read` need not say it.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.read is Command.read:
            cls.reading_leaves_nothing = True

    async def read(self, given: Given) -> Facts:
        """Learn and check what `write` must know; the network and the ledger may be asked here.

        It runs again when `write` raises FactsChanged.
        """
        del given
        return None  # type: ignore[return-value] # a command without a `read` has Facts None

    async def write(self, session: WriteSession, given: Given, facts: Facts) -> Done:
        """Write, in one transaction and touching nothing else; it may run several times.

        What is given to `session.add` goes in one round trip with the idempotency key, and without
        BEGIN and COMMIT if nothing was executed. Locks and reads take `session.execute`.
        """
        raise NotImplementedError

    async def finish(self, given: Given, done: Done) -> None:
        """What follows the commit, in the ledger say.

        It runs again when the call is repeated, so it works under ids that follow from `done`.
        """


Answer = TypeVar("Answer", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replies(Generic[Done, Answer]):
    """How a servicer answers: what came of the command as a message, and back."""

    message: type[Answer]
    encode: Callable[[Done], Answer]
    recover: Callable[[Answer], Done]
    """From an earlier reply as much of `Done` as the command's `finish` reads."""


def nothing_to_recover(reply: Message) -> Any:
    """For commands without a `finish`."""
    del reply


class Commands:
    """Runs commands."""

    def __init__(self, *, database: Database, replies: ReplyStore) -> None:
        self._database: Final = database
        self._replies: Final = replies

    async def run(self, command: Command[Given, Facts, Done], given: Given) -> Done:
        """Run a command, for a caller that repeats nothing or asks for what is safe to repeat."""

        async def write(session: WriteSession, facts: Facts) -> Done:
            return await command.write(session, given, facts)

        done = await self._read_and_write(command, given, write)
        await command.finish(given, done)
        return done

    async def run_once(
        self,
        command: Command[Given, Facts, Done],
        given: Given,
        *,
        once: Once | None,
        replies: Replies[Done, Answer],
    ) -> Answer:
        """Run a command once for its key; a repeat gets the first reply, and `finish` again.

        Raises:
            Conflict: the key was used with another request (IDEMPOTENCY_KEY_REUSED).
        """
        if once is None:
            return replies.encode(await self.run(command, given))
        stored = None
        if not command.reading_leaves_nothing:
            stored = await self._replies.earlier(self._database, once)
        if stored is None:
            try:
                done, answer = await self._first(command, given, once, replies)
            except (ServiceError, DBAPIError):
                # It may have failed because the same call was answered at the same time.
                stored = await self._replies.earlier(self._database, once)
                if stored is None:
                    raise
        if stored is not None:
            answer = replies.message.FromString(stored)
            done = replies.recover(answer)
        await command.finish(given, done)
        return answer

    async def _first(
        self,
        command: Command[Given, Facts, Done],
        given: Given,
        once: Once,
        replies: Replies[Done, Answer],
    ) -> tuple[Done, Answer]:
        async def write(session: WriteSession, facts: Facts) -> tuple[Done, Answer]:
            done = await command.write(session, given, facts)
            answer = replies.encode(done)
            self._replies.keep(session, once, answer.SerializeToString(deterministic=True))
            return done, answer

        return await self._read_and_write(command, given, write)

    async def _read_and_write(
        self,
        command: Command[Given, Facts, Done],
        given: Given,
        write: Callable[[WriteSession, Facts], Awaitable[Written]],
    ) -> Written:
        for _ in range(READINGS_MAX):
            facts = await command.read(given)
            try:
                return await self._write(write, facts)
            except FactsChanged:
                continue
        raise Unavailable(
            "UNAVAILABLE",
            "what this would change was being changed by others; try again",
            retry_after_ms=_RETRY_AFTER_MS,
        )

    async def _write(
        self, write: Callable[[WriteSession, Facts], Awaitable[Written]], facts: Facts
    ) -> Written:
        return await self._database.write_retrying(lambda session: write(session, facts))
