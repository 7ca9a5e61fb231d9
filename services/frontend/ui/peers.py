"""Pages about peers."""

from typing import Final

from fastapi import APIRouter, Request, Response
from google.protobuf.field_mask_pb2 import FieldMask
from rafiki.admin.v1 import liquidity_service_pb2
from rafiki.admin.v1 import peer_service_pb2 as pb

from services.frontend.ui.asset_choice import choose_asset, list_assets
from services.frontend.ui.forms import Form
from services.frontend.ui.route_explainer import explain_route
from services.frontend.ui.sessions import Session
from services.frontend.ui.web import Ui, page_request

# The fields of the form "General".
_GENERAL_FIELDS: Final = (
    "static_ilp_address",
    "name",
    "max_packet_amount",
    "liquidity_threshold",
    "routes",
)


def peer_routes(ui: Ui) -> APIRouter:
    """Lists, forms and details."""
    router = APIRouter(prefix="/peers")
    pages = _PeerPages(ui)
    router.add_api_route("", pages.index, methods=["GET"])
    router.add_api_route("/new", pages.new, methods=["GET"])
    router.add_api_route("", pages.create, methods=["POST"])
    router.add_api_route("/{peer_id}", pages.detail, methods=["GET"])
    router.add_api_route("/{peer_id}", pages.update, methods=["POST"])
    router.add_api_route("/{peer_id}/http", pages.http, methods=["POST"])
    router.add_api_route("/{peer_id}/deposit", pages.deposit, methods=["POST"])
    router.add_api_route("/{peer_id}/withdraw", pages.withdraw, methods=["POST"])
    router.add_api_route("/{peer_id}/delete", pages.delete, methods=["POST"])
    return router


