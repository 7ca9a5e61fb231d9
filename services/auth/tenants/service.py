"""Use cases of tenants."""

from uuid import UUID

from ilpkit.openpayments.errors import InvalidWalletAddress
from ilpkit.openpayments.urls import canonical_base, is_http_url
from servicekit.clock import Clock
from servicekit.database import WriteSession
from servicekit.errors import InvalidArgument

from services.auth.errors import UnknownTenant
from services.auth.grants import repository as grants
from services.auth.tenants import repository
from services.auth.tenants.model import SECRET_CHARACTERS_MAX, Tenant
from services.auth.tokens import repository as tokens
from services.auth.tokens.model import hash_secret


class TenantService:
    """Tenants."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    async def upsert(
        self,
        session: WriteSession,
        *,
        tenant_id: UUID,
        idp_consent_url: str | None,
        idp_secret: str | None,
        api_secret: str,
        wallet_address_url: str | None = None,
    ) -> None:
        """Create or replace a tenant; one that was deleted is back, without its old grants.

        Raises InvalidArgument (INVALID_FIELD).
        """
        if idp_consent_url is not None and not is_http_url(idp_consent_url):
            raise _invalid("idp_consent_url", "is an absolute http or https URL")
        for field, secret in (("idp_secret", idp_secret), ("api_secret", api_secret)):
            if secret is not None and not 1 <= len(secret) <= SECRET_CHARACTERS_MAX:
                raise _invalid(field, f"has 1 to {SECRET_CHARACTERS_MAX} characters")
        try:
            base = None if wallet_address_url is None else canonical_base(wallet_address_url)
        except InvalidWalletAddress as invalid:
            raise _invalid("wallet_address_url", invalid.limit) from None
        tenant = Tenant(
            id=tenant_id,
            idp_consent_url=idp_consent_url,
            idp_secret_hash=None if idp_secret is None else hash_secret(idp_secret),
            wallet_address_url=base,
        )
        await repository.upsert(
            session, tenant, api_secret_hash=hash_secret(api_secret), now=self._clock.now()
        )

    async def delete(self, session: WriteSession, tenant_id: UUID) -> None:
        """Forget a tenant: no more grants, its tokens are revoked.

        Raises:
            UnknownTenant: there is none, or it was deleted before.
        """
        now = self._clock.now()
        if not await repository.delete(session, tenant_id, now):
            raise UnknownTenant(str(tenant_id))
        await grants.revoke_of_tenant(session, tenant_id)
        await tokens.revoke_of_tenant(session, tenant_id, now)


def _invalid(field: str, rule: str) -> InvalidArgument:
    return InvalidArgument("INVALID_FIELD", f"{field} {rule}", field=field)
