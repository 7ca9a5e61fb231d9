"""Brings the backend's database up to date, from code."""

from pathlib import Path

from servicekit import migrations

_SCRIPTS = Path(__file__).parent


def upgrade(url: str, revision: str = "heads") -> None:
    """Apply the revisions that the database lacks.

    `url` is postgresql://user:password@host:port/database. Safe to run from several processes at
    once. Works whether or not an event loop runs here, but blocks: see `upgrade_async`.
    """
    migrations.upgrade(url, _SCRIPTS, revision)


async def upgrade_async(url: str, revision: str = "heads") -> None:
    """Do the same without blocking the event loop."""
    await migrations.upgrade_async(url, _SCRIPTS, revision)
