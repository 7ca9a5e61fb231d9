"""GrantAdminService over gRPC: grants and tenants for administrators."""

from typing import Any

from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext
from rafiki.grant.v1 import grant_admin_service_pb2 as pb
from rafiki.grant.v1.grant_admin_service_pb2_grpc import GrantAdminServiceServicer
from servicekit.commands import Command, Commands, Given
from servicekit.errors import InvalidArgument
from servicekit.idempotency import once_of
from servicekit.messages import NOTHING, optional, page_info, page_query, timestamp

from services.auth.admin.build import Administration
from services.auth.admin.commands.revoke_grant import GrantToRevoke
from services.auth.admin.commands.upsert_tenant import TenantSettings
from services.auth.gnap.errors import UnknownGrant, UnknownTenant
from services.auth.gnap.messages import (
    access_messages,
    client_message,
    optional_id,
    parse_id,
    subject_message,
)
from services.auth.grants.model import Grant, GrantState
from services.auth.grants.repository import GrantFilter

FILTER_VALUES_MAX = 100
_OPERATOR = "operator"

Context = ServicerContext[object, object]
_Request = pb.RevokeGrantRequest | pb.UpsertAuthTenantRequest | pb.DeleteAuthTenantRequest


class GrantAdminServicer(GrantAdminServiceServicer):
    """Translates; the decisions are in the commands and queries."""

    def __init__(self, *, commands: Commands, admin: Administration) -> None:
        self._commands = commands
        self._admin = admin

    async def GetGrant(self, request: pb.GetGrantRequest, context: Context) -> pb.Grant:
        del context
        grant_id = parse_id(request.id, UnknownGrant())
        tenant_id = optional_id(request, "tenant_id")
        return _grant(await self._admin.grants.get(grant_id, tenant_id=tenant_id))

    async def ListGrants(
        self, request: pb.ListGrantsRequest, context: Context
    ) -> pb.ListGrantsResponse:
        del context
        for field in ("identifiers", "states"):
            if len(getattr(request, field)) > FILTER_VALUES_MAX:
                raise _invalid(field, f"has at most {FILTER_VALUES_MAX} values")
        wanted = GrantFilter(
            tenant_id=optional_id(request, "tenant_id"),
            identifiers=tuple(request.identifiers),
            states=tuple(_state(text) for text in request.states),
        )
        query = page_query(request.page)
        page = await self._admin.grants.page(wanted, query)
        return pb.ListGrantsResponse(
            grants=[_grant(grant) for grant in page.items], page_info=page_info(page)
        )

    async def RevokeGrant(self, request: pb.RevokeGrantRequest, context: Context) -> Empty:
        del context
        given = GrantToRevoke(
            grant_id=parse_id(request.id, UnknownGrant()),
            tenant_id=optional_id(request, "tenant_id"),
        )
        scope = str(given.tenant_id or _OPERATOR)
        return await self._once(self._admin.revoke_grant, given, request, scope=scope)

    async def UpsertAuthTenant(
        self, request: pb.UpsertAuthTenantRequest, context: Context
    ) -> Empty:
        del context
        given = TenantSettings(
            tenant_id=parse_id(request.id, _invalid("id", "is a UUID")),
            idp_consent_url=optional(request, "idp_consent_url"),
            idp_secret=optional(request, "idp_secret"),
            api_secret=request.api_secret,
            wallet_address_url=optional(request, "wallet_address_url"),
        )
        return await self._once(self._admin.upsert_tenant, given, request, scope=_OPERATOR)

    async def DeleteAuthTenant(
        self, request: pb.DeleteAuthTenantRequest, context: Context
    ) -> Empty:
        del context
        given = parse_id(request.id, UnknownTenant(request.id))
        return await self._once(self._admin.delete_tenant, given, request, scope=_OPERATOR)

    async def _once(
        self, command: Command[Given, Any, None], given: Given, request: _Request, *, scope: str
    ) -> Empty:
        once = once_of(request, scope=scope, key=request.idempotency_key)
        return await self._commands.run_once(command, given, once=once, replies=NOTHING)


def _grant(grant: Grant) -> pb.Grant:
    return pb.Grant(
        id=str(grant.id),
        tenant_id=str(grant.tenant_id),
        client=client_message(grant.client),
        access=access_messages(grant.access),
        subject=subject_message(grant.subject_ids),
        state=grant.state.value,
        finalization_reason=None if grant.finalization is None else grant.finalization.value,
        created_at=timestamp(grant.created_at),
    )


def _state(text: str) -> GrantState:
    try:
        return GrantState(text)
    except ValueError:
        raise _invalid("states", f"are of {', '.join(GrantState)}") from None


def _invalid(field: str, rule: str) -> InvalidArgument:
    return InvalidArgument("INVALID_FIELD", f"{field} {rule}", field=field)
