"""Pages about assets: liquidity, thresholds and fees."""

from typing import Final

from fastapi import APIRouter, Request, Response
from rafiki.admin.v1 import asset_service_pb2 as pb
from rafiki.admin.v1 import liquidity_service_pb2
from rafiki.common.v1 import paging_pb2

from services.frontend.ui.forms import Form
from services.frontend.ui.sessions import Session
from services.frontend.ui.web import Ui, page_request

CODE_CHARACTERS_MAX: Final = 255
SCALE_MAX: Final = 255
BASIS_POINTS_MAX: Final = 10_000
FEES_SHOWN_MAX: Final = 20


def asset_routes(ui: Ui) -> APIRouter:
    """Lists, forms and details."""
    router = APIRouter(prefix="/assets")
    pages = _AssetPages(ui)
    router.add_api_route("", pages.index, methods=["GET"])
    router.add_api_route("/new", pages.new, methods=["GET"])
    router.add_api_route("", pages.create, methods=["POST"])
    router.add_api_route("/{asset_id}", pages.detail, methods=["GET"])
    router.add_api_route("/{asset_id}/thresholds", pages.thresholds, methods=["POST"])
    router.add_api_route("/{asset_id}/deposit", pages.deposit, methods=["POST"])
    router.add_api_route("/{asset_id}/withdraw", pages.withdraw, methods=["POST"])
    router.add_api_route("/{asset_id}/fee", pages.fee, methods=["POST"])
    router.add_api_route("/{asset_id}/delete", pages.delete, methods=["POST"])
    return router


class _AssetPages:
    def __init__(self, ui: Ui) -> None:
        self._ui = ui
        self._assets = ui.clients.assets
        self._liquidity = ui.clients.liquidity

    async def index(self, request: Request) -> Response:
        session = await self._ui.session(request)
        reply = await self._assets.ListAssets(
            pb.ListAssetsRequest(tenant_id=session.scope, page=page_request(request))
        )
        return self._ui.page(request, session, "assets.html", reply=reply)

    async def new(self, request: Request) -> Response:
        session = await self._ui.session(request)
        return self._ui.page(request, session, "asset_new.html", form=Form({"scale": "2"}))

    async def create(self, request: Request) -> Response:
        session, form = await self._ui.posted(request)
        code = form.text("code", characters_max=CODE_CHARACTERS_MAX)
        scale = form.whole("scale", low=0, high=SCALE_MAX)
        message = pb.CreateAssetRequest(
            tenant_id=session.scope,
            code=code,
            scale=scale,
            liquidity_threshold=form.optional_amount("liquidity_threshold", scale),
            withdrawal_threshold=form.optional_amount("withdrawal_threshold", scale),
            idempotency_key=form.key,
        )
        made = await form.attempt(lambda: self._assets.CreateAsset(message))
        if made is None:
            return self._ui.page(request, session, "asset_new.html", status=422, form=form)
        return self._ui.redirect(f"/assets/{made.id}", notice="asset-created")

    async def detail(self, request: Request, asset_id: str) -> Response:
        session = await self._ui.session(request)
        return await self._detail(request, session, await self._get(session, asset_id), {})

    async def thresholds(self, request: Request, asset_id: str) -> Response:
        session, form = await self._ui.posted(request)
        asset = await self._get(session, asset_id)
        message = pb.UpdateAssetRequest(
            tenant_id=session.scope,
            id=asset.id,
            liquidity_threshold=form.optional_amount("liquidity_threshold", asset.scale),
            withdrawal_threshold=form.optional_amount("withdrawal_threshold", asset.scale),
            idempotency_key=form.key,
        )
        if await form.attempt(lambda: self._assets.UpdateAsset(message)) is None:
            return await self._detail(request, session, asset, {"thresholds": form})
        return self._ui.redirect(f"/assets/{asset.id}", notice="saved")

    async def deposit(self, request: Request, asset_id: str) -> Response:
        session, form = await self._ui.posted(request)
        asset = await self._get(session, asset_id)
        message = liquidity_service_pb2.DepositAssetLiquidityRequest(
            tenant_id=session.scope,
            id=form.key,
            asset_id=asset.id,
            amount=form.amount("amount", asset.scale),
            idempotency_key=form.key,
        )
        done = await form.attempt(lambda: self._liquidity.DepositAssetLiquidity(message))
        if done is None:
            return await self._detail(request, session, asset, {"deposit": form})
        return self._ui.redirect(f"/assets/{asset.id}", notice="deposited")

    async def withdraw(self, request: Request, asset_id: str) -> Response:
        session, form = await self._ui.posted(request)
        asset = await self._get(session, asset_id)
        message = liquidity_service_pb2.WithdrawAssetLiquidityRequest(
            tenant_id=session.scope,
            id=form.key,
            asset_id=asset.id,
            amount=form.amount("amount", asset.scale),
            idempotency_key=form.key,
        )
        done = await form.attempt(lambda: self._liquidity.WithdrawAssetLiquidity(message))
        if done is None:
            return await self._detail(request, session, asset, {"withdraw": form})
        return self._ui.redirect(f"/assets/{asset.id}", notice="withdrawn")

    async def fee(self, request: Request, asset_id: str) -> Response:
        session, form = await self._ui.posted(request)
        asset = await self._get(session, asset_id)
        sending = form.choice("type", ("sending", "receiving")) == "sending"
        message = pb.SetFeeRequest(
            tenant_id=session.scope,
            asset_id=asset.id,
            type=pb.FEE_TYPE_SENDING if sending else pb.FEE_TYPE_RECEIVING,
            fixed=form.optional_amount("fixed", asset.scale) or 0,
            basis_points=form.whole("basis_points", low=0, high=BASIS_POINTS_MAX),
            idempotency_key=form.key,
        )
        if await form.attempt(lambda: self._assets.SetFee(message)) is None:
            return await self._detail(request, session, asset, {"fee": form})
        return self._ui.redirect(f"/assets/{asset.id}", notice="fee-set")

    async def delete(self, request: Request, asset_id: str) -> Response:
        session, form = await self._ui.posted(request)
        asset = await self._get(session, asset_id)
        form.confirm("confirmation", asset.code)
        message = pb.DeleteAssetRequest(
            tenant_id=session.scope, id=asset.id, idempotency_key=form.key
        )
        if await form.attempt(lambda: self._assets.DeleteAsset(message)) is None:
            return await self._detail(request, session, asset, {"delete": form})
        return self._ui.redirect("/assets", notice="asset-deleted")

    async def _get(self, session: Session, asset_id: str) -> pb.Asset:
        return await self._assets.GetAsset(pb.GetAssetRequest(tenant_id=session.scope, id=asset_id))

    async def _detail(
        self, request: Request, session: Session, asset: pb.Asset, forms: dict[str, Form]
    ) -> Response:
        fees = await self._assets.ListFees(
            pb.ListFeesRequest(
                tenant_id=session.scope,
                asset_id=asset.id,
                page=paging_pb2.PageRequest(first=FEES_SHOWN_MAX),
            )
        )
        status = 422 if forms else 200
        return self._ui.page(
            request,
            session,
            "asset.html",
            status=status,
            asset=asset,
            fees=fees.fees,
            forms=forms,
        )
