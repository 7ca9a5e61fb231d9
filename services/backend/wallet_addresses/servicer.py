"""WalletAddressAdminService, and the public WalletAddressService of Open Payments, over gRPC."""

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext
from ilpkit.openpayments.urls import same_wallet_address
from rafiki.admin.v1 import wallet_address_service_pb2 as pb
from rafiki.admin.v1.wallet_address_service_pb2_grpc import WalletAddressAdminServiceServicer
from rafiki.openpayments.v1 import wallet_address_service_pb2 as op
from rafiki.openpayments.v1.wallet_address_service_pb2_grpc import WalletAddressServiceServicer
from servicekit.clock import Clock
from servicekit.errors import InvalidArgument

from services.backend.assets.errors import unknown_asset
from services.backend.assets.model import Asset
from services.backend.assets.servicer import asset_message, fill_liquidity
from services.backend.calls import Calls
from services.backend.ledger.interface import LedgerReader
from services.backend.protos import optional, page_info, page_query, timestamp
from services.backend.tenants.scope import Scopes, parse_id
from services.backend.unimplemented import unimplemented
from services.backend.wallet_addresses.errors import unknown_key, unknown_wallet_address
from services.backend.wallet_addresses.model import (
    AdditionalProperty,
    WalletAddress,
    WalletAddressKey,
)
from services.backend.wallet_addresses.service import NewWalletAddress, WalletAddressService

