"""What a token allows, as a resource server sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ilpkit.openpayments.access import AccessItem


@dataclass(frozen=True, slots=True)
class WalletAddressClient:
    """A client known by its wallet address, where its keys are published."""

    url: str


@dataclass(frozen=True, slots=True)
class JwkClient:
    """A client that is nothing but its public key."""

    jwk: Mapping[str, Any]


Client: TypeAlias = WalletAddressClient | JwkClient


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveToken:
    """A token that is valid now."""

    grant_id: str
    client: Client
    access: tuple[AccessItem, ...]
    """The granted items that cover what was asked; all of them when nothing was."""
    tenant_id: str | None = None
    """Whose server gave the grant; None from a server that knows no tenants."""


@dataclass(frozen=True, slots=True)
class InactiveToken:
    """A token that is unknown, expired, revoked, or of a grant that is no longer live."""


Introspection: TypeAlias = ActiveToken | InactiveToken
INACTIVE = InactiveToken()
