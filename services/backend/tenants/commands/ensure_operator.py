"""Make the operator's tenant what the node's settings say, at each start."""

from dataclasses import dataclass, replace
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import Database, WriteSession

from services.backend.changes.announcement import announce_change
from services.backend.changes.model import Kind
from services.backend.tenants import repository
from services.backend.tenants.model import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """As the settings have it."""

    tenant_id: UUID
    api_secret: str

    def __repr__(self) -> str:
        return f"Operator({self.tenant_id})"


class EnsureOperator(Command[Operator, Tenant | None, None]):
    """What an administrator set for it stays."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def read(self, given: Operator) -> Tenant | None:
        """The tenant as it is."""
        async with self._database.read() as session:
            return await repository.get(session, given.tenant_id)

    async def write(self, session: WriteSession, given: Operator, facts: Tenant | None) -> None:
        """Its row, where that says something else."""
        tenant = facts or Tenant(
            id=given.tenant_id,
            is_operator=True,
            api_secret=given.api_secret,
            email=None,
            public_name=None,
            idp_consent_url=None,
            idp_secret=None,
            settings={},
            created_at=self._clock.now(),
            deleted_at=None,
        )
        wanted = replace(tenant, is_operator=True, api_secret=given.api_secret)
        if wanted != facts:
            repository.upsert(session, wanted)
            await announce_change(session, Kind.TENANT, wanted.id)
