"""Tenants: account servicing entities that share the node."""
# ruff: noqa: A002 - arguments have the names that the schema gives them

from enum import Enum

import strawberry
from rafiki.admin.v1 import tenant_service_pb2 as pb

from services.frontend.graphql.common import IdArgument, Model, documented, mutation
from services.frontend.graphql.context import Info
from services.frontend.graphql.paging import PageInfo, SortOrder, page_info, plan_page
from services.frontend.graphql.scalars import iso, optional, optional_iso


@strawberry.enum
class TenantSettingKey(Enum):
    """What a tenant can set."""

    EXCHANGE_RATES_URL = "EXCHANGE_RATES_URL"
    WEBHOOK_URL = "WEBHOOK_URL"
    WEBHOOK_TIMEOUT = "WEBHOOK_TIMEOUT"
    WEBHOOK_MAX_RETRY = "WEBHOOK_MAX_RETRY"
    WALLET_ADDRESS_URL = "WALLET_ADDRESS_URL"
    ILP_ADDRESS = "ILP_ADDRESS"


@strawberry.type(description="One setting of a tenant.")
class TenantSetting:
    """One setting of a tenant."""

    key: TenantSettingKey
    value: str


@strawberry.type(description="An account servicing entity of this node.")
class Tenant(Model):
    """An account servicing entity of this node."""

    id: strawberry.ID
    email: str | None
    api_secret: str = strawberry.field(
        description="Empty, but in the answer to the mutation that set it: secrets stay inside."
    )
    idp_consent_url: str | None
    idp_secret: str | None = strawberry.field(
        description="Null, but in the answer to the mutation that set it: secrets stay inside."
    )
    public_name: str | None
    created_at: str
    deleted_at: str | None
    settings: list[TenantSetting]


@strawberry.type
class TenantEdge:
    """A tenant in a page."""

    node: Tenant
    cursor: str


@strawberry.type
class TenantsConnection:
    """A page of tenants."""

    page_info: PageInfo
    edges: list[TenantEdge]


@strawberry.type
class WhoamiResponse:
    """Who signed the request."""

    id: str
    is_operator: bool


@strawberry.input
class TenantSettingInput:
    """One setting of a tenant."""

    key: TenantSettingKey
    value: str


@strawberry.input
class CreateTenantSettingsInput:
    """Settings of the caller."""

    settings: list[TenantSettingInput]


@strawberry.input
class CreateTenantInput:
    """A new tenant."""

    api_secret: str
    id: strawberry.ID | None = None
    email: str | None = None
    idp_consent_url: str | None = None
    idp_secret: str | None = None
    public_name: str | None = None
    settings: list[TenantSettingInput] | None = None


@strawberry.input
class UpdateTenantInput:
    """Changes to a tenant; what is absent stays."""

    id: strawberry.ID
    email: str | None = None
    api_secret: str | None = None
    idp_consent_url: str | None = None
    idp_secret: str | None = None
    public_name: str | None = None


@strawberry.type
class TenantMutationResponse:
    """The tenant as it is now."""

    tenant: Tenant


@strawberry.type
class DeleteTenantMutationResponse:
    """Whether the tenant is deleted."""

    success: bool


@strawberry.type
class CreateTenantSettingsMutationResponse:
    """The caller's settings as they are now."""

    settings: list[TenantSetting]


def tenant_node(
    message: pb.Tenant, *, api_secret: str | None = None, idp_secret: str | None = None
) -> Tenant:
    """A tenant, with the secrets that the caller has just set and so knows."""
    return Tenant(
        id=strawberry.ID(message.id),
        email=optional(message, "email"),
        api_secret=api_secret or "",
        idp_consent_url=optional(message, "idp_consent_url"),
        idp_secret=idp_secret,
        public_name=optional(message, "public_name"),
        created_at=iso(message.created_at),
        deleted_at=optional_iso(message, "deleted_at"),
        settings=_settings(message),
    )


async def tenant_of(info: Info, tenant_id: str) -> Tenant | None:
    """The tenant that something belongs to, asked for once a request."""
    message = await info.context.loaders.tenants.load(tenant_id)
    return None if message is None else tenant_node(message)


