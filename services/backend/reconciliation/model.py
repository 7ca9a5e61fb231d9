"""What a comparison finds."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Kind(StrEnum):
    """What does not agree."""

    ACCOUNT = "ACCOUNT"
    """An account's totals are not the sum of its transfers."""
    SENT = "SENT"
    """An ended outgoing payment says that it sent another amount than left its account."""
    RECEIVED = "RECEIVED"
    """An ended incoming payment says that it received another amount than came to its account."""
    EVENT = "EVENT"
    """A payment ended and no event tells of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Two records of one thing that do not agree, in the asset's units; of events, their number."""

    kind: Kind
    subject_id: UUID
    """The account or payment."""
    expected: int
    """What the transfers come to."""
    found: int
    """What is written down."""
    transfer_id: UUID | None = None
    """The first transfer from which the two differ; None when no transfer tells them apart."""
    transfer_timestamp: int | None = None
    """The ledger's."""

    @property
    def key(self) -> tuple[Kind, UUID]:
        """One difference is open under it at a time."""
        return self.kind, self.subject_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A finding that was made twice."""

    id: UUID
    finding: Finding
    found_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """Where an account's totals last were the sum of its transfers."""

    account_id: UUID
    timestamp: int
    """Of the last transfer, the ledger's; 0 before the first."""
    debits: int
    credits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTotals:
    """What came into an asset's ledger from outside and went out, as far as it was compared."""

    ledger: int
    asset_id: UUID
    deposited: int
    withdrawn: int
    compared_until: int
    """The last transfer's timestamp, the ledger's."""
