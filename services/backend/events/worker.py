"""Posts events to their tenants."""

from datetime import timedelta
from typing import Final, Protocol
from uuid import UUID

from pydantic_core import to_json
from servicekit.clock import Clock
from servicekit.hmac_signature import make_signature
from servicekit.outbox import Delivery
from servicekit.outbox_worker import DeliveryFailed

from services.backend.clients.http import Sessions, fetch

OK: Final = 200
RETRY_STEP: Final = timedelta(seconds=10)
RETRY_STEPS_MAX: Final = 6
SIGNATURE_HEADER: Final = "Rafiki-Signature"


class WebhookTargets(Protocol):
    """Where a tenant's events go."""

    async def serves(self, tenant_id: UUID) -> bool:
        """Whether the tenant is there; a deleted one is told nothing more."""
        ...

    def url(self, tenant_id: UUID) -> str:
        """The tenant's own URL, or the operator's."""
        ...

    def timeout_ms(self, tenant_id: UUID) -> int:
        """How long the receiver may take."""
        ...


class WebhookSender:
    """Delivers one event by one POST; only 200 counts as taken."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        targets: WebhookTargets,
        clock: Clock,
        secret: str | None,
        signature_version: int,
    ) -> None:
        self._sessions = sessions
        self._targets = targets
        self._clock = clock
        self._secret = secret
        self._signature_version = signature_version

    async def deliver(self, delivery: Delivery) -> int:
        """Post it; raises DeliveryFailed when it is not taken."""
        tenant_id = UUID(delivery.lane)
        if not await self._targets.serves(tenant_id):
            raise DeliveryFailed(f"the tenant {tenant_id} is deleted")
        body = dict(delivery.payload)
        headers = {"content-type": "application/json"}
        if self._secret is not None:
            headers[SIGNATURE_HEADER] = make_signature(
                body,
                secret=self._secret,
                version=self._signature_version,
                now_ms=self._clock.now_ms(),
            )
        url = self._targets.url(tenant_id)
        timeout_s = self._targets.timeout_ms(tenant_id) / 1000
        try:
            status, _ = await fetch(
                self._sessions.of(url),
                "POST",
                url,
                headers=headers,
                body=to_json(body),
                timeout_s=timeout_s,
            )
        except OSError as error:
            raise DeliveryFailed(f"{url}: {error}") from error
        if status != OK:
            raise DeliveryFailed(f"{url} answered {status}, not {OK}", status=status)
        return status


def retry_delay(attempts: int) -> timedelta:
    """The wait after failed attempt n: 10 s more each time, up to a minute."""
    return RETRY_STEP * min(max(attempts, 1), RETRY_STEPS_MAX)
