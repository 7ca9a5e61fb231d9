"""WalletAddressAdminService, and the public WalletAddressService of Open Payments, over gRPC."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from grpc import StatusCode
from grpc.aio import ServicerContext
from ilpkit.openpayments.urls import same_wallet_address
from rafiki.admin.v1 import wallet_address_service_pb2 as pb
from rafiki.admin.v1.wallet_address_service_pb2_grpc import WalletAddressAdminServiceServicer
from rafiki.openpayments.v1 import wallet_address_service_pb2 as op
from rafiki.openpayments.v1.wallet_address_service_pb2_grpc import WalletAddressServiceServicer
from servicekit import rest
from servicekit.clock import Clock
from servicekit.commands import Commands, Replies, nothing_to_recover
from servicekit.errors import InvalidArgument, Unimplemented
from servicekit.idempotency import Once, once_of
from servicekit.messages import optional, page_info, page_query, timestamp

from services.backend.assets.errors import unknown_asset
from services.backend.assets.model import Asset
from services.backend.assets.servicer import asset_message, fill_liquidity
from services.backend.ledger.interface import LedgerReader
from services.backend.tenants.scope import Scope, Scopes, parse_id
from services.backend.wallet_addresses.build import WalletAddressUseCases
from services.backend.wallet_addresses.commands.create_key import NewKey
from services.backend.wallet_addresses.commands.create_wallet_address import NewWalletAddress
from services.backend.wallet_addresses.commands.revoke_key import KeyToRevoke
from services.backend.wallet_addresses.commands.update_wallet_address import WalletAddressChanges
from services.backend.wallet_addresses.errors import unknown_key, unknown_wallet_address
from services.backend.wallet_addresses.forms import Form, form_of, page_of
from services.backend.wallet_addresses.model import (
    AdditionalProperty,
    WalletAddress,
    WalletAddressKey,
    WalletAddressView,
)
from services.backend.wallet_addresses.queries import WalletAddressQueries

Context = ServicerContext[object, object]
_NOT_ACCEPTABLE: Final = 406
_NO_SPSP: Final = (
    "this node gives no SPSP credentials; create an incoming payment at the wallet address's "
    "resource server"
)
_NO_SPSP_BODY: Final = {"error": {"code": str(_NOT_ACCEPTABLE), "description": _NO_SPSP}}


class PublicUrls(Protocol):
    """The URLs that a wallet address points to."""

    def auth_server(self, tenant_id: UUID) -> str:
        """The GNAP grant endpoint."""
        ...

    def resource_server(self, tenant_id: UUID) -> str:
        """The resource server's base."""
        ...

    node_wallet_address: str

    def wallet_address_of_path(self, path: str) -> str:
        """The wallet address URL that a request's path stands for."""
        ...


