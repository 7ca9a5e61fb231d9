"""Idempotency keys: the first reply is kept with its transaction, and given again.

The key's row is written last, with what the call wrote. Of two calls at once with one key, the
second waits there for the first: after its commit the row is refused, and with it all that the
second one did, and the stored reply is read. Errors are not kept: a call that failed did nothing,
and may be tried again under its key.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from google.protobuf.message import Message
from sqlalchemy import (
    Column,
    DateTime,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from servicekit.clock import Clock
from servicekit.database import Database, WriteSession
from servicekit.errors import Conflict, InvalidArgument, Unavailable
from servicekit.housekeeping import HousekeepingTask
from servicekit.statements import prepared
from servicekit.tables import timestamp

TTL_DEFAULT: Final = timedelta(hours=24)
PURGE_ROWS_MAX: Final = 1_000
KEY_CHARACTERS_MAX: Final = 255
IDEMPOTENCY_HEADER: Final = "idempotency-key"
"""Of REST calls; lower case, as headers come here."""
_RETRY_AFTER_MS: Final = 100


def idempotency_table(metadata: MetaData, name: str = "idempotency_keys") -> Table:
    """Add the table to a service's tables."""
    table = Table(
        name,
        metadata,
        Column("scope", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("request_hash", LargeBinary, nullable=False),
        Column("reply", LargeBinary, nullable=True),
        timestamp("expires_at"),
    )
    Index(f"ix_{name}_expires_at", table.c.expires_at)
    return table


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """What makes two calls the same one."""

    scope: str
    """Who calls and what: keys of different scopes don't meet."""
    key: str
    """The caller's key."""
    request: bytes
    """The whole request, in canonical bytes: a key belongs to one request."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.key) <= KEY_CHARACTERS_MAX:
            raise InvalidArgument(
                "INVALID_FIELD",
                f"idempotency_key has 1 to {KEY_CHARACTERS_MAX} characters",
                field="idempotency_key",
            )


def once_of(request: Message, *, scope: object, key: str) -> Once:
    """What makes a repeat of this request: its caller, its operation, its key and all its fields.

    Raises:
        InvalidArgument: the key is missing or too long.
    """
    return Once(
        scope=f"{scope}/{request.DESCRIPTOR.full_name}",
        key=key,
        request=request.SerializeToString(deterministic=True),
    )


class ReplyStore(Protocol):
    """Keeps the replies of calls."""

    async def earlier(self, database: Database, once: Once) -> bytes | None:
        """The reply of an earlier call; raises Conflict when that had another request."""
        ...

    def keep(self, session: WriteSession, once: Once, reply: bytes) -> None:
        """Write the reply with the session's transaction, which fails if there is one already."""
        ...


class IdempotencyStore:
    """Keeps replies in a service's table."""

    def __init__(self, *, table: Table, clock: Clock, ttl: timedelta = TTL_DEFAULT) -> None:
        self._clock = clock
        self._ttl = ttl
        columns, now = table.c, bindparam("now", type_=DateTime(timezone=True))
        self._find = prepared(
            select(columns.request_hash, columns.reply).where(
                columns.scope == bindparam("its_scope"),
                columns.key == bindparam("its_key"),
                columns.expires_at > now,
            )
        )
        new = insert(table)
        self._keep = prepared(
            new.on_conflict_do_update(
                index_elements=[columns.scope, columns.key],
                set_={name: new.excluded[name] for name in ("request_hash", "reply", "expires_at")},
                where=columns.expires_at <= now,
            ),
            columns=[column.name for column in columns],
        )
        expired = (
            select(columns.scope, columns.key)
            .where(columns.expires_at <= now)
            .limit(PURGE_ROWS_MAX)
            .with_for_update(skip_locked=True)
            .subquery()
        )
        self._purge = prepared(
            delete(table).where(columns.scope == expired.c.scope, columns.key == expired.c.key)
        )

    async def earlier(self, database: Database, once: Once) -> bytes | None:
        """The stored reply of an earlier call, or None.

        Raises:
            Conflict: the key was used with another request (IDEMPOTENCY_KEY_REUSED).
        """
        values = {"its_scope": once.scope, "its_key": once.key, "now": self._clock.now()}
        found = (await database.write_one(self._find, values)).one_or_none()
        if found is None:
            return None
        if found.request_hash != _digest(once):
            raise Conflict(
                "IDEMPOTENCY_KEY_REUSED",
                "the idempotency key was used with another input",
                metadata={"operation": once.scope},
                field="idempotency_key",
            )
        return bytes(found.reply)

    def keep(self, session: WriteSession, once: Once, reply: bytes) -> None:
        """Write the reply with the transaction; a live reply of another call makes it fail."""
        now = self._clock.now()
        values = {
            "scope": once.scope,
            "key": once.key,
            "request_hash": _digest(once),
            "reply": reply,
            "expires_at": now + self._ttl,
            "now": now,
        }
        session.add(self._keep, values, rows=1, refused=_answered_meanwhile)

    async def purge(self, session: WriteSession) -> int:
        """Delete a page of expired keys; returns how many."""
        return (await session.execute(self._purge, {"now": self._clock.now()})).rowcount

    @property
    def housekeeping(self) -> HousekeepingTask:
        """Deletes keys once they have expired."""
        return HousekeepingTask(name="idempotency_keys", purge=self.purge, page_rows=PURGE_ROWS_MAX)


def _digest(once: Once) -> bytes:
    return hashlib.sha256(once.request).digest()


def _answered_meanwhile() -> Unavailable:
    return Unavailable(
        "UNAVAILABLE",
        "another call with this idempotency key was answered at the same time",
        retry_after_ms=_RETRY_AFTER_MS,
    )
