"""Whether the node lives and what it holds, on one screen."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import grpc
import grpc.aio
import typer
from grpc_health.v1 import health_pb2, health_pb2_grpc
from rafiki.admin.v1 import asset_service_pb2, peer_service_pb2, unknown_packet_service_pb2
from rafiki_client import Node, pages

from rafiki_cli.output import money, show_json, show_lines
from rafiki_cli.running import ExitCode, Format, Session, run

# How the operator listener is asked for another service's health than the backend's.
HEALTH_OF: Final = {"backend": (), "auth": (("x-reflect", "auth"),)}
HEALTH_S_MAX: Final = 5.0


@dataclass(frozen=True)
class Health:
    """What a service says of itself."""

    service: str
    status: str

    @property
    def is_serving(self) -> bool:
        """Whether it takes calls and its stores answer."""
        return self.status == "SERVING"


async def health(node: Node, service: str) -> Health:
    """The health of the backend or of auth."""
    stub = health_pb2_grpc.HealthStub(node.channel)
    try:
        answer = await stub.Check(
            health_pb2.HealthCheckRequest(), timeout=HEALTH_S_MAX, metadata=HEALTH_OF[service]
        )
    except grpc.aio.AioRpcError as error:
        return Health(service, error.code().name)
    return Health(service, health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def status(context: typer.Context) -> None:
    """Health of the services, and what the node holds."""

    async def work(node: Node, session: Session) -> None:
        found = await asyncio.gather(*(health(node, service) for service in HEALTH_OF))
        ill = [each for each in found if not each.is_serving]
        lines = [f"{each.service:8} {each.status}" for each in found]
        data: dict[str, Any] = {each.service: each.status for each in found}
        if found[0].is_serving:
            held = await holdings(node, session)
            data |= held
            lines += _lines(held)
        if session.output is Format.JSON:
            show_json(data)
        else:
            show_lines(session, data, lines)
        if ill:
            raise typer.Exit(ExitCode.NO_ANSWER)

    run(context, work)


async def holdings(node: Node, session: Session) -> dict[str, Any]:
    """Assets, peers, and packets of unknown outcome."""
    tenant = session.tenant
    return {
        "assets": [
            asset
            async for asset in pages(
                node.assets.ListAssets, asset_service_pb2.ListAssetsRequest(tenant_id=tenant)
            )
        ],
        "peers": [
            peer
            async for peer in pages(
                node.peers.ListPeers, peer_service_pb2.ListPeersRequest(tenant_id=tenant)
            )
        ],
        "unknown_packets": [
            packet
            async for packet in pages(
                node.unknown_packets.ListUnknownPackets,
                unknown_packet_service_pb2.ListUnknownPacketsRequest(tenant_id=tenant),
            )
        ],
    }


def is_low(holder: Any) -> bool:
    """Whether an asset or peer has less than its threshold."""
    return bool(
        holder.HasField("liquidity_threshold") and holder.liquidity < holder.liquidity_threshold
    )


def _lines(held: dict[str, Any]) -> list[str]:
    lines = []
    for asset in held["assets"]:
        low = "  below its threshold" if is_low(asset) else ""
        lines.append(f"asset    {money(asset.liquidity, asset.code, asset.scale)}{low}")
    for peer in held["peers"]:
        low = "  below its threshold" if is_low(peer) else ""
        has = money(peer.liquidity, peer.asset.code, peer.asset.scale)
        lines.append(f"peer     {peer.static_ilp_address}  {has}{low}")
    if held["unknown_packets"]:
        lines.append(f"{len(held['unknown_packets'])} packets without a reply: rafiki reconcile")
    return lines
