"""Explanations of routes."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from ilpkit.money import U64_MAX, Amount, Asset, Ratio

from services.backend.assets import model as assets
from services.backend.directory.model import PeerEntry, PeerRoute
from services.backend.peers.model import Peer
from services.backend.routing.model import (
    Priced,
    explain_hop,
    explain_local,
    explain_no_route,
)

USD, EUR = Asset("USD", 2), Asset("EUR", 4)
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def _route(
    *, prefix: str = "g.peer", name: str | None = None, limit: int | None = None
) -> PeerRoute:
    peer = Peer(
        id=UUID(int=7),
        tenant_id=UUID(int=1),
        asset_id=UUID(int=2),
        static_ilp_address="g.peer",
        name=name,
        outgoing_endpoint="http://peer.test/ilp",
        outgoing_token="secret-token",
        max_packet_amount=limit,
        liquidity_threshold=None,
        routes=(),
        created_at=NOW,
    )
    asset = assets.Asset(
        id=UUID(int=2),
        tenant_id=UUID(int=1),
        code=EUR.code,
        scale=EUR.scale,
        ledger=1,
        withdrawal_threshold=None,
        liquidity_threshold=None,
        created_at=NOW,
    )
    return PeerRoute(prefix, PeerEntry(peer, asset))


def _priced(amount: Amount, rate: Ratio | None, liquidity: int | None) -> Priced:
    return Priced(amount=amount, rate=rate, liquidity=liquidity)


def test_the_hop_is_named_without_its_token() -> None:
    explained = explain_hop("g.peer.bob", _route(name="Peer & Co", limit=9), None)
    text = " ".join(explained.steps)
    assert "Peer & Co (00000000-0000-0000-0000-000000000007)" in text
    assert "g.peer, the longest prefix" in text
    assert "http://peer.test/ilp" in text
    assert "up to 9" in text
    assert "secret-token" not in text
    assert explained.deliverable


def test_the_empty_prefix_is_called_the_default_route() -> None:
    assert "the default route" in explain_hop("g.x", _route(prefix=""), None).steps[0]


@pytest.mark.parametrize(
    ("priced", "deliverable", "says"),
    [
        (_priced(Amount(3, USD), Ratio(50, 1), 150), True, "enough for 150"),
        (_priced(Amount(3, USD), Ratio(50, 1), 149), False, "a liquidity of 149, less than 150"),
        (_priced(Amount(3, USD), Ratio(50, 1), None), False, "a liquidity of 0, less than 150"),
        (_priced(Amount(3, USD), None, 150), False, "No rate from USD (scale 2)"),
        (_priced(Amount(3, USD), Ratio(1, 4), 150), False, "is worth 0"),
        (_priced(Amount(U64_MAX, USD), Ratio(2, 1), 150), False, "which no packet can carry"),
        (_priced(Amount(0, USD), Ratio(1, 4), 0), True, "0 becomes 0"),
        (_priced(Amount(5, EUR), Ratio(1, 1), 0), True, "none of its liquidity is needed"),
    ],
)
def test_rate_and_liquidity_decide(priced: Priced, deliverable: bool, says: str) -> None:
    explained = explain_hop("g.peer.bob", _route(), priced)
    assert explained.deliverable is deliverable
    assert says in " ".join(explained.steps)


def test_an_own_address_ends_here() -> None:
    explained = explain_local("g.bank.abc", "g.bank")
    assert explained.deliverable
    assert "g.bank.abc lies below g.bank" in explained.steps[0]


def test_no_route_says_what_to_do() -> None:
    explained = explain_no_route("g.far", 2)
    assert not explained.deliverable
    assert "F02" in explained.steps[0]
    assert "Create a peer" in explained.steps[0]
