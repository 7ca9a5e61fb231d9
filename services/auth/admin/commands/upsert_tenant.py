"""Create or replace a tenant; one that was deleted is back, without its old grants."""

from dataclasses import dataclass, field
from uuid import UUID

from ilpkit.openpayments.errors import InvalidWalletAddress
from ilpkit.openpayments.urls import canonical_base, is_http_url
from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession
from servicekit.errors import InvalidArgument

from services.auth.secrets.model import hash_secret
from services.auth.tenants import repository
from services.auth.tenants.model import SECRET_CHARACTERS_MAX, Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSettings:
    """What a tenant is to be; None leaves it without."""

    tenant_id: UUID
    idp_consent_url: str | None
    idp_secret: str | None = field(repr=False)
    api_secret: str = field(repr=False)
    wallet_address_url: str | None = None


class UpsertTenant(Command[TenantSettings, Tenant, None]):
    """Raises InvalidArgument (INVALID_FIELD)."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    async def read(self, given: TenantSettings) -> Tenant:
        """The tenant, if it can be one."""
        if given.idp_consent_url is not None and not is_http_url(given.idp_consent_url):
            raise _invalid("idp_consent_url", "is an absolute http or https URL")
        for name, secret in (("idp_secret", given.idp_secret), ("api_secret", given.api_secret)):
            if secret is not None and not 1 <= len(secret) <= SECRET_CHARACTERS_MAX:
                raise _invalid(name, f"has 1 to {SECRET_CHARACTERS_MAX} characters")
        url = given.wallet_address_url
        try:
            base = None if url is None else canonical_base(url)
        except InvalidWalletAddress as invalid:
            raise _invalid("wallet_address_url", invalid.limit) from None
        return Tenant(
            id=given.tenant_id,
            idp_consent_url=given.idp_consent_url,
            idp_secret_hash=None if given.idp_secret is None else hash_secret(given.idp_secret),
            wallet_address_url=base,
        )

    async def write(self, session: WriteSession, given: TenantSettings, facts: Tenant) -> None:
        """The tenant's row."""
        api_secret_hash = hash_secret(given.api_secret)
        repository.upsert(session, facts, api_secret_hash=api_secret_hash, now=self._clock.now())


def _invalid(name: str, rule: str) -> InvalidArgument:
    return InvalidArgument("INVALID_FIELD", f"{name} {rule}", field=name)