class WalletAddressAdminServicer(WalletAddressAdminServiceServicer):
    """Translates; the decisions are in the commands and queries."""

    def __init__(
        self,
        *,
        wallet_addresses: WalletAddressUseCases,
        commands: Commands,
        ledger: LedgerReader,
        clock: Clock,
        scopes: Scopes,
    ) -> None:
        self._wallet_addresses = wallet_addresses
        self._commands = commands
        self._ledger = ledger
        self._clock = clock
        self._scopes = scopes
        self._replies: Replies[WalletAddressView, pb.WalletAddress] = Replies(
            message=pb.WalletAddress, encode=self._message, recover=nothing_to_recover
        )

    async def CreateWalletAddress(
        self, request: pb.CreateWalletAddressRequest, context: Context
    ) -> pb.WalletAddress:
        new = NewWalletAddress(
            scope=self._scope(request),
            asset_id=parse_id(request.asset_id, unknown_asset(request.asset_id)),
            address=request.address,
            public_name=optional(request, "public_name"),
            additional_properties=[_property(p) for p in request.additional_properties],
        )
        return await self._filled(
            context,
            await self._commands.run_once(
                self._wallet_addresses.create, new, once=self._once(request), replies=self._replies
            ),
        )

    async def GetWalletAddress(
        self, request: pb.GetWalletAddressRequest, context: Context
    ) -> pb.WalletAddress:
        wallet_address_id = parse_id(request.id, unknown_wallet_address(request.id))
        found = await self._wallet_addresses.queries.get(self._scope(request), wallet_address_id)
        return await self._filled(context, self._message(found))

    async def GetWalletAddressByUrl(
        self, request: pb.GetWalletAddressByUrlRequest, context: Context
    ) -> pb.WalletAddress:
        found = await self._wallet_addresses.queries.find(self._scope(request), request.url)
        return await self._filled(context, self._message(found))

    async def ListWalletAddresses(
        self, request: pb.ListWalletAddressesRequest, context: Context
    ) -> pb.ListWalletAddressesResponse:
        page = await self._wallet_addresses.queries.page(
            self._scope(request), page_query(request.page)
        )
        messages = [self._message(view) for view in page.items]
        await fill_liquidity(self._ledger, messages, context)
        return pb.ListWalletAddressesResponse(wallet_addresses=messages, page_info=page_info(page))

    async def UpdateWalletAddress(
        self, request: pb.UpdateWalletAddressRequest, context: Context
    ) -> pb.WalletAddress:
        properties = optional(request, "additional_properties")
        changes = WalletAddressChanges(
            scope=self._scope(request),
            wallet_address_id=parse_id(request.id, unknown_wallet_address(request.id)),
            public_name=optional(request, "public_name"),
            active=_active(request),
            additional_properties=(
                None if properties is None else [_property(p) for p in properties.properties]
            ),
        )
        return await self._filled(
            context,
            await self._commands.run_once(
                self._wallet_addresses.update,
                changes,
                once=self._once(request),
                replies=self._replies,
            ),
        )

    async def CreateWalletAddressKey(
        self, request: pb.CreateWalletAddressKeyRequest, context: Context
    ) -> pb.WalletAddressKey:
        del context
        text = request.wallet_address_id
        new = NewKey(
            scope=self._scope(request),
            wallet_address_id=parse_id(text, unknown_wallet_address(text)),
            kid=request.kid,
            x=request.x,
        )
        return await self._commands.run_once(
            self._wallet_addresses.create_key, new, once=self._once(request), replies=_KEYS
        )

    async def RevokeWalletAddressKey(
        self, request: pb.RevokeWalletAddressKeyRequest, context: Context
    ) -> pb.WalletAddressKey:
        del context
        given = KeyToRevoke(
            scope=self._scope(request), key_id=parse_id(request.id, unknown_key(request.id))
        )
        return await self._commands.run_once(
            self._wallet_addresses.revoke_key, given, once=self._once(request), replies=_KEYS
        )

    async def ListWalletAddressKeys(
        self, request: pb.ListWalletAddressKeysRequest, context: Context
    ) -> pb.ListWalletAddressKeysResponse:
        del context
        text = request.wallet_address_id
        wallet_address_id = parse_id(text, unknown_wallet_address(text))
        page = await self._wallet_addresses.queries.key_page(
            self._scope(request), wallet_address_id, page_query(request.page)
        )
        return pb.ListWalletAddressKeysResponse(
            keys=[_key(key) for key in page.items], page_info=page_info(page)
        )

    async def TriggerWalletAddressEvents(
        self, request: pb.TriggerWalletAddressEventsRequest, context: Context
    ) -> Empty:
        del request, context
        raise Unimplemented(
            "UNIMPLEMENTED", "money to a wallet address without a payment is not served yet"
        )

    def _scope(self, request: Message) -> Scope:
        return self._scopes.of(optional(request, "tenant_id"))

    def _once(self, request: Any) -> Once:
        return once_of(request, scope=self._scope(request).owner, key=request.idempotency_key)

    async def _filled(self, context: Context, message: pb.WalletAddress) -> pb.WalletAddress:
        await fill_liquidity(self._ledger, [message], context)
        return message

    def _message(self, view: WalletAddressView) -> pb.WalletAddress:
        return _message(view.wallet_address, view.asset, self._clock.now())


