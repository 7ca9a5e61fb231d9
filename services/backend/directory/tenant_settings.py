"""What holds for a tenant: its own setting, or else the node's."""

from uuid import UUID

from services.backend.directory.worker import Directory
from services.backend.tenants.checks import WEBHOOK_RETRIES_MAX, WEBHOOK_TIMEOUT_MS_MAX
from services.backend.tenants.model import SettingKey


class TenantSettings:
    """Looks settings up in the directory."""

    def __init__(
        self,
        *,
        directory: Directory,
        webhook_url: str,
        webhook_timeout_ms: int,
        webhook_attempts_max: int,
        exchange_rates_url: str | None,
    ) -> None:
        self._directory = directory
        self._webhook_url = webhook_url
        self._webhook_timeout_ms = webhook_timeout_ms
        self._webhook_attempts_max = webhook_attempts_max
        self._exchange_rates_url = exchange_rates_url

    async def serves(self, tenant_id: UUID) -> bool:
        """Whether the tenant is there."""
        return await self._directory.find_tenant(tenant_id) is not None

    def url(self, tenant_id: UUID) -> str:
        """Where events are posted."""
        return self._own(tenant_id, SettingKey.WEBHOOK_URL) or self._webhook_url

    def timeout_ms(self, tenant_id: UUID) -> int:
        """How long a webhook receiver may take."""
        own = self._own(tenant_id, SettingKey.WEBHOOK_TIMEOUT)
        if own is None or not own.isdecimal():
            return self._webhook_timeout_ms
        return min(int(own), WEBHOOK_TIMEOUT_MS_MAX)

    def attempts_max(self, tenant_id: UUID) -> int:
        """Attempts after which a delivery is parked; the first one counts."""
        own = self._own(tenant_id, SettingKey.WEBHOOK_MAX_RETRY)
        if own is None or not own.isdecimal():
            return max(self._webhook_attempts_max, 1)
        return min(max(int(own), 1), WEBHOOK_RETRIES_MAX)

    def rates_url(self, tenant_id: UUID) -> str | None:
        """Where exchange rates come from."""
        own = self._own(tenant_id, SettingKey.EXCHANGE_RATES_URL)
        return own or self._exchange_rates_url

    def _own(self, tenant_id: UUID, key: SettingKey) -> str | None:
        entry = self._directory.snapshot.tenants.get(tenant_id)
        return None if entry is None else entry.tenant.setting(key)
