"""What can be wrong with tenants."""

from uuid import UUID

from servicekit.errors import NotFound, Unauthenticated


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
