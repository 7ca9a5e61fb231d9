"""AssetService over gRPC."""

from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from google.protobuf.message import Message
from grpc.aio import ServicerContext
from rafiki.admin.v1 import asset_service_pb2 as pb
from rafiki.admin.v1.asset_service_pb2_grpc import AssetServiceServicer
from servicekit.acting_tenant import leaves_out_liquidity
from servicekit.commands import Commands, Replies, nothing_to_recover
from servicekit.errors import InvalidArgument
from servicekit.idempotency import once_of
from servicekit.messages import moment, optional, page_info, page_query, timestamp

from services.backend.assets.build import Assets
from services.backend.assets.commands.create_asset import NewAsset
from services.backend.assets.commands.delete_asset import AssetToDelete
from services.backend.assets.commands.set_fee import NewFee
from services.backend.assets.commands.update_asset import NewThresholds
from services.backend.assets.errors import unknown_asset
from services.backend.assets.model import Asset, Fee, FeeType
from services.backend.ledger.interface import LedgerReader
from services.backend.ledger.model import AMOUNT_MAX
from services.backend.ledger.rules.chart import balance
from services.backend.tenants.scope import Scopes, parse_id

_FEE_TYPES = {pb.FEE_TYPE_SENDING: FeeType.SENDING, pb.FEE_TYPE_RECEIVING: FeeType.RECEIVING}
_FEE_TYPES_OUT = {fee_type: number for number, fee_type in _FEE_TYPES.items()}

Context = ServicerContext[object, object]


class AssetServicer(AssetServiceServicer):
    """Translates; the decisions are in the commands and queries."""

    def __init__(
        self, *, assets: Assets, commands: Commands, ledger: LedgerReader, scopes: Scopes
    ) -> None:
        self._assets = assets
        self._commands = commands
        self._ledger = ledger
        self._scopes = scopes

    async def CreateAsset(self, request: pb.CreateAssetRequest, context: Context) -> pb.Asset:
        scope = self._scopes.of(optional(request, "tenant_id"))
        new = NewAsset(
            scope=scope,
            code=request.code,
            scale=request.scale,
            withdrawal_threshold=optional(request, "withdrawal_threshold"),
            liquidity_threshold=optional(request, "liquidity_threshold"),
        )
        once = once_of(request, scope=scope.owner, key=request.idempotency_key)
        return await self._filled(
            context,
            await self._commands.run_once(self._assets.create, new, once=once, replies=_ASSETS),
        )

    async def GetAsset(self, request: pb.GetAssetRequest, context: Context) -> pb.Asset:
        scope = self._scopes.of(optional(request, "tenant_id"))
        asset_id = parse_id(request.id, unknown_asset(request.id))
        return await self._filled(
            context, asset_message(await self._assets.queries.get(scope, asset_id))
        )

    async def GetAssetByCodeAndScale(
        self, request: pb.GetAssetByCodeAndScaleRequest, context: Context
    ) -> pb.Asset:
        scope = self._scopes.of(optional(request, "tenant_id"))
        asset = await self._assets.queries.find(scope, request.code, request.scale)
        return await self._filled(context, asset_message(asset))

    async def ListAssets(
        self, request: pb.ListAssetsRequest, context: Context
    ) -> pb.ListAssetsResponse:
        scope = self._scopes.of(optional(request, "tenant_id"))
        page = await self._assets.queries.page(scope, page_query(request.page))
        messages = [asset_message(asset) for asset in page.items]
        await fill_liquidity(self._ledger, messages, context)
        return pb.ListAssetsResponse(assets=messages, page_info=page_info(page))

    async def UpdateAsset(self, request: pb.UpdateAssetRequest, context: Context) -> pb.Asset:
        scope = self._scopes.of(optional(request, "tenant_id"))
        new = NewThresholds(
            scope=scope,
            asset_id=parse_id(request.id, unknown_asset(request.id)),
            withdrawal=optional(request, "withdrawal_threshold"),
            liquidity=optional(request, "liquidity_threshold"),
        )
        once = once_of(request, scope=scope.owner, key=request.idempotency_key)
        return await self._filled(
            context,
            await self._commands.run_once(self._assets.update, new, once=once, replies=_ASSETS),
        )

    async def DeleteAsset(self, request: pb.DeleteAssetRequest, context: Context) -> pb.Asset:
        scope = self._scopes.of(optional(request, "tenant_id"))
        asset_id = parse_id(request.id, unknown_asset(request.id))
        given = AssetToDelete(scope=scope, asset_id=asset_id)
        once = once_of(request, scope=scope.owner, key=request.idempotency_key)
        return await self._filled(
            context,
            await self._commands.run_once(self._assets.delete, given, once=once, replies=_ASSETS),
        )

    async def SetFee(self, request: pb.SetFeeRequest, context: Context) -> pb.Fee:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        if request.type not in _FEE_TYPES:
            raise InvalidArgument("INVALID_FIELD", "type is SENDING or RECEIVING", field="type")
        new = NewFee(
            scope=scope,
            asset_id=parse_id(request.asset_id, unknown_asset(request.asset_id)),
            type=_FEE_TYPES[request.type],
            fixed=request.fixed,
            basis_points=request.basis_points,
        )
        once = once_of(request, scope=scope.owner, key=request.idempotency_key)
        return await self._commands.run_once(self._assets.set_fee, new, once=once, replies=_FEES)

    async def ListFees(self, request: pb.ListFeesRequest, context: Context) -> pb.ListFeesResponse:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        asset_id = parse_id(request.asset_id, unknown_asset(request.asset_id))
        page = await self._assets.queries.fee_page(scope, asset_id, page_query(request.page))
        return pb.ListFeesResponse(
            fees=[_fee(fee) for fee in page.items], page_info=page_info(page)
        )

    async def _filled(self, context: Context, message: pb.Asset) -> pb.Asset:
        await fill_liquidity(self._ledger, [message], context)
        return message