Context = ServicerContext[object, object]


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
    """Translates; the decisions are in WalletAddressService."""

    def __init__(
        self,
        *,
        wallet_addresses: WalletAddressService,
        calls: Calls,
        ledger: LedgerReader,
        clock: Clock,
        scopes: Scopes,
    ) -> None:
        self._wallet_addresses = wallet_addresses
        self._ledger = ledger
        self._calls = calls
        self._clock = clock
        self._scopes = scopes

    async def CreateWalletAddress(
        self, request: pb.CreateWalletAddressRequest, context: Context
    ) -> pb.WalletAddress:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        new = NewWalletAddress(
            asset_id=parse_id(request.asset_id, unknown_asset(request.asset_id)),
            address=request.address,
            public_name=optional(request, "public_name"),
            additional_properties=[_property(p) for p in request.additional_properties],
        )
        reply = await self._calls.mutate(
            request,
            pb.WalletAddress,
            scope=scope.owner,
            key=request.idempotency_key,
            write=lambda session: self._reply(self._wallet_addresses.create(session, scope, new)),
        )
        return await self._filled(reply)

    async def GetWalletAddress(
        self, request: pb.GetWalletAddressRequest, context: Context
    ) -> pb.WalletAddress:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        wallet_address_id = parse_id(request.id, unknown_wallet_address(request.id))
        return await self._filled(
            await self._reply(self._wallet_addresses.get(scope, wallet_address_id))
        )

    async def GetWalletAddressByUrl(
        self, request: pb.GetWalletAddressByUrlRequest, context: Context
    ) -> pb.WalletAddress:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        return await self._filled(
            await self._reply(self._wallet_addresses.find(scope, request.url))
        )

    async def ListWalletAddresses(
        self, request: pb.ListWalletAddressesRequest, context: Context
    ) -> pb.ListWalletAddressesResponse:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        page, assets = await self._wallet_addresses.page(scope, page_query(request.page))
        now = self._clock.now()
        messages = [_message(item, assets[item.asset_id], now) for item in page.items]
        await fill_liquidity(self._ledger, messages)
        return pb.ListWalletAddressesResponse(wallet_addresses=messages, page_info=page_info(page))

    async def UpdateWalletAddress(
        self, request: pb.UpdateWalletAddressRequest, context: Context
    ) -> pb.WalletAddress:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        wallet_address_id = parse_id(request.id, unknown_wallet_address(request.id))
        values = self._changes(request)
        reply = await self._calls.mutate(
            request,
            pb.WalletAddress,
            scope=scope.owner,
            key=request.idempotency_key,
            write=lambda session: self._reply(
                self._wallet_addresses.change(session, scope, wallet_address_id, values)
            ),
        )
        return await self._filled(reply)

    async def CreateWalletAddressKey(
        self, request: pb.CreateWalletAddressKeyRequest, context: Context
    ) -> pb.WalletAddressKey:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        wallet_address_id = parse_id(
            request.wallet_address_id, unknown_wallet_address(request.wallet_address_id)
        )
        return await self._calls.mutate(
            request,
            pb.WalletAddressKey,
            scope=scope.owner,
            key=request.idempotency_key,
            write=lambda session: _key_reply(
                self._wallet_addresses.add_key(
                    session, scope, wallet_address_id, kid=request.kid, x=request.x
                )
            ),
        )

    async def RevokeWalletAddressKey(
        self, request: pb.RevokeWalletAddressKeyRequest, context: Context
    ) -> pb.WalletAddressKey:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        key_id = parse_id(request.id, unknown_key(request.id))
        return await self._calls.mutate(
            request,
            pb.WalletAddressKey,
            scope=scope.owner,
            key=request.idempotency_key,
            write=lambda session: _key_reply(
                self._wallet_addresses.revoke_key(session, scope, key_id)
            ),
        )

    async def ListWalletAddressKeys(
        self, request: pb.ListWalletAddressKeysRequest, context: Context
    ) -> pb.ListWalletAddressKeysResponse:
        del context
        scope = self._scopes.of(optional(request, "tenant_id"))
        wallet_address_id = parse_id(
            request.wallet_address_id, unknown_wallet_address(request.wallet_address_id)
        )
        query = page_query(request.page)
        page = await self._wallet_addresses.key_page(scope, wallet_address_id, query)
        return pb.ListWalletAddressKeysResponse(
            keys=[_key(key) for key in page.items], page_info=page_info(page)
        )

    async def TriggerWalletAddressEvents(
        self, request: pb.TriggerWalletAddressEventsRequest, context: Context
    ) -> Empty:
        del request, context
        raise unimplemented("WalletAddressAdminService.TriggerWalletAddressEvents")

    def _changes(self, request: pb.UpdateWalletAddressRequest) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if request.HasField("public_name"):
            values["public_name"] = request.public_name or None
        if request.HasField("status"):
            if request.status == pb.WALLET_ADDRESS_STATUS_UNSPECIFIED:
                raise InvalidArgument(
                    "INVALID_FIELD", "status is ACTIVE or INACTIVE", field="status"
                )
            active = request.status == pb.WALLET_ADDRESS_STATUS_ACTIVE
            values["deactivated_at"] = None if active else self._clock.now()
        if request.HasField("additional_properties"):
            properties = request.additional_properties.properties
            values["additional_properties"] = [_property(p) for p in properties]
        return values

    async def _filled(self, message: pb.WalletAddress) -> pb.WalletAddress:
        await fill_liquidity(self._ledger, [message])
        return message

    async def _reply(self, work: Awaitable[tuple[WalletAddress, Asset]]) -> pb.WalletAddress:
        wallet_address, asset = await work
        return _message(wallet_address, asset, self._clock.now())


class WalletAddressServicer(WalletAddressServiceServicer):
    """What anyone may know of a wallet address."""

    def __init__(
        self,
        *,
        wallet_addresses: WalletAddressService,
        urls: PublicUrls,
        node_key: Mapping[str, str],
    ) -> None:
        self._wallet_addresses = wallet_addresses
        self._urls = urls
        self._node_key = node_key

    async def GetWalletAddress(
        self, request: op.GetWalletAddressRequest, context: Context
    ) -> op.WalletAddress:
        del context
        wallet_address, asset = await self._wallet_addresses.public(self._url(request))
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
        keys = await self._wallet_addresses.public_keys(url)
        return op.JsonWebKeySet(keys=[op.JsonWebKey(**key.jwk) for key in keys])

    def _url(self, request: op.GetWalletAddressRequest | op.GetWalletAddressKeysRequest) -> str:
        if request.HasField("url"):
            return request.url
        return self._urls.wallet_address_of_path(request.path)


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


async def _key_reply(work: Awaitable[WalletAddressKey]) -> pb.WalletAddressKey:
    return _key(await work)
