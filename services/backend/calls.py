"""Mutating calls whose work is still written in servicers, run as commands are.

The work has two parts. `write` runs in the transaction and makes the reply. `finish` runs after the
commit, for what does not belong into a transaction (the ledger); it must be a no-op when repeated,
because it runs again when the call is repeated with its key.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from google.protobuf.message import Message
from servicekit.commands import Commands, as_they_are
from servicekit.database import WriteSession
from servicekit.idempotency import once_of
from servicekit.inline_command import InlineCommand

__all__ = ["Calls", "Write", "once_of"]

Reply = TypeVar("Reply", bound=Message)
Write = Callable[[WriteSession], Awaitable[Reply]]


class Calls:
    """Runs mutating calls."""

    def __init__(self, *, commands: Commands) -> None:
        self._commands = commands

    async def mutate(
        self,
        request: Message,
        reply_type: type[Reply],
        *,
        scope: UUID | str,
        key: str,
        write: Write[Reply],
        finish: Callable[[Reply], Awaitable[None]] | None = None,
    ) -> Reply:
        """Run a call once for its key, and answer repeats with the first reply.

        Raises:
            InvalidArgument: the key is missing or too long.
            Conflict: the key was used with another input (IDEMPOTENCY_KEY_REUSED).
        """

        async def prepare() -> Write[Reply]:
            return write

        return await self.prepared(
            request, reply_type, scope=scope, key=key, prepare=prepare, finish=finish
        )

    async def prepared(
        self,
        request: Message,
        reply_type: type[Reply],
        *,
        scope: UUID | str,
        key: str,
        prepare: Callable[[], Awaitable[Write[Reply]]],
        finish: Callable[[Reply], Awaitable[None]] | None = None,
    ) -> Reply:
        """As `mutate`, for a call whose work begins outside of the transaction.

        `prepare` does what needs the ledger or the network and gives the `write`. A repeat gets
        the first reply before anything is prepared: what it would find may have changed since.
        Two calls at once may both prepare; only one writes.
        """
        return await self._commands.run_once(
            InlineCommand(prepare, finish),
            None,
            once=once_of(request, scope=scope, key=key),
            replies=as_they_are(reply_type),
        )

    async def once(
        self,
        request: Message,
        reply_type: type[Reply],
        *,
        scope: str,
        key: str | None,
        prepare: Callable[[], Awaitable[Write[Reply]]],
    ) -> Reply:
        """As `prepared`, for callers that may leave the key out: then each call is a new one."""
        if key is not None:
            return await self.prepared(request, reply_type, scope=scope, key=key, prepare=prepare)
        return await self._commands.run(InlineCommand(prepare), None)
