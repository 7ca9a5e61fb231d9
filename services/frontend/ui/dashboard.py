"""The first page: liquidity, the newest payments, and what needs a look."""

import asyncio
from typing import Final

from fastapi import APIRouter, Request, Response
from rafiki.admin.v1 import (
    asset_service_pb2,
    event_service_pb2,
    payment_service_pb2,
    peer_service_pb2,
)
from rafiki.common.v1 import paging_pb2

from services.frontend.ui.web import Ui

SHOWN_MAX: Final = 8
LOOKED_THROUGH_MAX: Final = 100


def dashboard_routes(ui: Ui) -> APIRouter:
    """The one page."""
    router = APIRouter()

    @router.get("/")
    async def dashboard(request: Request) -> Response:
        session = await ui.session(request)
        clients, scope = ui.clients, session.scope
        many = paging_pb2.PageRequest(first=LOOKED_THROUGH_MAX)
        assets, peers, payments, events = await asyncio.gather(
            clients.assets.ListAssets(
                asset_service_pb2.ListAssetsRequest(tenant_id=scope, page=many)
            ),
            clients.peers.ListPeers(peer_service_pb2.ListPeersRequest(tenant_id=scope, page=many)),
            clients.payments.ListPayments(
                payment_service_pb2.ListPaymentsRequest(
                    tenant_id=scope, page=paging_pb2.PageRequest(first=SHOWN_MAX)
                )
            ),
            clients.events.ListWebhookEvents(
                event_service_pb2.ListWebhookEventsRequest(tenant_id=scope, page=many)
            ),
        )
        return ui.page(
            request,
            session,
            "dashboard.html",
            assets=assets.assets,
            peers=peers.peers,
            payments=payments.payments,
            low=[
                *(("asset", asset, asset) for asset in assets.assets if _is_low(asset)),
                *(("peer", peer, peer.asset) for peer in peers.peers if _is_low(peer)),
            ],
            parked=[
                (event, delivery)
                for event in events.events
                for delivery in event.deliveries
                if delivery.state == event_service_pb2.DELIVERY_STATE_PARKED
            ][:SHOWN_MAX],
        )

    return router


def _is_low(row: asset_service_pb2.Asset | peer_service_pb2.Peer) -> bool:
    return row.HasField("liquidity_threshold") and row.liquidity <= row.liquidity_threshold
