"""Whether an Admin API call is a tenant's, by its signature."""

from uuid import UUID

from servicekit.clock import Clock
from servicekit.hmac_signature import SignatureRefused, verify_signature
from servicekit.redis import ReplayGuard

from services.backend.tenants.errors import signature_refused
from services.backend.tenants.model import Tenant
from services.backend.tenants.roles import KnownTenants


class ApiSignatures:
    """Verifies signatures with the tenants' secrets."""

    def __init__(
        self,
        *,
        tenants: KnownTenants,
        replay_guard: ReplayGuard,
        version: int,
        ttl_ms: int,
        clock: Clock,
    ) -> None:
        self._tenants = tenants
        self._replay_guard = replay_guard
        self._version = version
        self._ttl_ms = ttl_ms
        self._clock = clock

    async def verify_api_signature(
        self, *, tenant_id: str, signature: str, body: bytes, call: str = ""
    ) -> Tenant:
        """The tenant that signed an Admin API call; raises Unauthenticated.

        A signature is good for one call: the same one again is refused. A call without a name is
        another each time; one with a name may be tried again.
        """
        try:
            tenant = self._tenants.tenant(UUID(tenant_id))
        except ValueError:
            tenant = None
        if tenant is None:
            raise signature_refused()
        try:
            verify_signature(
                signature,
                secret=tenant.api_secret,
                version=self._version,
                body=body,
                now_ms=self._clock.now_ms(),
                ttl_ms=self._ttl_ms,
            )
        except SignatureRefused:
            raise signature_refused() from None
        # Twice the life: a signature may be as far in the future as the clocks may differ.
        mark, ttl_ms = call.encode(), 2 * self._ttl_ms
        used = await self._replay_guard.claim(signature, mark=mark, ttl_ms=ttl_ms)
        if used is not None and not (call and self._replay_guard.same_mark(used, mark)):
            raise signature_refused()
        return tenant
