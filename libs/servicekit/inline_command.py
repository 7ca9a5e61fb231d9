"""A command whose steps are functions of a servicer: for calls that have no command of their own.

It goes when the last of them has one.
"""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from servicekit.commands import Command
from servicekit.database import WriteSession

Done = TypeVar("Done")


class InlineCommand(Command[None, Callable[[WriteSession], Awaitable[Done]], Done], Generic[Done]):
    """`prepare` does what needs the network or the ledger and gives what is done in `write`."""

    def __init__(
        self,
        prepare: Callable[[], Awaitable[Callable[[WriteSession], Awaitable[Done]]]],
        finish: Callable[[Done], Awaitable[None]] | None = None,
    ) -> None:
        self._prepare = prepare
        self._finish = finish

    async def read(self, given: None) -> Callable[[WriteSession], Awaitable[Done]]:
        """What `prepare` gives."""
        del given
        return await self._prepare()

    async def write(
        self,
        session: WriteSession,
        given: None,
        facts: Callable[[WriteSession], Awaitable[Done]],
    ) -> Done:
        """Run it."""
        del given
        return await facts(session)

    async def finish(self, given: None, done: Done) -> None:
        """Run `finish`, if there is one."""
        del given
        if self._finish is not None:
            await self._finish(done)
