"""Brings a database up to date, from code."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alembic import command
from alembic.config import Config


def upgrade(url: str, revision: str = "heads") -> None:
    """Apply the revisions that the database lacks.

    `url` is postgresql://user:password@host:port/database. Safe to run from several processes at
    once. Works whether or not an event loop runs here, but blocks: see `upgrade_async`.
    """
    # Alembic starts an event loop of its own, which a thread that runs one already can't.
    with ThreadPoolExecutor(1) as executor:
        executor.submit(_upgrade, url, revision).result()


async def upgrade_async(url: str, revision: str = "heads") -> None:
    """Do the same without blocking the event loop."""
    await asyncio.to_thread(_upgrade, url, revision)


def _upgrade(url: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["url"] = url
    command.upgrade(config, revision)
