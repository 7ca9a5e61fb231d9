"""What a token allows, as a resource server sees it."""

from dataclasses import dataclass
from typing import TypeAlias

from ilpkit.gnap.client import Client
from ilpkit.openpayments.access import AccessItem


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveToken:
    """A token that is valid now."""

    grant_id: str
    client: Client
    access: tuple[AccessItem, ...]
    """The granted items that cover what was asked; all of them when nothing was."""
    tenant_id: str | None = None
    """Whose server gave the grant; None from a server that knows no tenants."""
    expires_in_s: int | None = None
    """How long it is valid, unless it is revoked; None from a server that does not say."""


@dataclass(frozen=True, slots=True)
class InactiveToken:
    """A token that is unknown, expired, revoked, or of a grant that is no longer live."""


Introspection: TypeAlias = ActiveToken | InactiveToken
INACTIVE = InactiveToken()
