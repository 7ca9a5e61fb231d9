"""Brings changes of tenants to the authorization server, from an outbox.

The delivery is written with the change, so none is lost, and those of one tenant go one after the
other. A delivery says only which tenant changed: what is told is the tenant as it is then, so the
last delivery always brings the last state, and no secret lies in the outbox.
"""

from datetime import timedelta
from typing import Final, Protocol
from uuid import UUID

from servicekit.database import Database, WriteSession
from servicekit.errors import ServiceError
from servicekit.outbox import Delivery, NewDelivery, Outbox
from servicekit.outbox_worker import DeliveryFailed

from services.backend.tenants import repository
from services.backend.tenants.model import Tenant

AUTH_TENANTS_CHANNEL: Final = "rafiki_auth_tenants"
ATTEMPTS_MAX: Final = 1000
"""More than a day of trying; then the delivery is parked for the operator to see."""
RETRY_FIRST: Final = timedelta(seconds=1)
RETRY_MAX: Final = timedelta(minutes=2)
_LANE: Final = "auth"


class AuthTenantsClient(Protocol):
    """The authorization server."""

    async def upsert(self, tenant: Tenant, *, key: str) -> None:
        """Create or replace what it knows of a tenant."""
        ...

    async def delete(self, tenant_id: UUID, *, key: str) -> None:
        """Forget a tenant."""
        ...


class TenantChanges:
    """Remembers, in the transaction of a change, that auth must hear of it."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def changed(self, session: WriteSession, tenant_id: UUID) -> None:
        """The tenant is new, other, or deleted."""
        delivery = NewDelivery(
            lane=_LANE,
            ordering_key=str(tenant_id),
            payload={"tenant_id": str(tenant_id)},
            attempts_max=ATTEMPTS_MAX,
        )
        await self._outbox.add(session, [delivery])


class AuthTenantSender:
    """Delivers one change."""

    def __init__(self, *, database: Database, client: AuthTenantsClient) -> None:
        self._database = database
        self._client = client

    async def deliver(self, delivery: Delivery) -> None:
        """Tell auth how the tenant is now; raises DeliveryFailed when auth does not take it."""
        tenant_id = UUID(delivery.payload["tenant_id"])
        async with self._database.read() as session:
            tenant = await repository.get(session, tenant_id)
        if tenant is None:
            return
        # The tenant may have changed since the last attempt: then it is another call.
        key = f"{delivery.id}/{delivery.attempts}"
        try:
            if tenant.is_active:
                await self._client.upsert(tenant, key=key)
            else:
                await self._client.delete(tenant_id, key=key)
        except ServiceError as error:
            raise DeliveryFailed(f"{error.reason}: {error.message}") from error


def retry_delay(attempts: int) -> timedelta:
    """The wait after failed attempt n: doubled each time, up to two minutes."""
    doublings = min(max(attempts, 1) - 1, 10)
    return min(RETRY_FIRST * (1 << doublings), RETRY_MAX)
