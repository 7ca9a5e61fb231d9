"""Alembic's entry point for the backend's database."""

import asyncio

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

# Two processes that migrate at once: the second waits and then finds nothing to do.
MIGRATION_LOCK_ID = 0x7261_6669_6B69
LOCK_TIMEOUT_MS = 10_000


def _url() -> str:
    """Return the database's URL: from the caller, or from `alembic -x url=...`."""
    url = context.config.attributes.get("url") or context.get_x_argument(as_dictionary=True)["url"]
    scheme, separator, rest = str(url).partition("://")
    return f"{scheme.partition('+')[0]}+asyncpg{separator}{rest}"


def _migrate(connection: Connection) -> None:
    # A migration that waits for a lock queues everyone else behind it: give up instead.
    connection.exec_driver_sql(f"SELECT pg_advisory_lock({MIGRATION_LOCK_ID})")
    connection.exec_driver_sql(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
    connection.commit()
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def _run() -> None:
    engine = create_async_engine(_url(), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()


asyncio.run(_run())
