"""Search by any id or URL: where is this payment?"""

import asyncio
import re
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

from fastapi import APIRouter, Request, Response
from rafiki.admin.v1 import (
    asset_service_pb2,
    event_service_pb2,
    payment_service_pb2,
    peer_service_pb2,
    wallet_address_service_pb2,
)
from rafiki.common.v1 import paging_pb2
from rafiki.grant.v1 import grant_admin_service_pb2 as grants
from servicekit.errors import InvalidArgument, NotFound, ServiceError

from services.frontend.clients import Clients
from services.frontend.ui.filters import client_name
from services.frontend.ui.forms import Form, is_url
from services.frontend.ui.sessions import Session
from services.frontend.ui.web import Ui

RECEIVED_SHOWN_MAX: Final = 20
# Payment URLs end in the payment's UUID.
_LAST_UUID: Final = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=/?$)", re.ASCII | re.IGNORECASE
)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """Something that a search leads to."""

    kind: str
    title: str
    path: str


def search_routes(ui: Ui) -> APIRouter:
    """The one page."""
    router = APIRouter()

    @router.get("/search")
    async def search(request: Request) -> Response:
        session = await ui.session(request)
        form = Form({"q": request.query_params.get("q", "")})
        text = form.optional_text("q")
        found = [] if text is None or not form.ok else await _search(ui, session, text)
        if len(found) == 1:
            return ui.redirect(found[0].path)
        return ui.page(request, session, "search.html", form=form, text=text, found=found)

    return router


async def _search(ui: Ui, session: Session, text: str) -> list[Found]:
    clients, scope = ui.clients, session.scope
    reads: list[Awaitable[list[Found]]] = []
    named = _uuid_in(text)
    if named is not None:
        reads += [_by_id(clients, scope, named), _grant(clients, scope, named)]
    if is_url(text):
        reads += [_address(clients, scope, text), _paid_to(clients, scope, text)]
    if text.lower().startswith(("g.", "test.", "private.", "example.")):
        reads.append(_peers(clients, scope, text))
    return [item for found in await asyncio.gather(*reads) for item in found]


def _uuid_in(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        found = _LAST_UUID.search(text)
        return found[0].lower() if found and is_url(text) else None


async def _by_id(clients: Clients, scope: str | None, row_id: str) -> list[Found]:
    addresses, payments = wallet_address_service_pb2, payment_service_pb2
    asked: dict[str, Any] = {"tenant_id": scope, "id": row_id}
    incoming, outgoing, address, peer, asset, event = await asyncio.gather(
        _maybe(clients.payments.GetIncomingPayment(payments.GetIncomingPaymentRequest(**asked))),
        _maybe(clients.payments.GetOutgoingPayment(payments.GetOutgoingPaymentRequest(**asked))),
        _maybe(
            clients.wallet_addresses.GetWalletAddress(addresses.GetWalletAddressRequest(**asked))
        ),
        _maybe(clients.peers.GetPeer(peer_service_pb2.GetPeerRequest(**asked))),
        _maybe(clients.assets.GetAsset(asset_service_pb2.GetAssetRequest(**asked))),
        _maybe(clients.events.GetWebhookEvent(event_service_pb2.GetWebhookEventRequest(**asked))),
    )
    found = [
        incoming and Found("Incoming payment", incoming.url, f"/payments/incoming/{row_id}"),
        outgoing and Found("Outgoing payment", f"to {outgoing.receiver}", _outgoing_path(outgoing)),
        address and Found("Wallet address", address.address, f"/wallet-addresses/{row_id}"),
        peer and Found("Peer", peer.name or peer.static_ilp_address, f"/peers/{row_id}"),
        asset and Found("Asset", f"{asset.code}, scale {asset.scale}", f"/assets/{row_id}"),
        event and Found("Webhook event", event.type, f"/webhook-events/{row_id}"),
    ]
    return [item for item in found if item]


async def _grant(clients: Clients, scope: str | None, grant_id: str) -> list[Found]:
    """The grant with an id; without the authorization server all else is found still."""
    try:
        grant = await clients.grants.GetGrant(grants.GetGrantRequest(tenant_id=scope, id=grant_id))
    except ServiceError:
        return []
    return [Found("Grant", f"to {client_name(grant.client)}", f"/grants/{grant.id}")]


async def _address(clients: Clients, scope: str | None, url: str) -> list[Found]:
    address = await _maybe(
        clients.wallet_addresses.GetWalletAddressByUrl(
            wallet_address_service_pb2.GetWalletAddressByUrlRequest(tenant_id=scope, url=url)
        )
    )
    if address is None:
        return []
    return [Found("Wallet address", address.address, f"/wallet-addresses/{address.id}")]


async def _paid_to(clients: Clients, scope: str | None, receiver: str) -> list[Found]:
    reply = await _maybe(
        clients.payments.ListOutgoingPayments(
            payment_service_pb2.ListOutgoingPaymentsRequest(
                tenant_id=scope,
                receiver=receiver,
                page=paging_pb2.PageRequest(first=RECEIVED_SHOWN_MAX),
            )
        )
    )
    return [
        Found("Outgoing payment", f"to {payment.receiver}", _outgoing_path(payment))
        for payment in (reply.payments if reply else ())
    ]


async def _peers(clients: Clients, scope: str | None, address: str) -> list[Found]:
    """Peers with an ILP address, of the first page: there are few."""
    reply = await clients.peers.ListPeers(
        peer_service_pb2.ListPeersRequest(tenant_id=scope, page=paging_pb2.PageRequest(first=100))
    )
    return [
        Found("Peer", peer.name or peer.static_ilp_address, f"/peers/{peer.id}")
        for peer in reply.peers
        if address == peer.static_ilp_address or address.startswith(f"{peer.static_ilp_address}.")
    ]


def _outgoing_path(payment: payment_service_pb2.OutgoingPayment) -> str:
    return f"/payments/outgoing/{payment.id}"


async def _maybe(call: Awaitable[T]) -> T | None:
    try:
        return await call
    except (NotFound, InvalidArgument):
        return None
