"""Whose wallet address a resource belongs to: what never changes is read once and remembered."""

from collections import OrderedDict
from typing import Final
from uuid import UUID

from servicekit.database import Database

from services.backend.guard import repository

REMEMBERED_MAX: Final = 20_000


class Resources:
    """Payments and quotes by id; the least recently asked for are forgotten first."""

    def __init__(self, *, database: Database) -> None:
        self._database = database
        self._owners: OrderedDict[tuple[str, UUID], repository.Owner] = OrderedDict()

    async def wallet_address_of(
        self, tenant_id: UUID, access_type: str, resource_id: UUID
    ) -> str | None:
        """The wallet address of a tenant's resource; None when it has no such resource."""
        key = (access_type, resource_id)
        owner = self._owners.get(key)
        if owner is None:
            owner = await repository.owner_of(self._database, access_type, resource_id)
            if owner is None:
                return None  # it may be made a moment later
            if len(self._owners) >= REMEMBERED_MAX:
                self._owners.popitem(last=False)
            self._owners[key] = owner
        else:
            self._owners.move_to_end(key)
        return owner.wallet_address if owner.tenant_id == tenant_id else None
