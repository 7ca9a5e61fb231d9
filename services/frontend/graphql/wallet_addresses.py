"""Wallet addresses and the keys bound to them."""
# ruff: noqa: A002 - arguments have the names that the schema gives them

from enum import Enum

import strawberry
from rafiki.admin.v1 import wallet_address_service_pb2 as pb
from servicekit.errors import InvalidArgument, NotFound

from services.frontend.graphql.assets import Asset, asset_node
from services.frontend.graphql.common import (
    IdArgument,
    Model,
    documented,
    mutation,
    not_offered,
)
from services.frontend.graphql.context import Info
from services.frontend.graphql.incoming_payments import (
    IncomingPaymentConnection,
    IncomingPaymentFilter,
    incoming_payments_page,
    payment_liquidity,
)
from services.frontend.graphql.keys import (
    WalletAddressKeyConnection,
    WalletAddressKeyEdge,
    wallet_address_key_node,
)
from services.frontend.graphql.outgoing_payments import (
    OutgoingPaymentConnection,
    outgoing_payments_page,
)
from services.frontend.graphql.paging import PageInfo, SortOrder, page_info, plan_page
from services.frontend.graphql.quotes import QuoteConnection
from services.frontend.graphql.scalars import UInt64, iso, optional
from services.frontend.graphql.tenants import Tenant, tenant_of


@strawberry.enum
class WalletAddressStatus(Enum):
    """Whether a wallet address can be used."""

    INACTIVE = "INACTIVE"
    ACTIVE = "ACTIVE"


@strawberry.type(description="A property kept with a wallet address.")
class AdditionalProperty:
    """A property kept with a wallet address."""

    key: str
    value: str
    visible_in_open_payments: bool


@strawberry.type(description="An account under a URL.")
class WalletAddress(Model):
    """An account under a URL."""

    id: strawberry.ID
    asset: Asset
    address: str
    public_name: str | None
    created_at: str
    status: WalletAddressStatus
    additional_properties: list[AdditionalProperty | None] | None
    tenant_id: strawberry.Private[str]

    @documented
    async def liquidity(self, info: Info) -> UInt64 | None:
        """What was received without a payment and is not withdrawn yet."""
        return await payment_liquidity(info, self.id)

    @documented
    async def tenant(self, info: Info) -> Tenant | None:
        """The tenant that it belongs to."""
        return await tenant_of(info, self.tenant_id)

    @documented
    async def incoming_payments(
        self,
        info: Info,
        after: str | None = None,
        before: str | None = None,
        first: int | None = None,
        last: int | None = None,
        sort_order: SortOrder | None = None,
        filter: IncomingPaymentFilter | None = None,
    ) -> IncomingPaymentConnection | None:
        """Its incoming payments."""
        return await incoming_payments_page(
            info,
            after=after,
            before=before,
            first=first,
            last=last,
            sort_order=sort_order,
            wallet_address_id=self.id,
            payment_filter=filter,
        )

    @documented
    async def quotes(
        self,
        info: Info,
        after: str | None = None,
        before: str | None = None,
        first: int | None = None,
        last: int | None = None,
        sort_order: SortOrder | None = None,
    ) -> QuoteConnection | None:
        """Not offered: a quote is read by its id."""
        del info, after, before, first, last, sort_order
        raise not_offered("lists of quotes")

    @documented
    async def outgoing_payments(
        self,
        info: Info,
        after: str | None = None,
        before: str | None = None,
        first: int | None = None,
        last: int | None = None,
        sort_order: SortOrder | None = None,
    ) -> OutgoingPaymentConnection | None:
        """Its outgoing payments."""
        return await outgoing_payments_page(
            info,
            after=after,
            before=before,
            first=first,
            last=last,
            sort_order=sort_order,
            wallet_address_id=self.id,
        )

    @documented
    async def wallet_address_keys(
        self,
        info: Info,
        after: str | None = None,
        before: str | None = None,
        first: int | None = None,
        last: int | None = None,
        sort_order: SortOrder | None = None,
    ) -> WalletAddressKeyConnection | None:
        """Its keys, revoked ones too."""
        page = plan_page(after=after, before=before, first=first, last=last, sort_order=sort_order)
        reply = await info.context.clients.wallet_addresses.ListWalletAddressKeys(
            pb.ListWalletAddressKeysRequest(
                tenant_id=info.context.scope(), wallet_address_id=self.id, page=page
            )
        )
        return WalletAddressKeyConnection(
            page_info=page_info(reply.page_info),
            edges=[
                WalletAddressKeyEdge(node=wallet_address_key_node(message), cursor=message.id)
                for message in reply.keys
            ],
        )


@strawberry.type
class WalletAddressEdge:
    """A wallet address in a page."""

    node: WalletAddress
    cursor: str


@strawberry.type
class WalletAddressesConnection:
    """A page of wallet addresses."""

    page_info: PageInfo
    edges: list[WalletAddressEdge]


@strawberry.input
class AdditionalPropertyInput:
    """A property kept with a wallet address."""

    key: str
    value: str
    visible_in_open_payments: bool


@strawberry.input
class CreateWalletAddressInput:
    """A new wallet address."""

    asset_id: str
    address: str
    tenant_id: strawberry.ID | None = None
    public_name: str | None = None
    idempotency_key: str | None = None
    additional_properties: list[AdditionalPropertyInput] | None = None


@strawberry.input
class UpdateWalletAddressInput:
    """Changes to a wallet address; what is absent stays."""

    id: strawberry.ID
    public_name: str | None = None
    status: WalletAddressStatus | None = None
    idempotency_key: str | None = None
    additional_properties: list[AdditionalPropertyInput] | None = None


