"""The route explainer on a peer's page: where a packet goes and why, in the backend's sentences."""

from dataclasses import dataclass

from fastapi import Request
from rafiki.admin.v1 import asset_service_pb2, peer_service_pb2
from rafiki.common.v1 import money_pb2
from rafiki.routing.v1 import routing_service_pb2 as pb

from services.frontend.ui.asset_choice import choose_asset, list_assets
from services.frontend.ui.forms import Form
from services.frontend.ui.web import Ui


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """The form, and the answer once it was sent."""

    form: Form
    assets: list[asset_service_pb2.Asset]
    answer: pb.ExplainRouteResponse | None


async def explain_route(ui: Ui, request: Request, peer: peer_service_pb2.Peer) -> Explained:
    """Ask about the packet in the page's URL, sent by the tenant whose peer it is."""
    form = Form(dict(request.query_params))
    offered = await list_assets(ui, peer.tenant_id)
    assets = [peer.asset, *(asset for asset in offered if asset.id != peer.asset.id)]
    answer = None
    if "destination" in form.values:
        message = pb.ExplainRouteRequest(
            tenant_id=peer.tenant_id,
            destination=form.text("destination"),
            amount=_amount(form, assets),
        )
        answer = await form.attempt(lambda: ui.clients.routing.ExplainRoute(message))
    return Explained(form=form, assets=assets, answer=answer)


def _amount(form: Form, assets: list[asset_service_pb2.Asset]) -> money_pb2.Amount | None:
    if form.optional_text("amount") is None:
        return None
    asset = choose_asset(form, assets)
    if not asset.id:
        return None
    return money_pb2.Amount(
        value=form.amount("amount", asset.scale), asset_code=asset.code, asset_scale=asset.scale
    )