@strawberry.type
class TenantQuery:
    """Reads of tenants."""

    @documented
    async def whoami(self, info: Info) -> WhoamiResponse:
        """Who signed the request."""
        caller = info.context.caller
        return WhoamiResponse(id=caller.tenant_id, is_operator=caller.is_operator)

    @documented
    async def tenant(self, info: Info, tenant_id: IdArgument) -> Tenant:
        """One tenant; others than the operator see themselves only."""
        info.context.require_tenant(tenant_id)
        return tenant_node(
            await info.context.clients.tenants.GetTenant(pb.GetTenantRequest(id=tenant_id))
        )

    @documented
    async def tenants(
        self,
        info: Info,
        after: str | None = None,
        before: str | None = None,
        first: int | None = None,
        last: int | None = None,
        sort_order: SortOrder | None = None,
    ) -> TenantsConnection:
        """Tenants, for the operator."""
        info.context.require_operator()
        page = plan_page(after=after, before=before, first=first, last=last, sort_order=sort_order)
        reply = await info.context.clients.tenants.ListTenants(pb.ListTenantsRequest(page=page))
        return TenantsConnection(
            page_info=page_info(reply.page_info),
            edges=[
                TenantEdge(node=tenant_node(message), cursor=message.id)
                for message in reply.tenants
            ],
        )


@strawberry.type
class TenantMutation:
    """Changes to tenants."""

    @mutation
    async def create_tenant(self, info: Info, input: CreateTenantInput) -> TenantMutationResponse:
        """Create a tenant, as the operator."""
        info.context.require_operator()
        message = await info.context.clients.tenants.CreateTenant(
            pb.CreateTenantRequest(
                id=input.id,
                api_secret=input.api_secret,
                email=input.email,
                public_name=input.public_name,
                idp_consent_url=input.idp_consent_url,
                idp_secret=input.idp_secret,
                settings=_setting_messages(input.settings),
                idempotency_key=info.context.key(),
            )
        )
        return TenantMutationResponse(
            tenant=tenant_node(message, api_secret=input.api_secret, idp_secret=input.idp_secret)
        )

    @mutation
    async def update_tenant(self, info: Info, input: UpdateTenantInput) -> TenantMutationResponse:
        """Change a tenant; others than the operator change themselves only."""
        info.context.require_tenant(input.id)
        message = await info.context.clients.tenants.UpdateTenant(
            pb.UpdateTenantRequest(
                id=input.id,
                api_secret=input.api_secret,
                email=input.email,
                public_name=input.public_name,
                idp_consent_url=input.idp_consent_url,
                idp_secret=input.idp_secret,
                idempotency_key=info.context.key(),
            )
        )
        return TenantMutationResponse(
            tenant=tenant_node(message, api_secret=input.api_secret, idp_secret=input.idp_secret)
        )

    @mutation
    async def delete_tenant(
        self, info: Info, tenant_id: IdArgument
    ) -> DeleteTenantMutationResponse:
        """Delete a tenant, as the operator."""
        info.context.require_operator()
        await info.context.clients.tenants.DeleteTenant(
            pb.DeleteTenantRequest(id=tenant_id, idempotency_key=info.context.key())
        )
        return DeleteTenantMutationResponse(success=True)

    @mutation
    async def create_tenant_settings(
        self,
        info: Info,
        input: CreateTenantSettingsInput,
    ) -> CreateTenantSettingsMutationResponse | None:
        """Set settings of the caller; others stay."""
        message = await info.context.clients.tenants.SetTenantSettings(
            pb.SetTenantSettingsRequest(
                tenant_id=info.context.caller.tenant_id,
                settings=_setting_messages(input.settings),
                idempotency_key=info.context.key(),
            )
        )
        return CreateTenantSettingsMutationResponse(settings=_settings(message))


def _settings(message: pb.Tenant) -> list[TenantSetting]:
    known = TenantSettingKey.__members__
    return [
        TenantSetting(key=known[setting.key], value=setting.value)
        for setting in message.settings
        if setting.key in known
    ]


def _setting_messages(settings: list[TenantSettingInput] | None) -> list[pb.TenantSetting]:
    return [
        pb.TenantSetting(key=setting.key.value, value=setting.value) for setting in settings or ()
    ]
