"""A grant and its states.

    PENDING ──(finish, user agreed)──► APPROVED ──(continuation)──► FINALIZED/ISSUED
       │                                  │                              │
       └─(finish, user refused)─► FINALIZED/REJECTED                     │
    any live state ──(cancel, revoke, tenant deleted)──────────► FINALIZED/REVOKED

A grant without interaction is APPROVED from the start and stays so: its token came with the first
answer. PROCESSING is part of the contract and never set.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from ilpkit.gnap.client import Client


class GrantState(StrEnum):
    """Where a grant stands."""

    PROCESSING = "PROCESSING"
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    FINALIZED = "FINALIZED"


class Finalization(StrEnum):
    """Why a finalized grant is final."""

    ISSUED = "ISSUED"
    REVOKED = "REVOKED"
    REJECTED = "REJECTED"


_LIVE = frozenset(
    {
        (GrantState.PROCESSING, None),
        (GrantState.PENDING, None),
        (GrantState.APPROVED, None),
        (GrantState.FINALIZED, Finalization.ISSUED),
    }
)
TRANSITIONS: Mapping[tuple[GrantState, Finalization | None], frozenset[tuple[str, str | None]]] = (
    MappingProxyType(
        {
            (GrantState.PENDING, None): frozenset(
                {("APPROVED", None), ("FINALIZED", "REJECTED"), ("FINALIZED", "REVOKED")}
            ),
            (GrantState.APPROVED, None): frozenset(
                {("FINALIZED", "ISSUED"), ("FINALIZED", "REVOKED")}
            ),
            (GrantState.FINALIZED, Finalization.ISSUED): frozenset({("FINALIZED", "REVOKED")}),
        }
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Where the user comes back to, and the client's share of the interaction hash."""

    uri: str
    nonce: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A grant. `access` and `subject_ids` are in wire form, and never change."""

    id: UUID
    tenant_id: UUID
    client: Client
    client_name: str | None
    """What a consent page calls the client; only with interaction."""
    access: tuple[Mapping[str, Any], ...]
    subject_ids: tuple[Mapping[str, str], ...]
    state: GrantState
    finalization: Finalization | None
    interactive: bool
    finish: Finish | None
    continue_id: UUID
    created_at: datetime
    continued_at: datetime | None
    """When the client last polled."""

    @property
    def live(self) -> bool:
        """Whether tokens of this grant may be used and rotated: neither revoked nor rejected."""
        return (self.state, self.finalization) in _LIVE

    def allows(self, state: GrantState, finalization: Finalization | None = None) -> bool:
        """Whether the table above lets this grant go there."""
        return (state, finalization) in TRANSITIONS.get((self.state, self.finalization), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGrant:
    """A grant to be stored. The continue token is stored as its SHA-256, never itself."""

    id: UUID
    tenant_id: UUID
    client: Client
    client_name: str | None
    access: tuple[Mapping[str, Any], ...]
    subject_ids: tuple[Mapping[str, str], ...]
    state: GrantState
    interactive: bool
    finish: Finish | None
    continue_id: UUID
    continue_token_hash: bytes = field(repr=False)
    created_at: datetime
