"""AssetService over gRPC."""

from collections.abc import Awaitable, Sequence
from uuid import UUID

from grpc.aio import ServicerContext
from rafiki.admin.v1 import asset_service_pb2 as pb
from rafiki.admin.v1.asset_service_pb2_grpc import AssetServiceServicer
from servicekit.database import WriteSession
from servicekit.errors import InvalidArgument

from services.backend.assets.errors import unknown_asset
from services.backend.assets.model import Asset, Fee, FeeType
from services.backend.assets.service import AssetService
from services.backend.calls import Calls
from services.backend.ledger.chart import balance
from services.backend.ledger.interface import LedgerReader
from services.backend.protos import optional, page_info, page_query, timestamp
from services.backend.scope import Scopes, parse_id

_FEE_TYPES = {pb.FEE_TYPE_SENDING: FeeType.SENDING, pb.FEE_TYPE_RECEIVING: FeeType.RECEIVING}
_FEE_TYPES_OUT = {fee_type: number for number, fee_type in _FEE_TYPES.items()}

Context = ServicerContext[object, object]


class AssetServicer(AssetServiceServicer):
    """Translates; the decisions are in AssetService."""

    def __init__(
        self, *, assets: AssetService, calls: Calls, ledger: LedgerReader, scopes: Scopes
    ) -> None:
        self._assets = assets
        self._calls = calls
        self._ledger = ledger
        self._scopes = scopes

    async def CreateAsset(self, request: pb.CreateAssetRequest, context: Context) -> pb.Asset:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        return await self._calls.mutate(
            request,
            pb.Asset,
            scope=scope.owner,
            key=request.idempotency_key,
            write=lambda session: self._reply(
                self._assets.create(
                    session,
                    scope,
                    code=request.code,
                    scale=request.scale,
                    withdrawal_threshold=optional(request, "withdrawal_threshold"),
                    liquidity_threshold=optional(request, "liquidity_threshold"),
                )
            ),
            finish=lambda reply: self._assets.open_accounts(UUID(reply.id), reply.ledger),
        )

    async def GetAsset(self, request: pb.GetAssetRequest, context: Context) -> pb.Asset:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        asset_id = parse_id(request.id, unknown_asset(request.id))
        return (await self._with_liquidity([await self._assets.get(scope, asset_id)]))[0]

    async def GetAssetByCodeAndScale(
        self, request: pb.GetAssetByCodeAndScaleRequest, context: Context
    ) -> pb.Asset:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        asset = await self._assets.find(scope, request.code, request.scale)
        return (await self._with_liquidity([asset]))[0]

    async def ListAssets(
        self, request: pb.ListAssetsRequest, context: Context
    ) -> pb.ListAssetsResponse:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        page = await self._assets.page(scope, page_query(request.page))
        return pb.ListAssetsResponse(
            assets=await self._with_liquidity(page.items), page_info=page_info(page)
        )

    async def UpdateAsset(self, request: pb.UpdateAssetRequest, context: Context) -> pb.Asset:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        asset_id = parse_id(request.id, unknown_asset(request.id))
        return await self._calls.mutate(
            request,
            pb.Asset,
            scope=scope.owner,
            key=request.idempotency_key,
            write=lambda session: self._reply(
                self._assets.set_thresholds(
                    session,
                    scope,
                    asset_id,
                    withdrawal=optional(request, "withdrawal_threshold"),
                    liquidity=optional(request, "liquidity_threshold"),
                )
            ),
        )

    async def DeleteAsset(self, request: pb.DeleteAssetRequest, context: Context) -> pb.Asset:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        asset_id = parse_id(request.id, unknown_asset(request.id))
        return await self._calls.mutate(
            request,
            pb.Asset,
            scope=scope.owner,
            key=request.idempotency_key,
            write=lambda session: self._reply(self._assets.delete(session, scope, asset_id)),
        )

    async def SetFee(self, request: pb.SetFeeRequest, context: Context) -> pb.Fee:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        asset_id = parse_id(request.asset_id, unknown_asset(request.asset_id))
        if request.type not in _FEE_TYPES:
            raise InvalidArgument("INVALID_FIELD", "type is SENDING or RECEIVING", field="type")

        async def write(session: WriteSession) -> pb.Fee:
            fee = await self._assets.set_fee(
                session,
                scope,
                asset_id,
                fee_type=_FEE_TYPES[request.type],
                fixed=request.fixed,
                basis_points=request.basis_points,
            )
            return _fee(fee)

        return await self._calls.mutate(
            request, pb.Fee, scope=scope.owner, key=request.idempotency_key, write=write
        )

    async def ListFees(self, request: pb.ListFeesRequest, context: Context) -> pb.ListFeesResponse:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        asset_id = parse_id(request.asset_id, unknown_asset(request.asset_id))
        page = await self._assets.fee_page(scope, asset_id, page_query(request.page))
        return pb.ListFeesResponse(
            fees=[_fee(fee) for fee in page.items], page_info=page_info(page)
        )

    async def _with_liquidity(self, assets: Sequence[Asset]) -> list[pb.Asset]:
        items = list(assets)
        accounts = await self._ledger.lookup_accounts([asset.id.int for asset in items])
        replies = [asset_message(asset) for asset in items]
        for asset, reply in zip(items, replies, strict=True):
            account = accounts.get(asset.id.int)
            reply.liquidity = 0 if account is None else balance(account)
        return replies

    @staticmethod
    async def _reply(work: Awaitable[Asset]) -> pb.Asset:
        return asset_message(await work)


def asset_message(asset: Asset) -> pb.Asset:
    """An asset for the wire, without its liquidity."""
    return pb.Asset(
        id=str(asset.id),
        tenant_id=str(asset.tenant_id),
        code=asset.code,
        scale=asset.scale,
        ledger=asset.ledger,
        withdrawal_threshold=asset.withdrawal_threshold,
        liquidity_threshold=asset.liquidity_threshold,
        created_at=timestamp(asset.created_at),
    )


def _fee(fee: Fee) -> pb.Fee:
    return pb.Fee(
        id=str(fee.id),
        asset_id=str(fee.asset_id),
        type=_FEE_TYPES_OUT[fee.type],
        fixed=fee.fixed,
        basis_points=fee.basis_points,
        created_at=timestamp(fee.created_at),
    )
