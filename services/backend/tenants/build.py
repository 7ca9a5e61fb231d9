"""The use cases of tenants, put together."""

from dataclasses import dataclass

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.ids import IdSource
from servicekit.outbox import Outbox
from servicekit.outbox_worker import OutboxLimits, OutboxWorker
from servicekit.redis import ReplayGuard

from services.backend.directory.names import Names
from services.backend.directory.worker import Directory
from services.backend.tenants.service import TenantService
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

    service: TenantService
    auth_changes: Outbox
    """What the authorization server has not been told yet."""
    auth_worker: OutboxWorker


def build(
    *,
    database: Database,
    directory: Directory,
    names: Names,
    auth: AuthTenantsClient,
    replay_guard: ReplayGuard,
    signature_version: int,
    signature_ttl_ms: int,
    clock: Clock,
    ids: IdSource,
) -> Tenants:
    """Wire them."""
    outbox = Outbox(table=auth_tenant_changes, channel=AUTH_TENANTS_CHANNEL, clock=clock, ids=ids)
    return Tenants(
        service=TenantService(
            database=database,
            directory=directory,
            names=names,
            replay_guard=replay_guard,
            signature_version=signature_version,
            signature_ttl_ms=signature_ttl_ms,
            changes=TenantChanges(outbox),
            clock=clock,
            ids=ids,
        ),
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
