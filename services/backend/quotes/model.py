"""A quote: the price of a payment, and the exact rate that its packets are held to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    """Destination units per source unit that packets must bring: slippage taken off, and what the
    rounding of packets within the path's limit costs."""
    max_packet_amount: int | None
    """The packet that loses least to rounding, in the payer's asset; None: no limit is known."""
    received_before: int
    """What the receiver had received when the quote was given, in the receiver's asset."""
    expires_at: datetime
    created_at: datetime
    sealed_receiver: bytes | None = None
    """What was read of another bank's receiver at `created_at`: see `receivers/sealed.py`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a payment costs: the pure part of a quote."""

    source: int
    """The most that may be put into packets, in the payer's asset."""
    deliver: int
    """What is delivered, in the receiver's asset; may be zero, which nobody can pay."""
    fee: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What prices follow from: exact arithmetic, the smallest amounts that surely deliver.

    On the way each packet is worth floor(amount x rate). `min_rate` is the best that packets within
    the path's limit can do at the least accepted rate, so n units bring floor(n x min_rate) however
    they are split, and ceil(n / min_rate) units are the fewest that bring n.
    """

    min_rate: Ratio
    fee: Fee | None
    packet_max: int | None
    """The packet to send, in the payer's asset; None where any size passes."""

    @classmethod
    def of(
        cls, *, rate: Ratio, slippage: Ratio | None, fee: Fee | None, limit: int | None
    ) -> "Terms | None":
        """The terms at a rate, of which `slippage` may be lost.

        `limit` is the largest packet that the path is known to carry. None when no amount can be
        sent: packets that large are worth nothing, or one unit is worth more than an amount can be.
        """
        # What is converted must fit into a packet as well, should the rate not fall.
        convertible = rate.ceil_div(U64_MAX + 1) - 1
        largest = min(convertible, U64_MAX if limit is None else limit)
        best = slipped(rate, slippage).floor_limited(largest) if largest else None
        if best is None:
            return None
        # A packet of a multiple of the denominator loses nothing to rounding.
        packet_max = None if largest >= U64_MAX else largest - largest % best.denominator
        return cls(min_rate=best, fee=fee, packet_max=packet_max)

    def delivery(self, deliver: int) -> Price:
        """The price of delivering an amount."""
        source = self.min_rate.ceil_div(deliver)
        return Price(source=source, deliver=deliver, fee=self._fee_on(source))

    def debit(self, debit: int, *, room: int) -> Price:
        """What a debit delivers once the fee is taken off.

        `room` is the most that the receiver takes. A debit that no smaller one could replace fills
        it, also where a source unit is worth several of the receiver's and brings more.
        """
        fee = self._fee_on(debit)
        source = max(debit - fee, 0)
        deliver = self.min_rate.floor_mul(source)
        if source <= self.min_rate.ceil_div(room):
            deliver = min(deliver, room)
        return Price(source=source, deliver=deliver, fee=fee)

    def through(self, price: Price, hops: Sequence[Ratio]) -> "tuple[Terms, Price]":
        """The price of the same delivery where a packet is converted and rounded at each hop.

        `hops` are the rates one after the other, the least that are accepted; what they come to is
        `min_rate`. What rounding costs is more than slippage allows for in a small payment only: it
        takes more units then, and is held to what these bring in one packet.
        """
        needed = price.deliver
        for rate in reversed(hops):
            needed = rate.ceil_div(needed)
        if needed <= price.source:
            return self, price
        held = replace(self, min_rate=Ratio(price.deliver, needed))
        return held, Price(source=needed, deliver=price.deliver, fee=self._fee_on(needed))

    def debit_through(self, price: Price, hops: Sequence[Ratio]) -> "tuple[Terms, Price]":
        """As `through`, for a debit: the same units, of which less may arrive."""
        arrives = price.source
        for rate in hops:
            arrives = rate.floor_mul(arrives)
        if not 0 < arrives < price.deliver:
            return self, price if arrives else replace(price, deliver=0)
        held = replace(self, min_rate=Ratio(arrives, price.source))
        return held, replace(price, deliver=arrives)

    def debit_min(self) -> int | None:
        """The smallest debit that delivers something; None when the fee takes all of any debit."""
        if self._kept == 0:
            return None
        least = self.min_rate.ceil_div(1) + self._fixed
        debit = ceil_div(least * BASIS_POINTS_MAX, self._kept)
        return debit if debit <= U64_MAX else None

    def debit_max(self, room: int) -> int:
        """The largest debit that delivers no more than `room`, or just fills it."""
        if self._kept == 0:
            return U64_MAX
        source = max(self.min_rate.ceil_div(room + 1) - 1, self.min_rate.ceil_div(room))
        most = ((source + self._fixed + 1) * BASIS_POINTS_MAX - 1) // self._kept
        return min(most, U64_MAX)

    def delivery_max(self, room: int) -> int:
        """The most of `room` whose price, fee included, is an amount; it may be zero."""
        priced = BASIS_POINTS_MAX + (self.fee.basis_points if self.fee else 0)
        source = (U64_MAX - self._fixed) * BASIS_POINTS_MAX // priced
        return min(room, self.min_rate.floor_mul(source))

    def _fee_on(self, amount: int) -> int:
        return self.fee.on(amount) if self.fee else 0

    @property
    def _fixed(self) -> int:
        return self.fee.fixed if self.fee else 0

    @property
    def _kept(self) -> int:
        """Of 10,000 units debited, those that the proportional fee leaves."""
        return BASIS_POINTS_MAX - (self.fee.basis_points if self.fee else 0)


def slipped(rate: Ratio, slippage: Ratio | None) -> Ratio:
    """The least rate that is accepted: rate x (1 - slippage), exact; `slippage` is below one."""
    if slippage is None:
        return rate
    return rate * Ratio(slippage.denominator - slippage.numerator, slippage.denominator)