class WalletAddressServicer(WalletAddressServiceServicer):
    """What anyone may know of a wallet address."""

    def __init__(
        self,
        *,
        queries: WalletAddressQueries,
        urls: PublicUrls,
        node_key: Mapping[str, str],
        page_template: str | None,
    ) -> None:
        self._queries = queries
        self._urls = urls
        self._node_key = node_key
        self._page_template = page_template

    async def GetWalletAddress(
        self, request: op.GetWalletAddressRequest, context: Context
    ) -> op.WalletAddress:
        form = form_of(_accept(context)) if rest.is_rest(context) else Form.DOCUMENT
        found = await self._queries.public(self._url(request))
        if form is Form.SPSP:
            await context.abort(
                StatusCode.UNIMPLEMENTED,
                _NO_SPSP,
                rest.error_trailers(_NOT_ACCEPTABLE, _NO_SPSP_BODY),
            )
        wallet_address, asset = found.wallet_address, found.asset
        if form is Form.PAGE and self._page_template is not None:
            page = page_of(self._page_template, wallet_address.address)
            await rest.set_redirect(context, page)
        return op.WalletAddress(
            id=wallet_address.address,
            public_name=wallet_address.public_name,
            asset_code=asset.code,
            asset_scale=asset.scale,
            auth_server=self._urls.auth_server(wallet_address.tenant_id),
            resource_server=self._urls.resource_server(wallet_address.tenant_id),
        )

    async def GetWalletAddressKeys(
        self, request: op.GetWalletAddressKeysRequest, context: Context
    ) -> op.JsonWebKeySet:
        del context
        url = self._url(request)
        if same_wallet_address(url, self._urls.node_wallet_address):
            # The node's own key: it signs as a client of other banks.
            return op.JsonWebKeySet(keys=[op.JsonWebKey(**self._node_key)])
        keys = await self._queries.public_keys(url)
        return op.JsonWebKeySet(keys=[op.JsonWebKey(**key.jwk) for key in keys])

    def _url(self, request: op.GetWalletAddressRequest | op.GetWalletAddressKeysRequest) -> str:
        if request.HasField("url"):
            return request.url
        return self._urls.wallet_address_of_path(request.path)


def _accept(context: Context) -> str:
    return ",".join(str(v) for k, v in context.invocation_metadata() or () if k == "accept")


def _message(wallet_address: WalletAddress, asset: Asset, now: datetime) -> pb.WalletAddress:
    active = wallet_address.is_active(now)
    return pb.WalletAddress(
        id=str(wallet_address.id),
        tenant_id=str(wallet_address.tenant_id),
        asset=asset_message(asset),
        address=wallet_address.address,
        public_name=wallet_address.public_name,
        status=pb.WALLET_ADDRESS_STATUS_ACTIVE if active else pb.WALLET_ADDRESS_STATUS_INACTIVE,
        additional_properties=[
            pb.AdditionalProperty(key=p.key, value=p.value, visible_in_open_payments=p.visible)
            for p in wallet_address.additional_properties
        ],
        created_at=timestamp(wallet_address.created_at),
    )


def _property(message: pb.AdditionalProperty) -> AdditionalProperty:
    return AdditionalProperty(
        key=message.key, value=message.value, visible=message.visible_in_open_payments
    )


def _key(key: WalletAddressKey) -> pb.WalletAddressKey:
    return pb.WalletAddressKey(
        id=str(key.id),
        wallet_address_id=str(key.wallet_address_id),
        kid=key.kid,
        x=key.x,
        revoked=key.revoked,
        created_at=timestamp(key.created_at),
    )


def _active(request: pb.UpdateWalletAddressRequest) -> bool | None:
    if not request.HasField("status"):
        return None
    if request.status == pb.WALLET_ADDRESS_STATUS_UNSPECIFIED:
        raise InvalidArgument("INVALID_FIELD", "status is ACTIVE or INACTIVE", field="status")
    return request.status == pb.WALLET_ADDRESS_STATUS_ACTIVE


_KEYS: Final = Replies(message=pb.WalletAddressKey, encode=_key, recover=nothing_to_recover)
