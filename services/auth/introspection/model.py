"""The answer to an introspection."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ilpkit.gnap.client import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveToken:
    """What an active token allows; access items in wire form."""

    grant_id: UUID
    tenant_id: UUID
    client: Client
    access: tuple[Mapping[str, Any], ...]
    expires_at: datetime
