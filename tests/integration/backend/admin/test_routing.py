"""Routes and rates of a node, asked over gRPC."""

from typing import Any
from uuid import uuid4

import pytest
from rafiki.common.v1.money_pb2 import Amount, Asset, Ratio
from rafiki.routing.v1 import routing_service_pb2 as pb
from servicekit.errors import FailedPrecondition, InvalidArgument, NotFound, Unavailable

from tests.integration.backend.admin.conftest import World, eventually, usd

USD = Asset(code="USD", scale=2)
EUR = Asset(code="EUR", scale=4)


async def _routes(world: World) -> Any:
    return (await world.routing.ListRoutes(pb.ListRoutesRequest())).routes


async def _resolve(world: World, destination: str) -> Any:
    return await world.routing.ResolveRoute(pb.ResolveRouteRequest(destination=destination))


async def _explain(world: World, destination: str, amount: Amount | None = None) -> Any:
    request = pb.ExplainRouteRequest(destination=destination, amount=amount)
    return await world.routing.ExplainRoute(request)


async def test_routes_are_listed_longest_first_and_resolved(world: World) -> None:
    asset = await world.asset()
    short = await world.peer(asset.id, "test.far")
    long = await world.peer(asset.id, "test.far.away", routes=["test.elsewhere.deep"])
    routes = await eventually(lambda: _routes(world), lambda found: len(found) == 3)
    assert [(route.prefix, route.peer_id) for route in routes] == [
        ("test.elsewhere.deep", long.id),
        ("test.far.away", long.id),
        ("test.far", short.id),
    ]
    assert routes[0].asset == USD
    assert (await _resolve(world, "test.far.away.bob")).route == routes[1]
    assert (await _resolve(world, "test.far.bob")).route == routes[2]
    missing = await _resolve(world, "test.farther")
    assert not missing.HasField("route")
    assert not missing.local
    own = await _resolve(world, "test.bank.abc")
    assert own.local
    assert not own.HasField("route")


async def test_packets_for_a_peer_below_this_nodes_address_are_explained_as_they_go(
    world: World,
) -> None:
    child = await world.peer((await world.asset()).id, "test.bank.child")
    await eventually(lambda: _routes(world), lambda found: len(found) == 1)
    found = await _resolve(world, "test.bank.child.bob")
    assert (found.route.peer_id, found.local) == (child.id, False)
    assert str(child.id) in (await _explain(world, "test.bank.child.bob")).steps[0]
    assert (await _resolve(world, "test.bank.children")).local


async def test_a_route_is_explained_step_by_step(world: World) -> None:
    usd_asset, eur_asset = await world.asset(), await world.asset("EUR", 4)
    same = await world.peer(usd_asset.id, "test.same", name="Same", max_packet_amount=77)
    other = await world.peer(eur_asset.id, "test.other")
    await world.peer((await world.asset("JPY", 0)).id, "test.unpriced")
    await eventually(lambda: _routes(world), lambda found: len(found) == 3)
    world.outside.rates["USD"] = {"EUR": "0.5"}

    direct = await _explain(world, "test.same.bob", usd(100))
    assert direct.deliverable
    match, limits, rate, liquidity = direct.steps
    assert f"Same ({same.id})" in match
    assert "test.same" in match
    assert "77" in limits
    assert "100 becomes 100" in rate
    assert "none of its liquidity" in liquidity

    unpriced = await _explain(world, "test.unpriced.bob", usd(100))
    assert not unpriced.deliverable
    assert "No rate from USD (scale 2) to JPY (scale 0)" in unpriced.steps[-1]

    dry = await _explain(world, "test.other.bob", usd(100))
    assert not dry.deliverable
    assert "100 becomes 5000" in dry.steps[2]
    assert "liquidity of 0, less than 5000" in dry.steps[3]
    await world.deposit(eur_asset.id, 5000)
    covered = await _explain(world, "test.other.bob", usd(100))
    assert covered.deliverable
    assert "enough for 5000" in covered.steps[3]
    assert str(other.id) in covered.steps[0]

    assert (await _explain(world, "test.other.bob")).deliverable
    nowhere = await _explain(world, "test.nowhere", usd(1))
    assert not nowhere.deliverable
    assert "None of the tenant's 3 routes" in nowhere.steps[0]
    local = await _explain(world, "test.bank.abc", usd(1))
    assert local.deliverable
    assert "an address of this node" in local.steps[0]


async def test_a_rate_is_exact_and_includes_the_scales(world: World) -> None:
    world.outside.rates["USD"] = {"EUR": "0.92", "TINY": "1e-30"}

    async def rate(base: Asset, counter: Asset) -> Any:
        return await world.routing.GetRate(pb.GetRateRequest(base=base, counter=counter))

    current = await rate(USD, EUR)
    assert current.rate == Ratio(numerator=92, denominator=1)
    assert current.fetched_at.seconds > 0
    same = await rate(USD, Asset(code="USD", scale=0))
    assert same.rate == Ratio(numerator=1, denominator=100)
    with pytest.raises(Unavailable) as unknown:
        await rate(USD, Asset(code="JPY", scale=0))
    assert unknown.value.reason == "RATE_UNAVAILABLE"
    with pytest.raises(FailedPrecondition):
        await rate(USD, Asset(code="TINY", scale=0))
    with pytest.raises(InvalidArgument):
        await rate(USD, Asset(code="", scale=0))


async def test_wrong_questions_are_refused(world: World) -> None:
    with pytest.raises(InvalidArgument) as invalid:
        await _resolve(world, "not an address")
    assert invalid.value.field == "destination"
    with pytest.raises(NotFound) as unknown:
        await world.routing.ListRoutes(pb.ListRoutesRequest(tenant_id=str(uuid4())))
    assert unknown.value.reason == "UNKNOWN_TENANT"
