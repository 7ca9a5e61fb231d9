"""Keeps the directory's snapshot fresh: loaded at start, renewed by LISTEN/NOTIFY."""

import asyncio
from typing import Final

import structlog
from servicekit.database import Database, WriteSession

from services.backend.assets import repository as assets
from services.backend.directory.model import Snapshot
from services.backend.peers import repository as peers
from services.backend.tenants import repository as tenants

DIRECTORY_CHANNEL: Final = "rafiki_directory"

_log = structlog.get_logger(__name__)


async def announce_change(session: WriteSession) -> None:
    """Tell every process that tenants, assets or peers change with this transaction."""
    await session.notify(DIRECTORY_CHANNEL, "")


class Directory:
    """The current snapshot, and how it is renewed."""

    def __init__(self, *, database: Database, operator_ilp_address: str) -> None:
        self._database = database
        self._operator_ilp_address = operator_ilp_address
        self._snapshot: Snapshot | None = None
        self._reloading = asyncio.Lock()
        self._generation = 0

    @property
    def snapshot(self) -> Snapshot:
        """The newest snapshot; `reload` must have run once."""
        assert self._snapshot is not None, "the directory is loaded before anything is served"
        return self._snapshot

    async def reload(self) -> None:
        """Read everything again; calls that come while one reads share the next read."""
        self._generation += 1
        wanted = self._generation
        async with self._reloading:
            if self._generation != wanted:
                return  # a later caller waits for the lock and reads what we would have read
            self._snapshot = await self._read()

    async def reload_now(self) -> None:
        """Read everything again; afterwards the snapshot holds all that was committed before."""
        async with self._reloading:
            self._snapshot = await self._read()

    async def on_notify(self, channel: str, payload: str) -> None:
        """A change was committed somewhere."""
        del channel, payload
        await self.reload()

    async def _read(self) -> Snapshot:
        async with self._database.read() as session:
            return Snapshot(
                operator_ilp_address=self._operator_ilp_address,
                tenants=await tenants.load_all(session),
                assets=await assets.load_all(session),
                peers=await peers.load_all(session),
                tokens=await peers.load_tokens(session),
            )
