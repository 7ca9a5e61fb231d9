"""Whose rows a call may see and make: a tenant's own, or for the operator everyone's."""

from dataclasses import dataclass
from uuid import UUID

from servicekit.errors import InvalidArgument, NotFound


@dataclass(frozen=True, slots=True)
class Scope:
    """The acting tenant."""

    owner: UUID
    """What the call creates belongs to this tenant."""
    sees_all: bool
    """Whether it is the operator."""

    @property
    def filter(self) -> UUID | None:
        """The tenant that rows must belong to; None means any."""
        return None if self.sees_all else self.owner


class Scopes:
    """Makes scopes from the `tenant_id` of a request; absent means the operator."""

    def __init__(self, *, operator_id: UUID) -> None:
        self._operator_id = operator_id

    def of(self, tenant_id: str | None) -> Scope:
        """The scope of a request."""
        owner = self._operator_id if not tenant_id else parse_uuid(tenant_id, "tenant_id")
        return Scope(owner, sees_all=owner == self._operator_id)


def parse_uuid(text: str, field: str) -> UUID:
    """A UUID from a request; raises InvalidArgument that names the field."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidArgument("INVALID_FIELD", f"{field} is a UUID", field=field) from None


def parse_id(text: str, missing: NotFound) -> UUID:
    """A UUID from a request that names something; what is no UUID names nothing."""
    try:
        return UUID(text)
    except ValueError:
        raise missing from None
