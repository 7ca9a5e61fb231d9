"""Idempotency keys: the first reply is stored with its transaction, and given again.

The key's row is written first, so a second call with the same key waits for the first one's
transaction: after its commit it gets the stored reply, after its rollback it is the first.
Errors are not stored: a call that failed did nothing, and may be tried again under its key.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Column, LargeBinary, MetaData, Row, Table, Text, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from servicekit.clock import Clock
from servicekit.database import ReadSession, WriteSession
from servicekit.errors import Conflict
from servicekit.tables import timestamp

TTL_DEFAULT = timedelta(hours=24)
PURGE_ROWS_MAX = 1_000


def idempotency_table(metadata: MetaData, name: str = "idempotency_keys") -> Table:
    """Add the table to a service's tables."""
    return Table(
        name,
        metadata,
        Column("scope", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("request_hash", LargeBinary, nullable=False),
        Column("reply", LargeBinary, nullable=True),
        timestamp("expires_at"),
    )


class IdempotencyStore:
    """Runs calls once for their keys."""

    def __init__(self, *, table: Table, clock: Clock, ttl: timedelta = TTL_DEFAULT) -> None:
        self._table = table
        self._clock = clock
        self._ttl = ttl

    async def execute(
        self,
        session: WriteSession,
        *,
        scope: str,
        key: str,
        request: bytes,
        produce: Callable[[], Awaitable[bytes]],
    ) -> bytes:
        """The reply of `produce`, or the stored one of an earlier call.

        Args:
            session: the caller's transaction, in which `produce` writes too.
            scope: the tenant and the operation: keys of different scopes don't meet.
            key: the caller's key.
            request: the canonical bytes of the whole request.
            produce: does the work and gives the reply; called at most once.

        Raises:
            Conflict: the key was used with another request (IDEMPOTENCY_KEY_REUSED).
        """
        digest = hashlib.sha256(request).digest()
        if not await self._claim(session, scope, key, digest):
            return await self._stored(session, scope, key, request)
        reply = await produce()
        table = self._table
        row = (table.c.scope == scope) & (table.c.key == key)
        await session.execute(update(table).where(row).values(reply=reply))
        return reply

    async def earlier(
        self, session: ReadSession, *, scope: str, key: str, request: bytes
    ) -> bytes | None:
        """The stored reply of an earlier call, or None; raises as `execute` does.

        It spares work that comes before the transaction, and that a repeat might not survive: what
        was in order at the first call may have ended since. `execute` still decides.
        """
        table = self._table
        row = (table.c.scope == scope) & (table.c.key == key)
        alive = table.c.expires_at > self._clock.now()
        query = select(table.c.request_hash, table.c.reply).where(row, alive)
        found = (await session.execute(query)).one_or_none()
        return None if found is None else _checked(found, scope, request)

    async def purge(self, session: WriteSession) -> int:
        """Delete a page of expired keys; returns how many. Repeat while it is PURGE_ROWS_MAX."""
        table = self._table
        expired = (
            select(table.c.scope, table.c.key)
            .where(table.c.expires_at <= self._clock.now())
            .limit(PURGE_ROWS_MAX)
            .with_for_update(skip_locked=True)
            .subquery()
        )
        row = (table.c.scope == expired.c.scope) & (table.c.key == expired.c.key)
        return (await session.execute(delete(table).where(row))).rowcount

    async def _claim(self, session: WriteSession, scope: str, key: str, digest: bytes) -> bool:
        table, now = self._table, self._clock.now()
        fresh = {"request_hash": digest, "reply": None, "expires_at": now + self._ttl}
        statement = (
            insert(table)
            .values(scope=scope, key=key, **fresh)
            .on_conflict_do_update(
                index_elements=[table.c.scope, table.c.key],
                set_=fresh,
                where=table.c.expires_at <= now,
            )
            .returning(table.c.key)
        )
        return await session.scalar(statement) is not None

    async def _stored(self, session: WriteSession, scope: str, key: str, request: bytes) -> bytes:
        table = self._table
        row = (table.c.scope == scope) & (table.c.key == key)
        query = select(table.c.request_hash, table.c.reply).where(row)
        return _checked((await session.execute(query)).one(), scope, request)


def _checked(found: Row[Any], scope: str, request: bytes) -> bytes:
    if found.request_hash != hashlib.sha256(request).digest():
        raise Conflict(
            "IDEMPOTENCY_KEY_REUSED",
            "the idempotency key was used with another input",
            metadata={"operation": scope},
            field="idempotency_key",
        )
    return bytes(found.reply)