def asset_message(asset: Asset) -> pb.Asset:
    """An asset for the wire; `fill_liquidity` completes it."""
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


def asset_of(message: pb.Asset) -> Asset:
    """The asset of a message that `asset_message` made."""
    return Asset(
        id=UUID(message.id),
        tenant_id=UUID(message.tenant_id),
        code=message.code,
        scale=message.scale,
        ledger=message.ledger,
        withdrawal_threshold=optional(message, "withdrawal_threshold"),
        liquidity_threshold=optional(message, "liquidity_threshold"),
        created_at=moment(message.created_at),
    )


async def fill_liquidity(
    ledger: LedgerReader, messages: Sequence[Message], context: Context
) -> None:
    """Set the liquidity of what has one in these messages, at any depth, in one look-up.

    A caller that leaves it out gets none, and the ledger is not asked.
    More than an amount can say, which only deposits at the same moment or transfers of an operator
    in the ledger itself can bring about, is told as the largest amount.
    """
    if leaves_out_liquidity(context.invocation_metadata() or ()):
        return
    holders = [holder for message in messages for holder in _holders(message)]
    accounts = await ledger.lookup_accounts([UUID(holder.id).int for holder in holders])
    for holder in holders:
        account = accounts.get(UUID(holder.id).int)
        holder.liquidity = 0 if account is None else min(balance(account), AMOUNT_MAX)


def _holders(message: Message) -> Iterator[Any]:
    if "liquidity" in message.DESCRIPTOR.fields_by_name:
        yield message
    for field, value in message.ListFields():
        if field.message_type is not None and not field.is_repeated:
            yield from _holders(value)


def _fee(fee: Fee) -> pb.Fee:
    return pb.Fee(
        id=str(fee.id),
        asset_id=str(fee.asset_id),
        type=_FEE_TYPES_OUT[fee.type],
        fixed=fee.fixed,
        basis_points=fee.basis_points,
        created_at=timestamp(fee.created_at),
    )


_ASSETS: Final = Replies(message=pb.Asset, encode=asset_message, recover=asset_of)
_FEES: Final = Replies(message=pb.Fee, encode=_fee, recover=nothing_to_recover)
