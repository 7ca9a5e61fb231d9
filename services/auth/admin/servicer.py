"""GrantAdminService over gRPC: grants and tenants for administrators."""

from collections.abc import Awaitable, Callable

from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext
from rafiki.grant.v1 import grant_admin_service_pb2 as pb
from rafiki.grant.v1.grant_admin_service_pb2_grpc import GrantAdminServiceServicer
from servicekit.database import Database, WriteSession
from servicekit.errors import InvalidArgument

from services.auth.errors import UnknownGrant, UnknownTenant
from services.auth.grants.model import Grant, GrantState
from services.auth.grants.repository import GrantFilter
from services.auth.grants.service import GrantService
from services.auth.idempotency.service import IdempotentCalls
from services.auth.protos import (
    access_messages,
    client_message,
    optional,
    optional_id,
    page_info,
    page_query,
    parse_id,
    subject_message,
    timestamp,
)
from services.auth.tenants.service import TenantService

FILTER_VALUES_MAX = 100
_OPERATOR = "operator"

Context = ServicerContext[object, object]
_Request = pb.RevokeGrantRequest | pb.UpsertAuthTenantRequest | pb.DeleteAuthTenantRequest


class GrantAdminServicer(GrantAdminServiceServicer):
    """Translates; the decisions are in GrantService and TenantService."""

    def __init__(
        self,
        *,
        database: Database,
        calls: IdempotentCalls,
        grants: GrantService,
        tenants: TenantService,
    ) -> None:
        self._database = database
        self._calls = calls
        self._grants = grants
        self._tenants = tenants

    async def GetGrant(self, request: pb.GetGrantRequest, context: Context) -> pb.Grant:
        del context
        grant_id = parse_id(request.id, UnknownGrant())
        tenant_id = optional_id(request, "tenant_id")
        async with self._database.read() as session:
            grant = await self._grants.get(session, grant_id=grant_id, tenant_id=tenant_id)
        return _grant(grant)

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
        async with self._database.read() as session:
            page = await self._grants.page(session, wanted, query)
        return pb.ListGrantsResponse(
            grants=[_grant(grant) for grant in page.items], page_info=page_info(page)
        )

    async def RevokeGrant(self, request: pb.RevokeGrantRequest, context: Context) -> Empty:
        del context
        grant_id = parse_id(request.id, UnknownGrant())
        tenant_id = optional_id(request, "tenant_id")
        return await self._run(
            request,
            scope=str(tenant_id or _OPERATOR),
            work=lambda session: self._grants.revoke(
                session, grant_id=grant_id, tenant_id=tenant_id
            ),
        )

    async def UpsertAuthTenant(
        self, request: pb.UpsertAuthTenantRequest, context: Context
    ) -> Empty:
        del context
        tenant_id = parse_id(request.id, _invalid("id", "is a UUID"))
        return await self._run(
            request,
            scope=_OPERATOR,
            work=lambda session: self._tenants.upsert(
                session,
                tenant_id=tenant_id,
                idp_consent_url=optional(request, "idp_consent_url"),
                idp_secret=optional(request, "idp_secret"),
                api_secret=request.api_secret,
                wallet_address_url=optional(request, "wallet_address_url"),
            ),
        )

    async def DeleteAuthTenant(
        self, request: pb.DeleteAuthTenantRequest, context: Context
    ) -> Empty:
        del context
        tenant_id = parse_id(request.id, UnknownTenant(request.id))
        return await self._run(
            request,
            scope=_OPERATOR,
            work=lambda session: self._tenants.delete(session, tenant_id),
        )

    async def _run(
        self, request: _Request, *, scope: str, work: Callable[[WriteSession], Awaitable[None]]
    ) -> Empty:
        """One transaction, once for the request's idempotency key."""

        async def reply(session: WriteSession) -> Empty:
            await work(session)
            return Empty()

        return await self._calls.run(
            scope=scope,
            key=request.idempotency_key,
            request=request,
            reply_type=Empty,
            work=reply,
        )


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
