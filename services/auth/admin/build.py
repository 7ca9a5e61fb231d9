"""The use cases of administrators, put together."""

from dataclasses import dataclass

from servicekit.clock import Clock
from servicekit.database import Database

from services.auth.admin.commands.delete_tenant import DeleteTenant
from services.auth.admin.commands.revoke_grant import RevokeGrant
from services.auth.admin.commands.upsert_tenant import UpsertTenant
from services.auth.admin.queries import GrantQueries


@dataclass(frozen=True, slots=True, kw_only=True)
class Administration:
    """Everything that administrators can do."""

    grants: GrantQueries
    revoke_grant: RevokeGrant
    upsert_tenant: UpsertTenant
    delete_tenant: DeleteTenant


def build(*, database: Database, clock: Clock) -> Administration:
    """Wire them."""
    queries = GrantQueries(database=database)
    return Administration(
        grants=queries,
        revoke_grant=RevokeGrant(queries=queries, clock=clock),
        upsert_tenant=UpsertTenant(clock=clock),
        delete_tenant=DeleteTenant(clock=clock),
    )
