"""Tells the authorization server about tenants."""

from contextlib import suppress
from typing import Final
from uuid import UUID

import grpc.aio
from rafiki.grant.v1 import grant_admin_service_pb2 as pb
from rafiki.grant.v1.grant_admin_service_pb2_grpc import GrantAdminServiceStub
from servicekit.errors import NotFound, Unimplemented

from services.backend.tenants.model import SettingKey, Tenant

DEADLINE_S: Final = 5.0
_SERVICE: Final = "rafiki.grant.v1.GrantAdminService"
IDEMPOTENT_METHODS: Final = (f"{_SERVICE}/UpsertAuthTenant", f"{_SERVICE}/DeleteAuthTenant")
"""They carry a key, so the channel may try them again."""


class AuthTenants:
    """GrantAdminService's tenants, over a channel that the caller owns."""

    def __init__(self, *, channel: grpc.aio.Channel) -> None:
        self._stub = GrantAdminServiceStub(channel)

    async def upsert(self, tenant: Tenant, *, key: str) -> None:
        """Create or replace what auth knows of a tenant; raises auth's ServiceError.

        A server of another make may know no tenants (see `auth_server`): it needs telling nothing.
        """
        request = pb.UpsertAuthTenantRequest(
            id=str(tenant.id),
            idp_consent_url=tenant.idp_consent_url,
            idp_secret=tenant.idp_secret,
            api_secret=tenant.api_secret,
            idempotency_key=key,
            wallet_address_url=tenant.setting(SettingKey.WALLET_ADDRESS_URL),
        )
        with suppress(Unimplemented):
            await self._stub.UpsertAuthTenant(request, timeout=DEADLINE_S)

    async def delete(self, tenant_id: UUID, *, key: str) -> None:
        """Let auth forget a tenant; one that it does not know is fine, and if it knows none."""
        request = pb.DeleteAuthTenantRequest(id=str(tenant_id), idempotency_key=key)
        with suppress(NotFound, Unimplemented):
            await self._stub.DeleteAuthTenant(request, timeout=DEADLINE_S)