class _PeerPages:
    def __init__(self, ui: Ui) -> None:
        self._ui = ui
        self._peers = ui.clients.peers
        self._liquidity = ui.clients.liquidity

    async def index(self, request: Request) -> Response:
        session = await self._ui.session(request)
        reply = await self._peers.ListPeers(
            pb.ListPeersRequest(tenant_id=session.scope, page=page_request(request))
        )
        return self._ui.page(request, session, "peers.html", reply=reply)

    async def new(self, request: Request) -> Response:
        session = await self._ui.session(request)
        assets = await list_assets(self._ui, session.scope)
        return self._ui.page(request, session, "peer_new.html", form=Form(), assets=assets)

    async def create(self, request: Request) -> Response:
        session, form = await self._ui.posted(request)
        assets = await list_assets(self._ui, session.scope)
        asset = choose_asset(form, assets)
        message = pb.CreatePeerRequest(
            tenant_id=session.scope,
            asset_id=asset.id,
            static_ilp_address=form.text("static_ilp_address"),
            name=form.optional_text("name"),
            incoming_auth_tokens=form.lines("incoming_auth_tokens"),
            outgoing=pb.PeerHttpOutgoing(
                endpoint=form.url("endpoint"), auth_token=form.text("auth_token")
            ),
            max_packet_amount=form.optional_amount("max_packet_amount", asset.scale),
            liquidity_threshold=form.optional_amount("liquidity_threshold", asset.scale),
            initial_liquidity=form.optional_amount("initial_liquidity", asset.scale),
            routes=form.lines("routes"),
            idempotency_key=form.key,
        )
        made = await form.attempt(lambda: self._peers.CreatePeer(message))
        if made is None:
            form.values.pop("auth_token", None)
            form.values.pop("incoming_auth_tokens", None)
            return self._ui.page(
                request, session, "peer_new.html", status=422, form=form, assets=assets
            )
        return self._ui.redirect(f"/peers/{made.id}", notice="peer-created")

    async def detail(self, request: Request, peer_id: str) -> Response:
        session = await self._ui.session(request)
        return await self._detail(request, session, await self._get(session, peer_id), {})

    async def update(self, request: Request, peer_id: str) -> Response:
        session, form = await self._ui.posted(request)
        peer = await self._get(session, peer_id)
        scale = peer.asset.scale
        message = pb.UpdatePeerRequest(
            tenant_id=session.scope,
            id=peer.id,
            static_ilp_address=form.text("static_ilp_address"),
            name=form.optional_text("name"),
            max_packet_amount=form.optional_amount("max_packet_amount", scale),
            liquidity_threshold=form.optional_amount("liquidity_threshold", scale),
            routes=pb.PeerRoutes(prefixes=form.lines("routes")),
            # The form shows each of them, so an empty limit or name was cleared.
            update_mask=FieldMask(paths=_GENERAL_FIELDS),
            idempotency_key=form.key,
        )
        if await form.attempt(lambda: self._peers.UpdatePeer(message)) is None:
            return await self._detail(request, session, peer, {"general": form})
        return self._ui.redirect(f"/peers/{peer.id}", notice="saved")

    async def http(self, request: Request, peer_id: str) -> Response:
        session, form = await self._ui.posted(request)
        peer = await self._get(session, peer_id)
        # Tokens are never shown: an empty field keeps what is there.
        token = form.optional_text("auth_token") or peer.outgoing.auth_token
        incoming = form.lines("incoming_auth_tokens")
        message = pb.UpdatePeerRequest(
            tenant_id=session.scope,
            id=peer.id,
            outgoing=pb.PeerHttpOutgoing(endpoint=form.url("endpoint"), auth_token=token),
            incoming_auth_tokens=pb.AuthTokens(values=incoming) if incoming else None,
            idempotency_key=form.key,
        )
        if await form.attempt(lambda: self._peers.UpdatePeer(message)) is None:
            return await self._detail(request, session, peer, {"http": form})
        return self._ui.redirect(f"/peers/{peer.id}", notice="saved")

    async def deposit(self, request: Request, peer_id: str) -> Response:
        session, form = await self._ui.posted(request)
        peer = await self._get(session, peer_id)
        message = liquidity_service_pb2.DepositPeerLiquidityRequest(
            tenant_id=session.scope,
            id=form.key,
            peer_id=peer.id,
            amount=form.amount("amount", peer.asset.scale),
            idempotency_key=form.key,
        )
        done = await form.attempt(lambda: self._liquidity.DepositPeerLiquidity(message))
        if done is None:
            return await self._detail(request, session, peer, {"deposit": form})
        return self._ui.redirect(f"/peers/{peer.id}", notice="deposited")

    async def withdraw(self, request: Request, peer_id: str) -> Response:
        session, form = await self._ui.posted(request)
        peer = await self._get(session, peer_id)
        message = liquidity_service_pb2.WithdrawPeerLiquidityRequest(
            tenant_id=session.scope,
            id=form.key,
            peer_id=peer.id,
            amount=form.amount("amount", peer.asset.scale),
            idempotency_key=form.key,
        )
        done = await form.attempt(lambda: self._liquidity.WithdrawPeerLiquidity(message))
        if done is None:
            return await self._detail(request, session, peer, {"withdraw": form})
        return self._ui.redirect(f"/peers/{peer.id}", notice="withdrawn")

    async def delete(self, request: Request, peer_id: str) -> Response:
        session, form = await self._ui.posted(request)
        peer = await self._get(session, peer_id)
        form.confirm("confirmation", peer.static_ilp_address)
        message = pb.DeletePeerRequest(
            tenant_id=session.scope, id=peer.id, idempotency_key=form.key
        )
        if await form.attempt(lambda: self._peers.DeletePeer(message)) is None:
            return await self._detail(request, session, peer, {"delete": form})
        return self._ui.redirect("/peers", notice="peer-deleted")

    async def _get(self, session: Session, peer_id: str) -> pb.Peer:
        return await self._peers.GetPeer(pb.GetPeerRequest(tenant_id=session.scope, id=peer_id))

    async def _detail(
        self, request: Request, session: Session, peer: pb.Peer, forms: dict[str, Form]
    ) -> Response:
        for form in forms.values():
            form.values.pop("auth_token", None)
            form.values.pop("incoming_auth_tokens", None)
        route = await explain_route(self._ui, request, peer)
        return self._ui.page(
            request,
            session,
            "peer.html",
            status=422 if forms or not route.form.ok else 200,
            peer=peer,
            forms=forms,
            route=route,
        )
