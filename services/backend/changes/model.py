"""What every process holds in memory, and the words in which a change of it is told."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Kind(StrEnum):
    """Rows of which kind."""

    TENANT = "TENANT"
    """With its settings."""
    ASSET = "ASSET"
    """With its fees."""
    PEER = "PEER"
    """With its tokens."""
    WALLET_ADDRESS = "WALLET_ADDRESS"
    """With its keys."""


@dataclass(frozen=True, slots=True)
class Change:
    """A row that is new, another, or gone."""

    kind: Kind
    id: UUID


def encode_change(change: Change) -> str:
    """As a notification carries it."""
    return f"{change.kind} {change.id}"


def decode_change(payload: str) -> Change:
    """What a notification carries."""
    kind, row_id = payload.split(" ")
    return Change(Kind(kind), UUID(row_id))
