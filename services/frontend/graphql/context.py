"""What a request's resolvers share: who calls, the clients, and the request's own loaders."""

from dataclasses import dataclass, field
from typing import TypeAlias

import strawberry
from servicekit.errors import InvalidArgument, NotFound, PermissionDenied
from servicekit.ids import IdSource

from services.frontend.clients import Clients
from services.frontend.graphql.loaders import Loaders


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed the request."""

    tenant_id: str
    is_operator: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminContext:
    """Of one request, and dropped with it."""

    caller: Caller
    clients: Clients
    ids: IdSource
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "loaders", Loaders(self.clients, tenant_id=self.scope()))

    def scope(self, tenant_id: str | None = None) -> str | None:
        """The `tenant_id` of a call that reads or changes: the operator's choice, else one's own.

        None means the operator, who sees all tenants.
        """
        return tenant_id if self.caller.is_operator else self.caller.tenant_id

    def scope_to_create(self, tenant_id: str | None) -> str | None:
        """The `tenant_id` of a call that creates; raises InvalidArgument for someone else's."""
        if tenant_id not in (None, self.caller.tenant_id) and not self.caller.is_operator:
            raise InvalidArgument(
                "INVALID_FIELD",
                "Assignment to the specified tenant is not permitted",
                field="tenantId",
            )
        return self.scope(tenant_id)

    def require_operator(self) -> None:
        """Raise PermissionDenied for everyone else."""
        if not self.caller.is_operator:
            raise PermissionDenied("FORBIDDEN", "only the operator may do this")

    def require_tenant(self, tenant_id: str) -> None:
        """Raise NotFound for a tenant that the caller may not know of."""
        if not self.caller.is_operator and tenant_id != self.caller.tenant_id:
            raise NotFound("UNKNOWN_TENANT", "unknown tenant", metadata={"id": tenant_id})

    def key(self, given: str | None = None) -> str:
        """The caller's idempotency key, or a new one."""
        return given or str(self.ids.uuid())


Info: TypeAlias = strawberry.Info[AdminContext, None]
