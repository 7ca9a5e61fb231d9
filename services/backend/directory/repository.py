"""SQL for the directory: the rows that it holds, and the lock of all names."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from servicekit.database import Database, WriteSession
from sqlalchemy import func, select

from services.backend.assets import repository as assets
from services.backend.assets.model import Fee
from services.backend.changes.model import Change, Kind
from services.backend.directory.model import RowsNow
from services.backend.peers import repository as peers
from services.backend.tenants import repository as tenants

_NAMES_LOCK: Final = 0x7261_6669_6B69_6E61
"""The number of our advisory lock; any that nobody else takes in this database."""


async def lock_names(session: WriteSession) -> None:
    """Keep all others from taking or giving up names until the transaction ends."""
    await session.execute(select(func.pg_advisory_xact_lock(_NAMES_LOCK)))


async def share_names(session: WriteSession) -> None:
    """Keep names as they are until the transaction ends, as any number at once may."""
    await session.execute(select(func.pg_advisory_xact_lock_shared(_NAMES_LOCK)))


async def read_all(database: Database) -> RowsNow:
    """Everything."""
    async with database.read() as session:
        # Peers before assets: then the asset of each is there.
        found_peers = {found.peer.id: found for found in await peers.load_all(session)}
        fees: dict[UUID, list[Fee]] = {}
        for fee in await assets.load_all_fees(session):
            fees.setdefault(fee.asset_id, []).append(fee)
        return RowsNow(
            tenants={tenant.id: tenant for tenant in await tenants.load_all(session)},
            assets={asset.id: asset for asset in await assets.load_all(session)},
            fees=fees,
            peers=found_peers,
        )


async def read(database: Database, changes: Iterable[Change]) -> RowsNow:
    """The rows that changed."""
    ids: dict[Kind, list[UUID]] = {kind: [] for kind in Kind}
    for change in changes:
        ids[change.kind].append(change.id)
    async with database.read() as session:
        return RowsNow(
            tenants={row_id: await tenants.load(session, row_id) for row_id in ids[Kind.TENANT]},
            assets={row_id: await assets.load(session, row_id) for row_id in ids[Kind.ASSET]},
            fees={row_id: await assets.load_fees(session, row_id) for row_id in ids[Kind.ASSET]},
            peers={row_id: await peers.load(session, row_id) for row_id in ids[Kind.PEER]},
        )
