"""TenantService over gRPC. The edge decides who may call; only the operator's calls get here."""

from typing import Any, Final

from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext
from rafiki.admin.v1 import tenant_service_pb2 as pb
from rafiki.admin.v1.tenant_service_pb2_grpc import TenantServiceServicer
from servicekit.commands import Commands, Replies, nothing_to_recover
from servicekit.idempotency import Once, once_of
from servicekit.messages import optional, page_info, page_query, timestamp

from services.backend.tenants.build import Tenants
from services.backend.tenants.commands.create_tenant import NewTenant
from services.backend.tenants.commands.set_tenant_settings import NewSettings
from services.backend.tenants.commands.update_tenant import TenantChanges
from services.backend.tenants.errors import unknown_tenant
from services.backend.tenants.model import Tenant
from services.backend.tenants.scope import parse_id, parse_uuid

_SCOPE: Final = "operator"
_CHANGEABLE: Final = ("api_secret", "email", "public_name", "idp_consent_url", "idp_secret")

Context = ServicerContext[object, object]


class TenantServicer(TenantServiceServicer):
    """Translates; the decisions are in the commands and queries."""

    def __init__(self, *, tenants: Tenants, commands: Commands) -> None:
        self._tenants = tenants
        self._commands = commands

    async def VerifyApiSignature(
        self, request: pb.VerifyApiSignatureRequest, context: Context
    ) -> pb.VerifyApiSignatureResponse:
        del context
        tenant = await self._tenants.signatures.verify_api_signature(
            tenant_id=request.tenant_id, signature=request.signature, body=request.body
        )
        return pb.VerifyApiSignatureResponse(
            tenant_id=str(tenant.id), is_operator=tenant.is_operator
        )

    async def CreateTenant(self, request: pb.CreateTenantRequest, context: Context) -> pb.Tenant:
        del context
        new = NewTenant(
            id=parse_uuid(request.id, "id") if request.HasField("id") else None,
            api_secret=request.api_secret,
            email=optional(request, "email"),
            public_name=optional(request, "public_name"),
            idp_consent_url=optional(request, "idp_consent_url") or None,
            idp_secret=optional(request, "idp_secret") or None,
            settings=[(setting.key, setting.value) for setting in request.settings],
        )
        return await self._commands.run_once(
            self._tenants.create, new, once=_once(request), replies=_TENANTS
        )

    async def GetTenant(self, request: pb.GetTenantRequest, context: Context) -> pb.Tenant:
        del context
        tenant_id = parse_id(request.id, unknown_tenant(request.id))
        return _message(self._tenants.queries.get(tenant_id))

    async def ListTenants(
        self, request: pb.ListTenantsRequest, context: Context
    ) -> pb.ListTenantsResponse:
        del context
        page = await self._tenants.queries.page(page_query(request.page))
        return pb.ListTenantsResponse(
            tenants=[_message(tenant) for tenant in page.items], page_info=page_info(page)
        )

    async def UpdateTenant(self, request: pb.UpdateTenantRequest, context: Context) -> pb.Tenant:
        del context
        # An empty text takes the field away, except for the secret, which can't be empty.
        values = {
            name: getattr(request, name) or (None if name != "api_secret" else "")
            for name in _CHANGEABLE
            if request.HasField(name)
        }
        changes = TenantChanges(
            tenant_id=parse_id(request.id, unknown_tenant(request.id)), values=values
        )
        return await self._commands.run_once(
            self._tenants.update, changes, once=_once(request), replies=_TENANTS
        )

    async def DeleteTenant(self, request: pb.DeleteTenantRequest, context: Context) -> Empty:
        del context
        tenant_id = parse_id(request.id, unknown_tenant(request.id))
        return await self._commands.run_once(
            self._tenants.delete, tenant_id, once=_once(request), replies=_NOTHING
        )

    async def SetTenantSettings(
        self, request: pb.SetTenantSettingsRequest, context: Context
    ) -> pb.Tenant:
        del context
        new = NewSettings(
            tenant_id=parse_id(request.tenant_id, unknown_tenant(request.tenant_id)),
            settings=[(setting.key, setting.value) for setting in request.settings],
        )
        return await self._commands.run_once(
            self._tenants.set_settings, new, once=_once(request), replies=_TENANTS
        )


def _once(request: Any) -> Once:
    return once_of(request, scope=_SCOPE, key=request.idempotency_key)


def _message(tenant: Tenant) -> pb.Tenant:
    message = pb.Tenant(
        id=str(tenant.id),
        email=tenant.email,
        public_name=tenant.public_name,
        idp_consent_url=tenant.idp_consent_url,
        settings=[
            pb.TenantSetting(key=key, value=value) for key, value in sorted(tenant.settings.items())
        ],
        created_at=timestamp(tenant.created_at),
    )
    if tenant.deleted_at is not None:
        message.deleted_at.CopyFrom(timestamp(tenant.deleted_at))
    return message


def _nothing(tenant: Tenant) -> Empty:
    del tenant
    return Empty()


_TENANTS: Final = Replies(message=pb.Tenant, encode=_message, recover=nothing_to_recover)
_NOTHING: Final = Replies(message=Empty, encode=_nothing, recover=nothing_to_recover)