@strawberry.input
class TriggerWalletAddressEventsInput:
    """How many events."""

    limit: int
    idempotency_key: str | None = None


@strawberry.type
class CreateWalletAddressMutationResponse:
    """The new wallet address."""

    wallet_address: WalletAddress | None


@strawberry.type
class UpdateWalletAddressMutationResponse:
    """The wallet address as it is now."""

    wallet_address: WalletAddress | None


@strawberry.type
class TriggerWalletAddressEventsMutationResponse:
    """How many events were sent, when known."""

    count: int | None


def wallet_address_node(message: pb.WalletAddress) -> WalletAddress:
    """A wallet address from the wire."""
    active = message.status == pb.WALLET_ADDRESS_STATUS_ACTIVE
    return WalletAddress(
        id=strawberry.ID(message.id),
        asset=asset_node(message.asset),
        address=message.address,
        public_name=optional(message, "public_name"),
        created_at=iso(message.created_at),
        status=WalletAddressStatus.ACTIVE if active else WalletAddressStatus.INACTIVE,
        additional_properties=[
            AdditionalProperty(
                key=item.key,
                value=item.value,
                visible_in_open_payments=item.visible_in_open_payments,
            )
            for item in message.additional_properties
        ],
        tenant_id=message.tenant_id,
    )


@strawberry.type
class WalletAddressQuery:
    """Reads of wallet addresses."""

    @documented
    async def wallet_address(self, info: Info, address_id: IdArgument) -> WalletAddress | None:
        """One wallet address."""
        return wallet_address_node(
            await info.context.clients.wallet_addresses.GetWalletAddress(
                pb.GetWalletAddressRequest(tenant_id=info.context.scope(), id=address_id)
            )
        )

    @documented
    async def wallet_address_by_url(self, info: Info, url: str) -> WalletAddress | None:
        """The wallet address with a URL, null when there is none."""
        try:
            message = await info.context.clients.wallet_addresses.GetWalletAddressByUrl(
                pb.GetWalletAddressByUrlRequest(tenant_id=info.context.scope(), url=url)
            )
        except NotFound:
            return None
        return wallet_address_node(message)

    @documented
    async def wallet_addresses(
        self,
        info: Info,
        after: str | None = None,
        before: str | None = None,
        first: int | None = None,
        last: int | None = None,
        sort_order: SortOrder | None = None,
        tenant_id: str | None = None,
    ) -> WalletAddressesConnection:
        """Wallet addresses."""
        page = plan_page(after=after, before=before, first=first, last=last, sort_order=sort_order)
        reply = await info.context.clients.wallet_addresses.ListWalletAddresses(
            pb.ListWalletAddressesRequest(tenant_id=info.context.scope(tenant_id), page=page)
        )
        return WalletAddressesConnection(
            page_info=page_info(reply.page_info),
            edges=[
                WalletAddressEdge(node=wallet_address_node(message), cursor=message.id)
                for message in reply.wallet_addresses
            ],
        )


@strawberry.type
class WalletAddressMutation:
    """Changes to wallet addresses."""

    @mutation
    async def create_wallet_address(
        self, info: Info, input: CreateWalletAddressInput
    ) -> CreateWalletAddressMutationResponse:
        """Create a wallet address."""
        message = await info.context.clients.wallet_addresses.CreateWalletAddress(
            pb.CreateWalletAddressRequest(
                tenant_id=info.context.scope_to_create(input.tenant_id),
                asset_id=input.asset_id,
                address=input.address,
                public_name=input.public_name,
                additional_properties=_properties(input.additional_properties or []),
                idempotency_key=info.context.key(input.idempotency_key),
            )
        )
        return CreateWalletAddressMutationResponse(wallet_address=wallet_address_node(message))

    @mutation
    async def update_wallet_address(
        self, info: Info, input: UpdateWalletAddressInput
    ) -> UpdateWalletAddressMutationResponse:
        """Change a wallet address; what is absent stays."""
        status = (
            None
            if input.status is None
            else pb.WalletAddressStatus.Value(f"WALLET_ADDRESS_STATUS_{input.status.value}")
        )
        properties = (
            None
            if input.additional_properties is None
            else pb.AdditionalProperties(properties=_properties(input.additional_properties))
        )
        message = await info.context.clients.wallet_addresses.UpdateWalletAddress(
            pb.UpdateWalletAddressRequest(
                tenant_id=info.context.scope(),
                id=input.id,
                public_name=input.public_name,
                status=status,
                additional_properties=properties,
                idempotency_key=info.context.key(input.idempotency_key),
            )
        )
        return UpdateWalletAddressMutationResponse(wallet_address=wallet_address_node(message))

    @mutation
    async def trigger_wallet_address_events(
        self, info: Info, input: TriggerWalletAddressEventsInput
    ) -> TriggerWalletAddressEventsMutationResponse:
        """Send due web monetization events now."""
        if input.limit < 1:
            raise InvalidArgument("INVALID_FIELD", "limit is positive", field="limit")
        await info.context.clients.wallet_addresses.TriggerWalletAddressEvents(
            pb.TriggerWalletAddressEventsRequest(
                tenant_id=info.context.scope(),
                limit=input.limit,
                idempotency_key=info.context.key(input.idempotency_key),
            )
        )
        return TriggerWalletAddressEventsMutationResponse(count=None)


def _properties(given: list[AdditionalPropertyInput]) -> list[pb.AdditionalProperty]:
    return [
        pb.AdditionalProperty(
            key=item.key,
            value=item.value,
            visible_in_open_payments=item.visible_in_open_payments,
        )
        for item in given
    ]
