"""Accounts whose liquidity has a threshold."""

from dataclasses import dataclass
from uuid import UUID

from services.backend.assets.model import Asset
from services.backend.events.model import Happening


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """An asset or a peer whose tenant wants to hear when its liquidity runs low."""

    kind: str
    """`asset` or `peer`."""
    id: UUID
    tenant_id: UUID
    asset: Asset
    threshold: int
    """In the asset's units; liquidity of as much is low."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The liquidity of one of them."""

    watched: Watched
    balance: int

    @property
    def is_low(self) -> bool:
        """Whether its tenant should know."""
        return self.balance <= self.watched.threshold


def low_liquidity(level: Level) -> Happening:
    """`asset.liquidity_low` or `peer.liquidity_low`, as the TypeScript Rafiki's webhooks say it."""
    watched, asset = level.watched, level.watched.asset
    return Happening(
        tenant_id=watched.tenant_id,
        type=f"{watched.kind}.liquidity_low",
        data={
            "id": str(watched.id),
            "asset": {"id": str(asset.id), "code": asset.code, "scale": asset.scale},
            "liquidityThreshold": str(watched.threshold),
            "balance": str(level.balance),
        },
        resource_id=watched.id,
    )
