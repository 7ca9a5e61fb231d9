"""A tenant: an account servicing entity that shares this node."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID


class SettingKey(StrEnum):
    """Settings that a tenant may have of its own; the node's settings stand in for the rest."""

    EXCHANGE_RATES_URL = "EXCHANGE_RATES_URL"
    WEBHOOK_URL = "WEBHOOK_URL"
    WEBHOOK_TIMEOUT = "WEBHOOK_TIMEOUT"
    WEBHOOK_MAX_RETRY = "WEBHOOK_MAX_RETRY"
    WALLET_ADDRESS_URL = "WALLET_ADDRESS_URL"
    ILP_ADDRESS = "ILP_ADDRESS"


NAME_KEYS: Final = frozenset({SettingKey.ILP_ADDRESS, SettingKey.WALLET_ADDRESS_URL})
"""Settings that tell a tenant's accounts from others'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One tenant with its settings."""

    id: UUID
    is_operator: bool
    api_secret: str
    """Signs its Admin API calls; never given out."""
    email: str | None
    public_name: str | None
    idp_consent_url: str | None
    idp_secret: str | None
    settings: Mapping[str, str]
    created_at: datetime
    deleted_at: datetime | None

    def __repr__(self) -> str:
        return f"Tenant({self.id})"

    @property
    def is_active(self) -> bool:
        """Whether it is served at all."""
        return self.deleted_at is None

    def setting(self, key: SettingKey) -> str | None:
        """A setting of its own, or None."""
        return self.settings.get(key)
