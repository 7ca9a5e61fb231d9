"""Turns the source's amount into the destination's: amount x rate, rounded down."""

import asyncio
from typing import Final, Protocol
from uuid import UUID

from ilpkit.errors import PolicyRefusal
from ilpkit.ilp.error_codes import (
    F08_AMOUNT_TOO_LARGE,
    R01_INSUFFICIENT_SOURCE_AMOUNT,
    T00_INTERNAL_ERROR,
    AmountTooLarge,
    encode_amount_too_large,
)
from ilpkit.ilp.packet import Reply
from ilpkit.money import U64_MAX, Asset, Ratio

from services.backend.connector.context import PacketContext
from services.backend.connector.pipeline import Next
from services.backend.connector.steps.error_to_reject import RejectedError

FIRST_RATE_WAIT_S: Final = 0.5
"""Less than the margin by which a forwarded packet's expiry is reduced."""


class PacketRates(Protocol):
    """Rates for packets."""

    def cached(self, tenant_id: UUID, source: Asset, destination: Asset) -> Ratio | None:
        """Destination units per source unit, without waiting."""
        ...

    async def get(self, tenant_id: UUID, source: Asset, destination: Asset) -> Ratio | None:
        """The same, fetched when it is not known."""
        ...


async def convert(
    rates: PacketRates, *, tenant_id: UUID, amount: int, source: Asset, destination: Asset
) -> int:
    """The destination amount, rounded down.

    Only the first packet of a pair waits for its rate; from then on it is known, and renewed aside.

    Zero stays zero; an amount that rounds down to zero is refused, since it would vanish.

    Raises:
        PolicyRefusal: no rate is known (T00), or nothing would arrive (R01).
        RejectedError: more would arrive than a packet carries (F08).
    """
    if source == destination or amount == 0:
        return amount
    rate = rates.cached(tenant_id, source, destination)
    if rate is None:
        rate = await _first_rate(rates, tenant_id, source, destination)
    if rate is None:
        # Temporary: the rates service may answer the next time.
        raise PolicyRefusal(
            f"no rate from {source.code} to {destination.code} is known now",
            ilp_code=T00_INTERNAL_ERROR,
        )
    converted = rate.floor_mul(amount)
    if converted > U64_MAX:
        most = rate.ceil_div(U64_MAX + 1) - 1
        raise RejectedError(
            F08_AMOUNT_TOO_LARGE,
            f"{amount} {source.code} is worth more {destination.code} than a packet carries",
            encode_amount_too_large(AmountTooLarge(received_amount=amount, maximum_amount=most)),
        )
    if converted == 0:
        raise PolicyRefusal(
            f"{amount} {source.code} is worth less than one unit of {destination.code}",
            ilp_code=R01_INSUFFICIENT_SOURCE_AMOUNT,
        )
    return converted


async def _first_rate(
    rates: PacketRates, tenant_id: UUID, source: Asset, destination: Asset
) -> Ratio | None:
    try:
        async with asyncio.timeout(FIRST_RATE_WAIT_S):
            return await rates.get(tenant_id, source, destination)
    except TimeoutError:
        return None


class ConvertAmount:
    """Fills in `destination_amount` for the next hop."""

    def __init__(self, rates: PacketRates) -> None:
        self._rates = rates

    async def __call__(self, context: PacketContext, forward: Next) -> Reply:
        """Convert, then go on."""
        assert context.peer is not None, "the route step found the next hop"
        context.destination_amount = await convert(
            self._rates,
            tenant_id=context.peer.peer.tenant_id,
            amount=context.prepare.amount,
            source=context.source.asset.unit,
            destination=context.peer.asset.unit,
        )
        return await forward(context)
