"""What can be wrong with tenants."""

from uuid import UUID

from servicekit.errors import (
    AlreadyExists,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unauthenticated,
)


def unknown_tenant(tenant_id: UUID | str) -> NotFound:
    """No such tenant."""
    return NotFound(
        "UNKNOWN_TENANT", f"there is no tenant {tenant_id}", metadata={"id": str(tenant_id)}
    )


def signature_refused() -> Unauthenticated:
    """Unknown tenant, wrong secret, too old or used before; callers learn no more."""
    return Unauthenticated(
        "SIGNATURE_INVALID", "the Admin API signature is missing, wrong, too old or used before"
    )


def duplicate_tenant(tenant_id: UUID) -> AlreadyExists:
    """The id is taken, maybe by a deleted tenant."""
    return AlreadyExists(
        "INVALID_FIELD",
        f"the id {tenant_id} is taken; leave it out to get a new one",
        field="id",
        metadata={"field": "id"},
    )


def duplicate_setting(key: str) -> AlreadyExists:
    """Another tenant has this value, or one above or below it."""
    return AlreadyExists(
        "INVALID_FIELD",
        f"another tenant has this {key}, or a name above or below it; choose another",
        field="settings",
        metadata={"field": "settings", "limit": key},
    )


def peer_has_address(address: str) -> AlreadyExists:
    """A peer is reached at an address that a tenant wants."""
    return AlreadyExists(
        "INVALID_FIELD",
        f"the ILP address overlaps with {address} of a peer; choose another ILP_ADDRESS",
        field="settings",
        metadata={"field": "settings", "limit": "ILP_ADDRESS"},
    )


def invalid_field(field: str, rule: str) -> InvalidArgument:
    """A field is malformed."""
    return InvalidArgument(
        "INVALID_FIELD", f"{field} {rule}", field=field, metadata={"field": field, "limit": rule}
    )


def operator_is_fixed(what: str) -> PermissionDenied:
    """The operator's tenant comes from the node's settings."""
    return PermissionDenied("FORBIDDEN", f"the operator's tenant can't be {what} here")
