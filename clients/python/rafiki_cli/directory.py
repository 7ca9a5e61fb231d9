"""Tenants, peers and assets: listed, shown, created and deleted."""

from typing import Annotated, Final

import typer
from rafiki.admin.v1 import asset_service_pb2 as asset_pb
from rafiki.admin.v1 import peer_service_pb2 as peer_pb
from rafiki.admin.v1 import tenant_service_pb2 as tenant_pb
from rafiki_client import Node, pages

from rafiki_cli.output import Columns, moment, money, show_all, show_one
from rafiki_cli.running import Session, run

tenants = typer.Typer(no_args_is_help=True, help="Tenants of this node; for the operator.")
peers = typer.Typer(no_args_is_help=True, help="Nodes that packets are exchanged with.")
assets = typer.Typer(no_args_is_help=True, help="Assets that accounts are kept in.")

Id = Annotated[str, typer.Argument(help="UUID.")]
Key = Annotated[
    str, typer.Option(help="Idempotency key: the same again changes nothing. A new one.")
]

_TENANT: Final[Columns] = {
    "id": lambda tenant: tenant.id,
    "name": lambda tenant: tenant.public_name,
    "email": lambda tenant: tenant.email,
    "created": lambda tenant: moment(tenant.created_at),
    "deleted": lambda tenant: moment(tenant.deleted_at),
}
_ASSET: Final[Columns] = {
    "id": lambda asset: asset.id,
    "code": lambda asset: asset.code,
    "scale": lambda asset: asset.scale,
    "liquidity": lambda asset: money(asset.liquidity, asset.code, asset.scale),
    "tenant": lambda asset: asset.tenant_id,
}
_PEER: Final[Columns] = {
    "id": lambda peer: peer.id,
    "name": lambda peer: peer.name,
    "address": lambda peer: peer.static_ilp_address,
    "liquidity": lambda peer: money(peer.liquidity, peer.asset.code, peer.asset.scale),
    "endpoint": lambda peer: peer.outgoing.endpoint,
    "routes": lambda peer: " ".join(peer.routes),
}


@tenants.command("list")
def list_tenants(context: typer.Context) -> None:
    """All tenants."""

    async def work(node: Node, session: Session) -> None:
        request = tenant_pb.ListTenantsRequest()
        show_all(session, [t async for t in pages(node.tenants.ListTenants, request)], _TENANT)

    run(context, work)


@tenants.command("show")
def show_tenant(context: typer.Context, tenant_id: Id) -> None:
    """One tenant with its settings."""

    async def work(node: Node, session: Session) -> None:
        tenant = await node.tenants.GetTenant(tenant_pb.GetTenantRequest(id=tenant_id))
        settings = {setting.key: setting.value for setting in tenant.settings}
        columns = {name: lambda _, value=value: value for name, value in settings.items()}
        show_one(session, tenant, {**_TENANT, **columns})

    run(context, work)


@tenants.command("create")
def create_tenant(
    context: typer.Context,
    api_secret: Annotated[
        str,
        typer.Option(
            prompt=True,
            hide_input=True,
            envvar="RAFIKI_API_SECRET",
            help="Signs its Admin API calls; asked for when absent.",
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Name for people.")] = None,
    email: Annotated[str | None, typer.Option(help="Contact.")] = None,
    key: Key = "",
) -> None:
    """A new tenant."""

    async def work(node: Node, session: Session) -> None:
        request = tenant_pb.CreateTenantRequest(
            api_secret=api_secret, public_name=name, email=email, idempotency_key=key
        )
        show_one(session, await node.tenants.CreateTenant(request), _TENANT)

    run(context, work)


@assets.command("list")
def list_assets(context: typer.Context) -> None:
    """All assets."""

    async def work(node: Node, session: Session) -> None:
        request = asset_pb.ListAssetsRequest(tenant_id=session.tenant)
        show_all(session, [a async for a in pages(node.assets.ListAssets, request)], _ASSET)

    run(context, work)


@assets.command("show")
def show_asset(context: typer.Context, asset_id: Id) -> None:
    """One asset."""

    async def work(node: Node, session: Session) -> None:
        request = asset_pb.GetAssetRequest(tenant_id=session.tenant, id=asset_id)
        show_one(session, await node.assets.GetAsset(request), _ASSET)

    run(context, work)


@assets.command("create")
def create_asset(
    context: typer.Context,
    code: Annotated[str, typer.Argument(help='Such as "USD".')],
    scale: Annotated[int, typer.Argument(min=0, max=255, help="Decimal places.")],
    threshold: Annotated[
        int | None, typer.Option(min=0, help="Liquidity, in units, below which an event is sent.")
    ] = None,
    key: Key = "",
) -> None:
    """A new asset."""

    async def work(node: Node, session: Session) -> None:
        request = asset_pb.CreateAssetRequest(
            tenant_id=session.tenant,
            code=code,
            scale=scale,
            liquidity_threshold=threshold,
            idempotency_key=key,
        )
        show_one(session, await node.assets.CreateAsset(request), _ASSET)

    run(context, work)


@peers.command("list")
def list_peers(context: typer.Context) -> None:
    """All peers."""

    async def work(node: Node, session: Session) -> None:
        request = peer_pb.ListPeersRequest(tenant_id=session.tenant)
        show_all(session, [p async for p in pages(node.peers.ListPeers, request)], _PEER)

    run(context, work)


@peers.command("show")
def show_peer(context: typer.Context, peer_id: Id) -> None:
    """One peer."""

    async def work(node: Node, session: Session) -> None:
        request = peer_pb.GetPeerRequest(tenant_id=session.tenant, id=peer_id)
        show_one(session, await node.peers.GetPeer(request), _PEER)

    run(context, work)


@peers.command("create")
def create_peer(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="Its ILP address.")],
    endpoint: Annotated[str, typer.Argument(help="URL that it takes packets at.")],
    asset: Annotated[str, typer.Option(help="UUID of the asset that is exchanged.")],
    their_token: Annotated[
        str, typer.Option(envvar="RAFIKI_THEIR_TOKEN", help="Bearer token that it expects.")
    ],
    our_token: Annotated[
        list[str] | None, typer.Option(help="Bearer token that it shows to us; repeatable.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name for people.")] = None,
    route: Annotated[
        list[str] | None, typer.Option(help="Prefix that lies behind it; repeatable.")
    ] = None,
    max_packet: Annotated[
        int | None, typer.Option(min=1, help="Most units that one packet from it may carry.")
    ] = None,
    key: Key = "",
) -> None:
    """A new peer."""

    async def work(node: Node, session: Session) -> None:
        request = peer_pb.CreatePeerRequest(
            tenant_id=session.tenant,
            asset_id=asset,
            static_ilp_address=address,
            name=name,
            incoming_auth_tokens=our_token,
            outgoing=peer_pb.PeerHttpOutgoing(endpoint=endpoint, auth_token=their_token),
            max_packet_amount=max_packet,
            routes=route,
            idempotency_key=key,
        )
        show_one(session, await node.peers.CreatePeer(request), _PEER)

    run(context, work)


@peers.command("delete")
def delete_peer(context: typer.Context, peer_id: Id, key: Key = "") -> None:
    """Delete a peer that holds no money."""

    async def work(node: Node, session: Session) -> None:
        request = peer_pb.DeletePeerRequest(
            tenant_id=session.tenant, id=peer_id, idempotency_key=key
        )
        show_one(session, await node.peers.DeletePeer(request), _PEER)

    run(context, work)
