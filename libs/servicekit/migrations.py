"""Alembic, run from code: several processes that start at once migrate once.

A service's `migrations/env.py` is `from servicekit.migrations import run_environment` and a call.
"""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from servicekit.database_url import driver_url

MIGRATION_LOCK_ID = 0x7261_6669_6B69
"""The advisory lock of whoever migrates a database; locks of other databases don't meet it."""
LOCK_TIMEOUT_MS = 10_000
_URL = "url"
_ALEMBIC = threading.Lock()
"""Alembic keeps the migration that runs in a global: one at a time in a process."""


def upgrade(url: str, script_location: Path, revision: str = "heads") -> None:
    """Apply what the database lacks; blocks. A second process waits, and finds nothing to do.

    Works whether or not an event loop runs here.
    """
    # Alembic's environment starts an event loop, which a thread that runs one already can't.
    with ThreadPoolExecutor(1) as executor:
        executor.submit(_upgrade, url, script_location, revision).result()


async def upgrade_async(url: str, script_location: Path, revision: str = "heads") -> None:
    """Do the same without blocking the event loop."""
    await asyncio.to_thread(_upgrade, url, script_location, revision)


def run_environment(metadata: MetaData | None = None) -> None:
    """The whole of an `env.py`; `metadata` is for `alembic check` and autogeneration."""
    asyncio.run(_run(metadata))


def _upgrade(url: str, script_location: Path, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(script_location))
    config.attributes[_URL] = url
    with _ALEMBIC:
        command.upgrade(config, revision)


async def _run(metadata: MetaData | None) -> None:
    url = context.config.attributes.get(_URL) or context.get_x_argument(as_dictionary=True)[_URL]
    engine = create_async_engine(driver_url(str(url)), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_migrate, metadata)
    finally:
        await engine.dispose()


def _migrate(connection: Connection, metadata: MetaData | None) -> None:
    # The lock is the session's: it outlasts each revision's transaction.
    connection.exec_driver_sql(f"SELECT pg_advisory_lock({MIGRATION_LOCK_ID})")
    # A revision that waits for a table's lock queues everyone else behind it: give up instead.
    connection.exec_driver_sql(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
    connection.commit()
    context.configure(
        connection=connection, target_metadata=metadata, transaction_per_migration=True
    )
    with context.begin_transaction():
        context.run_migrations()
