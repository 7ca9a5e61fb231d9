"""Keeps the directory fresh: loaded at start, then told by LISTEN/NOTIFY which rows changed."""

import asyncio
from collections.abc import Collection
from uuid import UUID

from servicekit.database import Database

from services.backend.assets.model import Asset
from services.backend.changes.hearing import Hearing
from services.backend.changes.model import Change, Kind, decode_change
from services.backend.directory import repository
from services.backend.directory.model import Snapshot, TenantEntry
from services.backend.directory.names import Names
from services.backend.directory.wallet_address_cache import WalletAddressCache
from services.backend.peers.model import PeerView
from services.backend.tenants.model import Tenant


class Directory:
    """The current snapshot, the wallet addresses in use, and how both are renewed."""

    def __init__(self, *, database: Database, names: Names, hearing: Hearing) -> None:
        self._database = database
        self._names = names
        self._hearing = hearing
        self._snapshot: Snapshot | None = None
        self._renewing = asyncio.Lock()
        self._asked = 0
        self._answered = 0
        self.wallet_addresses = WalletAddressCache(database=database)

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
        async with self._renewing:
            if self._answered >= asked:
                return  # a read that began after this call has ended
            answers = self._asked
            self.wallet_addresses.forget_all()
            rows = await repository.read_all(self._database)
            self._snapshot = Snapshot(ilp_address_of=self._names.ilp_address).changed(rows)
            self._answered = answers

    async def be_current(self) -> None:
        """Hold all that any process answered before this call.

        That is so already, unless the connection that tells of changes is lost: then all is read.
        """
        if not await self._hearing.trusted():
            await self.reload()

    async def find_tenant(self, tenant_id: UUID) -> TenantEntry | None:
        """A tenant, also one that was made a moment ago by another process."""
        entry = self.snapshot.tenants.get(tenant_id)
        if entry is None:
            await self._renew([Change(Kind.TENANT, tenant_id)])
            entry = self.snapshot.tenants.get(tenant_id)
        return entry

    def tenant(self, tenant_id: UUID) -> Tenant | None:
        """A tenant, as it was told of."""
        entry = self.snapshot.tenants.get(tenant_id)
        return None if entry is None else entry.tenant

    def peer(self, peer_id: UUID) -> PeerView | None:
        """A peer, as it was told of."""
        entry = self.snapshot.peers.get(peer_id)
        return None if entry is None else PeerView(entry.peer, entry.asset)

    async def find_asset(self, asset_id: UUID) -> Asset | None:
        """An asset, also one that was made a moment ago by another process."""
        asset = self.snapshot.assets.get(asset_id)
        if asset is None:
            await self._renew([Change(Kind.ASSET, asset_id)])
            asset = self.snapshot.assets.get(asset_id)
        return asset

    def all_assets(self) -> Collection[Asset]:
        """Assets of every tenant."""
        return self.snapshot.assets.values()

    async def on_notify(self, channel: str, payload: str) -> None:
        """A change was committed somewhere."""
        del channel
        if payload:
            await self._renew([decode_change(payload)])
        else:
            await self.reload()  # a process of an earlier release names no row

    async def _renew(self, changed: list[Change]) -> None:
        """Read again what changed, and only that."""
        for change in changed:
            if change.kind is Kind.WALLET_ADDRESS:
                self.wallet_addresses.forget(change.id)
            elif change.kind is Kind.TENANT:
                self.wallet_addresses.forget_all()  # a tenant that ends takes its own with it
        async with self._renewing:
            rows = await repository.read(self._database, changed)
            self._snapshot = self.snapshot.changed(rows)
