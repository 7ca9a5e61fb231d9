"""The use cases of tenants, put together."""

from collections.abc import Sequence
from dataclasses import dataclass

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.ids import IdSource
from servicekit.outbox import Outbox
from servicekit.outbox_worker import OutboxLimits, OutboxWorker
from servicekit.redis import ReplayGuard

from services.backend.tenants.commands.create_tenant import CreateTenant
from services.backend.tenants.commands.delete_tenant import DeleteTenant
from services.backend.tenants.commands.ensure_operator import EnsureOperator
from services.backend.tenants.commands.set_tenant_settings import SetTenantSettings
from services.backend.tenants.commands.update_tenant import UpdateTenant
from services.backend.tenants.queries import TenantQueries
from services.backend.tenants.roles import EndOfTenant, KnownTenants, Names
from services.backend.tenants.signatures import ApiSignatures
from services.backend.tenants.tables import auth_tenant_changes
from services.backend.tenants.worker import (
    AUTH_TENANTS_CHANNEL,
    AuthTenantsClient,
    AuthTenantSender,
    TenantChanges,
    retry_delay,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenants:
    """Everything that can be done with tenants."""

    queries: TenantQueries
    signatures: ApiSignatures
    create: CreateTenant
    update: UpdateTenant
    set_settings: SetTenantSettings
    delete: DeleteTenant
    ensure_operator: EnsureOperator
    auth_changes: Outbox
    """What the authorization server has not been told yet."""
    auth_worker: OutboxWorker


def build(
    *,
    database: Database,
    known: KnownTenants,
    names: Names,
    ends: Sequence[EndOfTenant],
    auth: AuthTenantsClient,
    replay_guard: ReplayGuard,
    signature_version: int,
    signature_ttl_ms: int,
    clock: Clock,
    ids: IdSource,
) -> Tenants:
    """Wire them; `ends` end what other features have of a tenant that is deleted."""
    outbox = Outbox(table=auth_tenant_changes, channel=AUTH_TENANTS_CHANNEL, clock=clock, ids=ids)
    changes = TenantChanges(outbox)
    return Tenants(
        queries=TenantQueries(database=database, known=known),
        signatures=ApiSignatures(
            tenants=known,
            replay_guard=replay_guard,
            version=signature_version,
            ttl_ms=signature_ttl_ms,
            clock=clock,
        ),
        create=CreateTenant(names=names, auth=changes, clock=clock, ids=ids),
        update=UpdateTenant(auth=changes),
        set_settings=SetTenantSettings(names=names, auth=changes),
        delete=DeleteTenant(auth=changes, ends=ends, clock=clock),
        ensure_operator=EnsureOperator(database=database, clock=clock),
        auth_changes=outbox,
        auth_worker=OutboxWorker(
            database=database,
            outbox=outbox,
            deliver=AuthTenantSender(database=database, client=auth).deliver,
            retry_delay=retry_delay,
            clock=clock,
            ids=ids,
            limits=OutboxLimits(concurrent_max=4, lane_concurrent_max=4),
        ),
    )
