"""What the operator listener tells: services, stores, rates, liquidity, peers, webhooks."""

import asyncio
from itertools import permutations
from typing import Any, Final

import aiohttp
import grpc
import grpc.aio
from rafiki.admin.v1 import event_service_pb2
from rafiki.common.v1.money_pb2 import Asset
from rafiki.routing.v1 import routing_service_pb2
from rafiki_client import Node, error_of, pages

from rafiki_cli.checks.finding import Finding, fail, ok, warn
from rafiki_cli.events import is_parked
from rafiki_cli.output import money
from rafiki_cli.running import Session
from rafiki_cli.status import HEALTH_OF, health, holdings, is_low

# Newest events that are looked through for webhooks that were given up.
_EVENTS_LOOKED_AT: Final = 500


async def check_node(node: Node, session: Session, http: aiohttp.ClientSession) -> list[Finding]:
    """Everything that needs the operator listener."""
    healths = await asyncio.gather(*(health(node, service) for service in HEALTH_OF))
    findings = [_service(session, each.service, each.status) for each in healths]
    if not healths[0].is_serving:
        return findings
    held = await holdings(node, session)
    findings += [_liquidity(asset.code, asset) for asset in held["assets"]]
    if not held["assets"]:
        findings.append(warn("assets", "none", "create one: rafiki assets create USD 2"))
    findings += await asyncio.gather(*(_peer(http, peer) for peer in held["peers"]))
    findings += await _rates(node, session, held["assets"])
    findings.append(await _webhooks(node, session))
    unknown = len(held["unknown_packets"])
    findings.append(
        warn("packets", f"{unknown} without a reply", "see them: rafiki reconcile")
        if unknown
        else ok("packets", "each was answered")
    )
    return findings


def _service(session: Session, service: str, status: str) -> Finding:
    name = f"service {service}"
    if status == "SERVING":
        return ok(name, "takes calls, its stores answer")
    if status == "NOT_SERVING":
        return fail(name, "its stores don't answer", "GET /healthz of its HTTP port names which")
    return fail(
        name,
        f"{status} at {session.target}",
        "is it the operator listener's host:port (--target)? Are Envoy and the service running?",
    )


def _liquidity(code: str, asset: Any) -> Finding:
    has = money(asset.liquidity, code, asset.scale)
    if is_low(asset) or asset.liquidity == 0:
        return warn(f"liquidity {code}", has, f"rafiki deposit asset {asset.id} AMOUNT")
    return ok(f"liquidity {code}", has)


async def _peer(http: aiohttp.ClientSession, peer: Any) -> Finding:
    """Whether a peer's endpoint speaks HTTP; a GET asks nothing of it."""
    check = f"peer {peer.static_ilp_address}"
    try:
        async with http.get(peer.outgoing.endpoint, allow_redirects=False) as answer:
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return fail(
            check,
            f"{peer.outgoing.endpoint}: {error!r}",
            "mend the endpoint or the way to it; payments through this peer fail",
        )
    if status >= 500:  # noqa: PLR2004 - HTTP's own classes
        return warn(check, f"answers {status}", "ask its operator")
    return ok(check, f"{peer.outgoing.endpoint} answers")


async def _rates(node: Node, session: Session, assets: list[Any]) -> list[Finding]:
    """Whether every asset can be exchanged for every other."""
    units = {(asset.code, asset.scale) for asset in assets}
    missing = []
    for (sold, sold_scale), (bought, bought_scale) in permutations(sorted(units), 2):
        request = routing_service_pb2.GetRateRequest(
            tenant_id=session.tenant,
            base=Asset(code=sold, scale=sold_scale),
            counter=Asset(code=bought, scale=bought_scale),
        )
        try:
            await node.routing.GetRate(request)
        except grpc.aio.AioRpcError as error:
            missing.append(f"{sold} to {bought} ({error_of(error).reason})")
    if not missing:
        return [ok("rates", f"for all pairs of {len(units)} assets")] if len(units) > 1 else []
    return [
        warn("rates", "none for " + ", ".join(missing), "see the service at EXCHANGE_RATES_URL")
    ]


async def _webhooks(node: Node, session: Session) -> Finding:
    request = event_service_pb2.ListWebhookEventsRequest(tenant_id=session.tenant)
    looked_at = parked = 0
    async for event in pages(node.events.ListWebhookEvents, request):
        parked += is_parked(event)
        looked_at += 1
        if looked_at == _EVENTS_LOOKED_AT:
            break
    if parked:
        return warn(
            "webhooks",
            f"{parked} of the newest {looked_at} events were given up",
            "rafiki events list --parked, then rafiki events replay ID",
        )
    return ok("webhooks", f"none of the newest {looked_at} events was given up")
