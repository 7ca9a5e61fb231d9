"""A tenant as far as authorisation needs it."""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

URL_CHARACTERS_MAX: Final = 2048
SECRET_CHARACTERS_MAX: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A tenant; its secrets are kept as SHA-256."""

    id: UUID
    idp_consent_url: str | None
    idp_secret_hash: bytes | None = field(repr=False)
    wallet_address_url: str | None = None
    """What its own wallet addresses begin with, canonical; None when they lie among the node's."""

    @property
    def can_interact(self) -> bool:
        """Whether users can be asked: there is a consent page, and a way to know its provider."""
        return self.idp_consent_url is not None and self.idp_secret_hash is not None
