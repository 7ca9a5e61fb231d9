"""Assets and their fees."""
# ruff: noqa: A002 - arguments have the names that the schema gives them

from enum import Enum

import strawberry
from rafiki.admin.v1 import asset_service_pb2 as pb
from servicekit.errors import InvalidArgument, NotFound

from services.frontend.graphql.common import IdArgument, Model, documented, mutation
from services.frontend.graphql.context import Info
from services.frontend.graphql.paging import PageInfo, SortOrder, page_info, plan_page
from services.frontend.graphql.scalars import UInt8, UInt64, iso, optional_uint64
from services.frontend.graphql.tenants import Tenant, tenant_of


@strawberry.enum
class FeeType(Enum):
    """On which payments a fee is."""

    SENDING = "SENDING"
    RECEIVING = "RECEIVING"


@strawberry.type(description="A fee: a fixed part and a proportional one, rounded up.")
class Fee(Model):
    """A fee: a fixed part and a proportional one, rounded up."""

    id: strawberry.ID
    asset_id: strawberry.ID
    type: FeeType
    fixed: UInt64
    basis_points: int
    created_at: str


@strawberry.type
class FeeEdge:
    """A fee in a page."""

    node: Fee
    cursor: str


@strawberry.type
class FeesConnection:
    """A page of fees."""

    page_info: PageInfo
    edges: list[FeeEdge]


@strawberry.type(description="An asset that accounts are kept in.")
class Asset(Model):
    """An asset that accounts are kept in."""

    id: strawberry.ID
    code: str
    scale: UInt8
    liquidity: UInt64 | None
    withdrawal_threshold: UInt64 | None
    liquidity_threshold: UInt64 | None
    created_at: str
    tenant_id: strawberry.Private[str]

    @documented
    async def tenant(self, info: Info) -> Tenant | None:
        """The tenant that it belongs to."""
        return await tenant_of(info, self.tenant_id)

    @documented
    async def sending_fee(self, info: Info) -> Fee | None:
        """The fee on outgoing payments."""
        return await _current_fee(info, self.id, pb.FEE_TYPE_SENDING)

    @documented
    async def receiving_fee(self, info: Info) -> Fee | None:
        """The fee on incoming payments."""
        return await _current_fee(info, self.id, pb.FEE_TYPE_RECEIVING)

    @documented
    async def fees(
        self,
        info: Info,
        after: str | None = None,
        before: str | None = None,
        first: int | None = None,
        last: int | None = None,
        sort_order: SortOrder | None = None,
    ) -> FeesConnection | None:
        """Fees that are and were."""
        page = plan_page(after=after, before=before, first=first, last=last, sort_order=sort_order)
        reply = await info.context.clients.assets.ListFees(
            pb.ListFeesRequest(tenant_id=info.context.scope(), asset_id=self.id, page=page)
        )
        return FeesConnection(
            page_info=page_info(reply.page_info),
            edges=[FeeEdge(node=fee_node(message), cursor=message.id) for message in reply.fees],
        )


@strawberry.type
class AssetEdge:
    """An asset in a page."""

    node: Asset
    cursor: str


@strawberry.type
class AssetsConnection:
    """A page of assets."""

    page_info: PageInfo
    edges: list[AssetEdge]


@strawberry.input
class CreateAssetInput:
    """A new asset."""

    code: str
    scale: UInt8
    withdrawal_threshold: UInt64 | None = None
    liquidity_threshold: UInt64 | None = None
    idempotency_key: str | None = None
    tenant_id: strawberry.ID | None = None


@strawberry.input
class UpdateAssetInput:
    """New thresholds; what is absent is cleared."""

    id: str
    withdrawal_threshold: UInt64 | None = None
    liquidity_threshold: UInt64 | None = None
    idempotency_key: str | None = None


@strawberry.input
class DeleteAssetInput:
    """Which asset."""

    id: strawberry.ID
    idempotency_key: str | None = None


@strawberry.input
class FeeDetails:
    """The two parts of a fee."""

    fixed: UInt64
    basis_points: int


@strawberry.input
class SetFeeInput:
    """A new fee."""

    asset_id: strawberry.ID
    type: FeeType
    fee: FeeDetails
    idempotency_key: str | None = None


@strawberry.type
class AssetMutationResponse:
    """The asset as it is now."""

    asset: Asset | None


@strawberry.type
class DeleteAssetMutationResponse:
    """The asset as it was."""

    asset: Asset | None


@strawberry.type
class SetFeeResponse:
    """The fee as it is now."""

    fee: Fee | None


def fee_node(message: pb.Fee) -> Fee:
    """A fee from the wire."""
    sending = message.type == pb.FEE_TYPE_SENDING
    return Fee(
        id=strawberry.ID(message.id),
        asset_id=strawberry.ID(message.asset_id),
        type=FeeType.SENDING if sending else FeeType.RECEIVING,
        fixed=UInt64(message.fixed),
        basis_points=message.basis_points,
        created_at=iso(message.created_at),
    )


