"""A quote: the price of a payment, and the exact rate that its packets are held to."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from ilpkit.money import U64_MAX, Amount, Ratio, ceil_div

from services.backend.assets.model import BASIS_POINTS_MAX, Fee


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
    received_before: int
    """What the receiver had received when the quote was given, in the receiver's asset."""
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
    """What a debit delivers once the fee is taken off; rounded against the payer.

    Packets lose a unit to rounding, and no more is promised than the least rate surely brings:
    where a source unit is worth less than a destination unit, the first alone is too much.
    """
    charged = 0 if fee is None else fee.on(debit)
    source = max(debit - charged, 0)
    deliver = min_rate.floor_mul(source)
    if not exact and source > 0:
        deliver = min(deliver, min_rate.ceil_mul(source - 1))
    return Price(source=source, deliver=deliver, fee=charged, min_rate=min_rate)


def minimum_debit(*, min_rate: Ratio, exact: bool, fee: Fee | None) -> int:
    """The smallest debit that delivers one unit: what a refused payer is told."""
    source = max(min_rate.ceil_div(1), 1 if exact else 2)
    if fee is None:
        return source
    # The fee is on the whole debit: what is kept of it, rounded down, must be the source.
    kept = BASIS_POINTS_MAX - fee.basis_points
    if kept == 0:
        return source + fee.fixed
    return ceil_div((source + fee.fixed) * BASIS_POINTS_MAX, kept)


def maximum_debit(*, deliver: int, min_rate: Ratio, exact: bool, fee: Fee | None) -> int:
    """The largest debit that delivers no more than an amount."""
    source = min_rate.ceil_div(deliver + 1) - 1
    if not exact:
        source = max(source, min_rate.floor_div(deliver) + 1)
    if fee is None:
        return source
    kept = BASIS_POINTS_MAX - fee.basis_points
    if kept == 0:
        return U64_MAX
    return ((source + fee.fixed + 1) * BASIS_POINTS_MAX - 1) // kept
