"""A route, and the reasons for or against a packet on it, in words."""

from dataclasses import dataclass

from ilpkit.money import U64_MAX, Amount, Asset, Ratio

from services.backend.directory.model import PeerRoute


@dataclass(frozen=True, slots=True)
class Explanation:
    """Sentences in the order of the decision, and its result."""

    steps: tuple[str, ...]
    deliverable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """What is known of an amount on its way to a peer."""

    amount: Amount
    rate: Ratio | None
    """Peer units per sender unit; None when it is not known."""
    liquidity: int | None
    """What the peer's asset has; None when the ledger knows no account of it."""


def explain_local(destination: str, own_address: str) -> Explanation:
    """The packet would end here."""
    step = (
        f"{destination} lies below {own_address}, an address of this node: packets for it end"
        " here and go to no peer."
    )
    return Explanation((step,), deliverable=True)


def explain_no_route(destination: str, routes: int) -> Explanation:
    """The packet would be refused."""
    step = (
        f"None of the tenant's {routes} routes covers {destination}: packets for it are rejected"
        " with F02. Create a peer with this address, or add it to a peer's routes."
    )
    return Explanation((step,), deliverable=False)


def explain_hop(destination: str, route: PeerRoute, priced: Priced | None) -> Explanation:
    """The packet would go to a peer, if limits, rate and liquidity let it."""
    steps = [_match(destination, route), _limits(route)]
    if priced is None:
        steps.append("No amount was given, so neither rate nor liquidity is checked.")
        return Explanation(tuple(steps), deliverable=True)
    converted, sentence = _convert(priced, route.entry.asset.unit)
    steps.append(sentence)
    if converted is None:
        return Explanation(tuple(steps), deliverable=False)
    enough, sentence = _liquidity(priced, route.entry.asset.unit, converted)
    steps.append(sentence)
    return Explanation(tuple(steps), deliverable=enough)


def _match(destination: str, route: PeerRoute) -> str:
    peer = route.entry.peer
    name = f"{peer.name} ({peer.id})" if peer.name else str(peer.id)
    prefix = f"{route.prefix}, the longest prefix" if route.prefix else "the default route"
    return (
        f"{destination} is covered by {prefix}: the next hop is the peer {name} at"
        f" {peer.outgoing_endpoint}, in {_asset(route.entry.asset.unit)}."
    )


def _limits(route: PeerRoute) -> str:
    limit = route.entry.peer.max_packet_amount
    sent = "may send packets of any size" if limit is None else f"may send packets up to {limit}"
    return (
        f"The peer {sent} to this node; what it accepts is its own setting, which it tells by an"
        " F08 reject to the first packet that is too large."
    )


def _convert(priced: Priced, unit: Asset) -> tuple[int | None, str]:
    amount, rate = priced.amount, priced.rate
    base, counter = _asset(amount.asset), _asset(unit)
    if rate is None:
        return None, (
            f"No rate from {base} to {counter} is known now: packets are rejected until the rates"
            " service gives one."
        )
    converted = rate.floor_mul(amount.value)
    price = f"At {rate.numerator}/{rate.denominator} {counter} for each unit of {base}"
    if converted > U64_MAX or (converted == 0 and amount.value):
        return None, (
            f"{price}, {amount.value} is worth {converted}, which no packet can carry: it is"
            f" rejected with {'F08' if converted else 'R01'}."
        )
    return converted, f"{price}, {amount.value} becomes {converted}, rounded down."


def _liquidity(priced: Priced, unit: Asset, converted: int) -> tuple[bool, str]:
    if priced.amount.asset == unit:
        return True, "Sender and peer have the same asset, so none of its liquidity is needed."
    has = priced.liquidity or 0
    if converted > has:
        return False, (
            f"{unit.code} has a liquidity of {has}, less than {converted}: packets are rejected"
            " with T04. Deposit liquidity of this asset."
        )
    return True, f"{unit.code} has a liquidity of {has}, enough for {converted}."


def _asset(unit: Asset) -> str:
    return f"{unit.code} (scale {unit.scale})"
