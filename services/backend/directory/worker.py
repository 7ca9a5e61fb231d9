"""Keeps the directory's snapshot fresh: loaded at start, renewed by LISTEN/NOTIFY."""

import asyncio
from uuid import UUID

from servicekit.database import Database

from services.backend.assets import repository as assets
from services.backend.changes import repository as changes
from services.backend.directory.model import Snapshot, TenantEntry
from services.backend.directory.names import Names
from services.backend.peers import repository as peers
from services.backend.tenants import repository as tenants


class Directory:
    """The current snapshot, and how it is renewed."""

    def __init__(self, *, database: Database, names: Names) -> None:
        self._database = database
        self._names = names
        self._snapshot: Snapshot | None = None
        self._revision = -1
        """The snapshot holds at least what was committed with this revision."""
        self._reloading = asyncio.Lock()
        self._asked = 0
        self._answered = 0

    @property
    def snapshot(self) -> Snapshot:
        """The newest snapshot; `reload` must have run once."""
        assert self._snapshot is not None, "the directory is loaded before anything is served"
        return self._snapshot

    async def reload(self) -> None:
        """Read everything again: the snapshot then holds all that was committed before the call.

        Calls that come while one reads share the next read.
        """
        self._asked += 1
        asked = self._asked
        async with self._reloading:
            if self._answered >= asked:
                return  # a read that began after this call has ended
            answers = self._asked
            # First the revision: what is read after it is at least as new.
            revision = await changes.revision(self._database)
            self._snapshot = await self._read()
            self._revision, self._answered = revision, answers

    async def catch_up(self) -> None:
        """As `reload`, at the price of one small read when nothing has changed."""
        if await changes.revision(self._database) != self._revision:
            await self.reload()

    async def find_tenant(self, tenant_id: UUID) -> TenantEntry | None:
        """A tenant, also one that was made a moment ago by another process."""
        entry = self.snapshot.tenants.get(tenant_id)
        if entry is None:
            await self.catch_up()
            entry = self.snapshot.tenants.get(tenant_id)
        return entry

    async def on_notify(self, channel: str, payload: str) -> None:
        """A change was committed somewhere."""
        del channel, payload
        await self.reload()

    async def _read(self) -> Snapshot:
        async with self._database.read() as session:
            return Snapshot(
                ilp_address_of=self._names.ilp_address,
                tenants=await tenants.load_all(session),
                assets=await assets.load_all(session),
                peers=await peers.load_all(session),
                tokens=await peers.load_tokens(session),
            )
