"""Which tenant's things a call may see and change: the caller's own, for the operator all."""

from typing import Final

from google.protobuf.message import Message
from rafiki.admin.v1 import asset_service_pb2 as assets
from rafiki.admin.v1 import tenant_service_pb2 as tenants
from rafiki.admin.v1 import wallet_address_service_pb2 as wallets
from servicekit.errors import InvalidArgument, NotFound, PermissionDenied

_OPERATORS: Final = (
    tenants.CreateTenantRequest,
    tenants.DeleteTenantRequest,
    tenants.ListTenantsRequest,
)
_OWN: Final = (tenants.GetTenantRequest, tenants.UpdateTenantRequest)
_CREATING: Final = (assets.CreateAssetRequest, wallets.CreateWalletAddressRequest)


def confine(message: Message, caller: tenants.VerifyApiSignatureResponse) -> None:
    """Let a message ask for nothing but what is the caller's.

    Raises:
        PermissionDenied: only the operator may ask for that.
        NotFound: it names another tenant.
        InvalidArgument: it creates something for another tenant.
    """
    if caller.is_operator:
        return
    own = caller.tenant_id
    if isinstance(message, _OPERATORS):
        raise PermissionDenied("FORBIDDEN", "only the operator may do this")
    if isinstance(message, _OWN) and message.id != own:
        raise NotFound("UNKNOWN_TENANT", "unknown tenant", metadata={"id": message.id})
    if isinstance(message, _CREATING) and message.tenant_id not in ("", own):
        raise InvalidArgument(
            "INVALID_FIELD",
            "Assignment to the specified tenant is not permitted",
            field="tenantId",
        )
    if "tenant_id" in message.DESCRIPTOR.fields_by_name:
        message.tenant_id = own  # type: ignore[attr-defined] # it has the field
