"""Deposits and withdrawals, and transfers as accounts show them."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.backend.ledger.ids import derive_id
from services.backend.ledger.model import NANOSECONDS_PER_SECOND, TransferKind, TransferRecord
from services.backend.ledger.rules.accounting import Plan, deposit, withdrawal


class Holder(StrEnum):
    """What has an account that money is brought to or taken from."""

    ASSET = "ASSET"
    PEER = "PEER"
    WALLET_ADDRESS = "WALLET_ADDRESS"
    INCOMING_PAYMENT = "INCOMING_PAYMENT"
    OUTGOING_PAYMENT = "OUTGOING_PAYMENT"


class Kind(StrEnum):
    """Which way money crosses the node's border."""

    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidityTransfer:
    """A deposit or withdrawal under a name that its tenant knows; the ledger knows its state."""

    transfer_id: UUID
    """Of its transfer in the ledger."""
    tenant_id: UUID
    id: UUID
    """The tenant's name for it; of a withdrawal from a payment the id of the event that told of the
    money, under which each try has a transfer of its own."""
    kind: Kind
    account_id: UUID
    asset_id: UUID
    ledger: int
    """The asset's."""
    amount: int
    """In the asset's units."""
    timeout_s: int
    """0 when it moves at once; else it is pending until posted, voided or timed out."""
    created_at: datetime

    def asks_the_same(self, other: "LiquidityTransfer") -> bool:
        """Whether both are one request, whenever each was made."""
        return replace(other, created_at=self.created_at) == self

    @property
    def id_is_events(self) -> bool:
        """Whether the id is that of an event that told of the money, not the caller's choice."""
        return self.transfer_id != transfer_id_of(self.tenant_id, self.id)

    @property
    def plan(self) -> Plan:
        """What it is in the ledger."""
        build = deposit if self.kind is Kind.DEPOSIT else withdrawal
        return build(
            transfer_id=self.transfer_id.int,
            account_id=self.account_id.int,
            ledger=self.ledger,
            amount=self.amount,
            timeout_s=self.timeout_s,
            cause_id=self.account_id.int,
        )


def transfer_id_of(tenant_id: UUID, chosen_id: UUID) -> UUID:
    """The ledger's id for an id that a tenant chose.

    Each tenant's ids are a space of their own, and none of them meets an id that the node derives
    for a transfer of its own.
    """
    return UUID(int=derive_id("liquidity transfer", tenant_id.int, chosen_id.int))


def payment_transfer_id(event_id: UUID, number: int) -> UUID:
    """The ledger's id for one of the tries, from 0 on, to withdraw what an event told of."""
    return UUID(int=derive_id("payment withdrawal", event_id.int, number))


class TransferState(StrEnum):
    """What became of a transfer."""

    PENDING = "PENDING"
    POSTED = "POSTED"
    VOIDED = "VOIDED"
    """Released without moving: voided or timed out."""


def state_of(record: TransferRecord, end: TransferRecord | None, *, now_ns: int) -> TransferState:
    """What became of a transfer, given the post or void that resolved it, if any did."""
    if record.kind is not TransferKind.PENDING:
        return TransferState.POSTED
    if end is not None:
        posted = end.kind is TransferKind.POST and end.amount > 0
        return TransferState.POSTED if posted else TransferState.VOIDED
    expires_ns = expiry_ns(record)
    timed_out = expires_ns is not None and expires_ns <= now_ns
    return TransferState.VOIDED if timed_out else TransferState.PENDING


def expiry_ns(record: TransferRecord) -> int | None:
    """When a reservation times out, in nanoseconds since 1970; None when it never does."""
    if record.kind is not TransferKind.PENDING or not record.timeout_s:
        return None
    return record.timestamp + record.timeout_s * NANOSECONDS_PER_SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountingTransfer:
    """A movement between two accounts as it stands now; a reservation and its end are one."""

    id: UUID
    """The tenant's id of a deposit or withdrawal, else the ledger's."""
    debit_account_id: UUID
    credit_account_id: UUID
    amount: int
    """In the asset's units; of a reservation that was posted in part, what was posted."""
    code: int
    """A TransferCode, or what an operator wrote into the ledger."""
    ledger: int
    state: TransferState
    created_at: datetime
    expires_at: datetime | None
    """When a reservation times out or timed out; None when it never does."""
