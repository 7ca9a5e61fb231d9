"""An asset that a tenant keeps accounts in, and its fees."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from ilpkit import money

BASIS_POINTS_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """An asset; its id is also its liquidity account's."""

    id: UUID
    tenant_id: UUID
    code: str
    scale: int
    ledger: int
    """The number of its ledger; no two assets share one."""
    withdrawal_threshold: int | None
    """Web monetization above this is withdrawn at once, in the asset's units."""
    liquidity_threshold: int | None
    """An event is sent when liquidity falls below this, in the asset's units."""
    created_at: datetime

    @property
    def unit(self) -> money.Asset:
        """The unit of account alone."""
        return money.Asset(self.code, self.scale)


class FeeType(StrEnum):
    """Which way a fee applies."""

    SENDING = "SENDING"
    RECEIVING = "RECEIVING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """fixed + ceil(amount x basis_points / 10000), in the asset's units."""

    id: UUID
    asset_id: UUID
    type: FeeType
    fixed: int
    basis_points: int
    created_at: datetime

    def on(self, amount: int) -> int:
        """The fee on an amount; the proportional part is rounded up."""
        return self.fixed + money.ceil_div(amount * self.basis_points, BASIS_POINTS_MAX)
