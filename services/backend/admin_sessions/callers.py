"""Whose an Admin call is, and what others than the operator may not ask for.

A tenant sees and changes what is its own: whatever it asks for is asked for itself.
"""

from collections.abc import Iterable
from typing import Final, Protocol
from uuid import UUID

from google.protobuf.message import Message
from rafiki.admin.v1 import asset_service_pb2 as assets
from rafiki.admin.v1 import reconciliation_service_pb2 as reconciliation
from rafiki.admin.v1 import tenant_service_pb2 as tenants
from rafiki.admin.v1 import wallet_address_service_pb2 as wallets
from servicekit.acting_tenant import Actor, actor_of, confine
from servicekit.errors import InvalidArgument, NotFound, PermissionDenied

from services.backend.tenants.errors import unknown_tenant
from services.backend.tenants.scope import parse_id

_ADMIN: Final = "rafiki.admin.v1"
_OPERATORS: Final = (
    tenants.CreateTenantRequest,
    tenants.DeleteTenantRequest,
    tenants.ListTenantsRequest,
    reconciliation.GetReconciliationRequest,
)
_OWN: Final = (tenants.GetTenantRequest, tenants.UpdateTenantRequest)
_CREATING: Final = (assets.CreateAssetRequest, wallets.CreateWalletAddressRequest)


class Verify(Protocol):
    """What knows tenants by their signatures."""

    async def __call__(self, *, tenant_id: str, signature: str, body: bytes, call: str) -> object:
        """Return when the tenant signed the body; raises Unauthenticated."""
        ...


class AdminCallers:
    """Finds out for whom a call is made, and keeps it to what is theirs."""

    def __init__(self, *, verify: Verify, operator_id: UUID) -> None:
        self._verify = verify
        self._operator_id = str(operator_id)

    async def admit(self, message: Message, metadata: Iterable[tuple[str, str | bytes]]) -> None:
        """Check and confine a call of the Admin API; others pass.

        Raises:
            Unauthenticated: the tenant that it names did not sign it.
            PermissionDenied: only the operator may ask for that.
            NotFound: it asks for another tenant.
            InvalidArgument: it would create something for another tenant.
        """
        if message.DESCRIPTOR.file.package != _ADMIN:
            return
        actor = actor_of(metadata)
        if actor is None:
            return
        await self._check(actor)
        # A UUID may be written in several ways; from here on there is one.
        own = str(parse_id(actor.tenant_id, unknown_tenant(actor.tenant_id)))
        if own != self._operator_id:
            _keep_to(message, own)

    async def _check(self, actor: Actor) -> None:
        signature = actor.signature
        if signature is not None:
            await self._verify(
                tenant_id=actor.tenant_id,
                signature=signature.text,
                body=signature.body,
                call=signature.call,
            )


def _keep_to(message: Message, own: str) -> None:
    if isinstance(message, _OPERATORS):
        raise PermissionDenied("FORBIDDEN", "only the operator may do this")
    if isinstance(message, _OWN) and message.id != own:
        refused: NotFound = unknown_tenant(message.id)
        raise refused
    if isinstance(message, _CREATING) and message.tenant_id not in ("", own):
        raise InvalidArgument(
            "INVALID_FIELD",
            "Assignment to the specified tenant is not permitted",
            field="tenantId",
        )
    confine(message, own)
