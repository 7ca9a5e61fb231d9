"""A quote: the price of a payment, and the exact rate that its packets are held to."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from ilpkit.money import Amount, Asset, Ratio

from services.backend.assets.model import Fee


class Method(StrEnum):
    """How the payment will travel."""

    LOCAL = "LOCAL"
    """The receiver is an account of this node: one ledger transfer."""
    ILP = "ILP"
    """Packets to a peer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A quote. Amounts without an asset are in the wallet address's."""

    id: UUID
    tenant_id: UUID
    wallet_address_id: UUID
    client: str | None
    receiver: str
    """URL of the incoming payment."""
    method: Method
    debit_amount: int
    """What the payer is charged, the fee included."""
    receive_amount: Amount
    """What is delivered, in the receiver's asset."""
    source_amount: int
    """The most that may be put into packets."""
    fee_amount: int
    fee_id: UUID | None
    min_rate: Ratio
    """Destination units per source unit that each packet must bring, slippage taken off."""
    max_packet_amount: int | None
    expires_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a payment costs: the pure part of a quote."""

    source: int
    """The most that may be put into packets, in the payer's asset."""
    deliver: int
    """What is delivered, in the receiver's asset; may be zero, which nobody can pay."""
    fee: int
    min_rate: Ratio


def slipped(rate: Ratio, slippage: Ratio | None) -> Ratio:
    """The least rate that is accepted: rate x (1 - slippage), exact."""
    if slippage is None:
        return rate
    kept = Ratio(slippage.denominator - slippage.numerator, slippage.denominator)
    return rate * kept


def price_delivery(*, deliver: int, min_rate: Ratio, exact: bool, fee: Fee | None) -> Price:
    """The price of delivering an amount.

    `exact` is for a transfer inside this node, which moves what it says: the source is rounded up.
    Packets lose a unit to rounding here and there: one unit more than the floor covers that.
    """
    source = min_rate.ceil_div(deliver) if exact else min_rate.floor_div(deliver) + 1
    return Price(
        source=source,
        deliver=deliver,
        fee=0 if fee is None else fee.on(source),
        min_rate=min_rate,
    )


def price_debit(*, debit: int, min_rate: Ratio, exact: bool, fee: Fee | None) -> Price:
    """What a debit delivers once the fee is taken off; rounded against the payer."""
    charged = 0 if fee is None else fee.on(debit)
    source = max(debit - charged, 0)
    if exact:
        deliver = min_rate.floor_mul(source)
    else:
        deliver = min_rate.ceil_mul(source - 1) if source > 0 else 0
    return Price(source=source, deliver=deliver, fee=charged, min_rate=min_rate)


def minimum_debit(*, min_rate: Ratio, exact: bool, fee: Fee | None) -> int:
    """The smallest debit that delivers one unit: what a refused payer is told."""
    price = price_delivery(deliver=1, min_rate=min_rate, exact=exact, fee=None)
    if fee is None:
        return price.source
    # The fee is on the whole debit: solve debit - fee(debit) >= source, then step over rounding.
    keep = 10_000 - fee.basis_points
    if keep == 0:
        return price.source + fee.fixed
    debit = -(-(price.source + fee.fixed) * 10_000 // keep)
    while debit - fee.on(debit) < price.source:
        debit += 1
    return debit


def receive_asset(code: str, scale: int) -> Asset:
    """The receiver's asset, as a quote's row keeps it."""
    return Asset(code, scale)
