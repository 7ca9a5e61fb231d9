"""What clients ask, and what they are answered."""

from dataclasses import dataclass, field
from uuid import UUID

from ilpkit.gnap.client import Client
from ilpkit.gnap.request import GrantRequest

from services.auth.grants.model import Grant, NewGrant
from services.auth.interactions.model import Interaction
from services.auth.tokens.model import IssuedToken


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantTimes:
    """Seconds between continuations, and seconds that a user has to decide."""

    wait_s: int
    interaction_life_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedGrant:
    """A request for a grant at a tenant's grant endpoint."""

    tenant_id: UUID
    request: GrantRequest
    client: Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """A continuation: which grant, and what proves that it is the client's."""

    continue_id: UUID
    continue_token: str = field(repr=False)
    grant_id: UUID | None
    """The grant that the guard has seen this token belong to; None if it was not asked."""
    interact_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantAnswer:
    """The answer to a request or continuation: a token, an interaction, or only how to go on."""

    grant: NewGrant | Grant
    continue_token: str = field(repr=False)
    token: IssuedToken | None = None
    interaction: Interaction | None = None
    wait_s: int | None = None
    approved: bool = False
