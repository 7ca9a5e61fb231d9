"""Turns the source's amount into the destination's: amount x rate, rounded down."""

from typing import Protocol
from uuid import UUID

from ilpkit.errors import PolicyRefusal
from ilpkit.ilp.error_codes import R01_INSUFFICIENT_SOURCE_AMOUNT, T00_INTERNAL_ERROR
from ilpkit.ilp.packet import Reply
from ilpkit.money import U64_MAX, Asset, Ratio

from services.backend.connector.context import PacketContext
from services.backend.connector.pipeline import Next


class CachedRates(Protocol):
    """Rates that are known now."""

    def cached(self, tenant_id: UUID, source: Asset, destination: Asset) -> Ratio | None:
        """Destination units per source unit, without waiting."""
        ...


def convert(
    rates: CachedRates, *, tenant_id: UUID, amount: int, source: Asset, destination: Asset
) -> int:
    """The destination amount, rounded down; raises PolicyRefusal when there is none.

    Zero stays zero; an amount that rounds down to zero is refused, since it would vanish.
    """
    if source == destination or amount == 0:
        return amount
    rate = rates.cached(tenant_id, source, destination)
    if rate is None:
        # Temporary: the rates service may answer the next time.
        raise PolicyRefusal(
            f"no rate from {source.code} to {destination.code} is known now",
            ilp_code=T00_INTERNAL_ERROR,
        )
    converted = rate.floor_mul(amount)
    if not 1 <= converted <= U64_MAX:
        raise PolicyRefusal(
            f"{amount} {source.code} is worth less than one unit of {destination.code}",
            ilp_code=R01_INSUFFICIENT_SOURCE_AMOUNT,
        )
    return converted


class ConvertAmount:
    """Fills in `destination_amount` for the next hop."""

    def __init__(self, rates: CachedRates) -> None:
        self._rates = rates

    async def __call__(self, context: PacketContext, forward: Next) -> Reply:
        """Convert, then go on."""
        assert context.peer is not None, "the route step found the next hop"
        context.destination_amount = convert(
            self._rates,
            tenant_id=context.peer.peer.tenant_id,
            amount=context.prepare.amount,
            source=context.source.asset.unit,
            destination=context.peer.asset.unit,
        )
        return await forward(context)
