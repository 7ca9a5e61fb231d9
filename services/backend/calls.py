"""What every mutating RPC does around its own work: one transaction, and an idempotency key.

The work has two parts. `write` runs in the transaction and makes the reply. `finish` runs after the
commit, for what does not belong into a transaction (the ledger); it must be a no-op when repeated,
because it runs again when the call is repeated with its key.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from google.protobuf.message import Message
from servicekit.database import Database, WriteSession
from servicekit.errors import InvalidArgument
from servicekit.idempotency import IdempotencyStore

Reply = TypeVar("Reply", bound=Message)
Write = Callable[[WriteSession], Awaitable[Reply]]

IDEMPOTENCY_KEY_CHARS_MAX = 255


class Calls:
    """Runs mutating calls."""

    def __init__(self, *, database: Database, idempotency: IdempotencyStore) -> None:
        self._database = database
        self._idempotency = idempotency

    async def mutate(
        self,
        request: Message,
        reply_type: type[Reply],
        *,
        scope: UUID | str,
        key: str,
        write: Callable[[WriteSession], Awaitable[Reply]],
        finish: Callable[[Reply], Awaitable[None]] | None = None,
    ) -> Reply:
        """Run a call once for its key, and answer repeats with the first reply.

        Raises:
            InvalidArgument: the key is missing or too long.
            Conflict: the key was used with another input (IDEMPOTENCY_KEY_REUSED).
        """
        _check_key(key)
        async with self._database.write() as session:
            stored = await self._idempotency.execute(
                session,
                scope=_operation(scope, request),
                key=key,
                request=request.SerializeToString(deterministic=True),
                produce=lambda: _bytes(write(session)),
            )
        reply = reply_type.FromString(stored)
        if finish is not None:
            await finish(reply)
        return reply

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
        _check_key(key)
        async with self._database.read() as session:
            stored = await self._idempotency.earlier(
                session,
                scope=_operation(scope, request),
                key=key,
                request=request.SerializeToString(deterministic=True),
            )
        if stored is None:
            write = await prepare()
            return await self.mutate(
                request, reply_type, scope=scope, key=key, write=write, finish=finish
            )
        reply = reply_type.FromString(stored)
        if finish is not None:
            await finish(reply)
        return reply

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
        write = await prepare()
        async with self._database.write() as session:
            return await write(session)


async def _bytes(reply: Awaitable[Message]) -> bytes:
    return (await reply).SerializeToString(deterministic=True)


def _operation(scope: UUID | str, request: Message) -> str:
    return f"{scope}/{request.DESCRIPTOR.full_name}"


def _check_key(key: str) -> None:
    if not 1 <= len(key) <= IDEMPOTENCY_KEY_CHARS_MAX:
        raise InvalidArgument(
            "INVALID_FIELD",
            f"idempotency_key has 1 to {IDEMPOTENCY_KEY_CHARS_MAX} characters",
            field="idempotency_key",
        )
