"""Connections of the Postgres ledger: their settings, codecs and failures."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import asyncpg

from services.backend.ledger.errors import LedgerError, LedgerUnavailableError

CONNECT_TIMEOUT_S: Final = 10.0
COMMAND_TIMEOUT_S: Final = 30.0
LOCK_TIMEOUT_MS: Final = 10_000
# A process that stops in the middle of a batch must not hold its locks for ever.
IDLE_IN_TRANSACTION_TIMEOUT_MS: Final = 15_000

SESSION_SETTINGS: Final = {
    "application_name": "rafiki-ledger",
    "synchronous_commit": "on",  # an answer means that the transfer survives a crash
    # Every statement wants its index, also while the planner thinks that the tables are small.
    "enable_seqscan": "off",
    "jit": "off",
    "lock_timeout": str(LOCK_TIMEOUT_MS),
    "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
}

Connection = Any  # asyncpg has no types

# What a rolled-back batch may simply be tried again for: another process won a race.
CONFLICTS: Final = (
    asyncpg.UniqueViolationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)
_NO_SCHEMA: Final = (
    asyncpg.InvalidSchemaNameError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedFunctionError,
)
# Trying again won't help; nothing was written.
_REFUSALS: Final = (
    asyncpg.SyntaxOrAccessError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
)
_FAILURES: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # seen when a server dies between two messages
    OSError,
    EOFError,
    TimeoutError,
)


async def connect(url: str) -> Connection:
    """Open a connection as the ledger wants it."""
    with translated():
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            server_settings=SESSION_SETTINGS,
        )
        await set_codecs(connection)
        return connection


async def create_pool(url: str, *, connections_max: int) -> Any:
    """Open a pool of such connections; they are made when first needed."""
    with translated():
        return await asyncpg.create_pool(
            url,
            min_size=0,
            max_size=connections_max,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            server_settings=SESSION_SETTINGS,
            init=set_codecs,
            reset=_reset,
        )


async def _reset(connection: Connection) -> None:
    """Before the next user: a read leaves nothing behind, so that only a sweep that failed does."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")


async def set_codecs(connection: Connection) -> None:
    """Make ids and amounts plain integers on the Python side."""
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", encoder=_id_to_bytes, decoder=_id_from_bytes, format="binary"
    )
    await connection.set_type_codec(
        "numeric", schema="pg_catalog", encoder=str, decoder=int, format="text"
    )


def _id_to_bytes(value: int) -> bytes:
    return value.to_bytes(16, "big")


def _id_from_bytes(data: bytes) -> int:
    return int.from_bytes(data, "big")


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into the ledger's."""
    try:
        yield
    except CONFLICTS as error:
        raise LedgerUnavailableError(f"Postgres: {error}") from error
    except _NO_SCHEMA as error:
        raise LedgerError("the ledger's schema is missing: run the backend's migrations") from error
    except _REFUSALS as error:
        raise LedgerError(f"Postgres refuses: {error}") from error
    except _FAILURES as error:
        raise LedgerUnavailableError(f"Postgres: {type(error).__name__}: {error}") from error