def asset_node(message: pb.Asset) -> Asset:
    """An asset from the wire."""
    return Asset(
        id=strawberry.ID(message.id),
        code=message.code,
        scale=UInt8(message.scale),
        liquidity=UInt64(message.liquidity),
        withdrawal_threshold=optional_uint64(message, "withdrawal_threshold"),
        liquidity_threshold=optional_uint64(message, "liquidity_threshold"),
        created_at=iso(message.created_at),
        tenant_id=message.tenant_id,
    )


async def _current_fee(info: Info, asset_id: str, fee_type: int) -> Fee | None:
    message = (await info.context.loaders.fees.load(asset_id)).get(fee_type)
    return None if message is None else fee_node(message)


@strawberry.type
class AssetQuery:
    """Reads of assets."""

    @documented
    async def asset(self, info: Info, asset_id: IdArgument) -> Asset | None:
        """One asset."""
        return asset_node(
            await info.context.clients.assets.GetAsset(
                pb.GetAssetRequest(tenant_id=info.context.scope(), id=asset_id)
            )
        )

    @documented
    async def asset_by_code_and_scale(self, info: Info, code: str, scale: UInt8) -> Asset | None:
        """The caller's asset with a code and scale, null when there is none."""
        try:
            message = await info.context.clients.assets.GetAssetByCodeAndScale(
                pb.GetAssetByCodeAndScaleRequest(
                    tenant_id=info.context.scope(), code=code, scale=scale
                )
            )
        except NotFound:
            return None
        return asset_node(message)

    @documented
    async def assets(
        self,
        info: Info,
        after: str | None = None,
        before: str | None = None,
        first: int | None = None,
        last: int | None = None,
        sort_order: SortOrder | None = None,
        tenant_id: str | None = None,
    ) -> AssetsConnection:
        """Assets."""
        page = plan_page(after=after, before=before, first=first, last=last, sort_order=sort_order)
        reply = await info.context.clients.assets.ListAssets(
            pb.ListAssetsRequest(tenant_id=info.context.scope(tenant_id), page=page)
        )
        return AssetsConnection(
            page_info=page_info(reply.page_info),
            edges=[
                AssetEdge(node=asset_node(message), cursor=message.id) for message in reply.assets
            ],
        )


@strawberry.type
class AssetMutation:
    """Changes to assets."""

    @mutation
    async def create_asset(self, info: Info, input: CreateAssetInput) -> AssetMutationResponse:
        """Create an asset."""
        message = await info.context.clients.assets.CreateAsset(
            pb.CreateAssetRequest(
                tenant_id=info.context.scope_to_create(input.tenant_id),
                code=input.code,
                scale=input.scale,
                withdrawal_threshold=input.withdrawal_threshold,
                liquidity_threshold=input.liquidity_threshold,
                idempotency_key=info.context.key(input.idempotency_key),
            )
        )
        return AssetMutationResponse(asset=asset_node(message))

    @mutation
    async def update_asset(self, info: Info, input: UpdateAssetInput) -> AssetMutationResponse:
        """Set an asset's thresholds."""
        message = await info.context.clients.assets.UpdateAsset(
            pb.UpdateAssetRequest(
                tenant_id=info.context.scope(),
                id=input.id,
                withdrawal_threshold=input.withdrawal_threshold,
                liquidity_threshold=input.liquidity_threshold,
                idempotency_key=info.context.key(input.idempotency_key),
            )
        )
        return AssetMutationResponse(asset=asset_node(message))

    @mutation
    async def delete_asset(
        self, info: Info, input: DeleteAssetInput
    ) -> DeleteAssetMutationResponse:
        """Delete an asset that nothing uses."""
        message = await info.context.clients.assets.DeleteAsset(
            pb.DeleteAssetRequest(
                tenant_id=info.context.scope(),
                id=input.id,
                idempotency_key=info.context.key(input.idempotency_key),
            )
        )
        return DeleteAssetMutationResponse(asset=asset_node(message))

    @mutation
    async def set_fee(self, info: Info, input: SetFeeInput) -> SetFeeResponse:
        """Set an asset's fee; earlier ones stay in its history."""
        sending = input.type is FeeType.SENDING
        if input.fee.basis_points < 0:
            raise InvalidArgument(
                "INVALID_FIELD", "basisPoints lies between 0 and 10000", field="basisPoints"
            )
        message = await info.context.clients.assets.SetFee(
            pb.SetFeeRequest(
                tenant_id=info.context.scope(),
                asset_id=input.asset_id,
                type=pb.FEE_TYPE_SENDING if sending else pb.FEE_TYPE_RECEIVING,
                fixed=input.fee.fixed,
                basis_points=input.fee.basis_points,
                idempotency_key=info.context.key(input.idempotency_key),
            )
        )
        return SetFeeResponse(fee=fee_node(message))
