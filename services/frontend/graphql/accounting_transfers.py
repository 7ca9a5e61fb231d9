"""Transfers of an account in the node's ledger."""

from enum import Enum
from typing import Final
from uuid import UUID

import strawberry
from rafiki.admin.v1 import liquidity_service_pb2 as pb
from servicekit.errors import InvalidArgument

from services.frontend.graphql.common import IdArgument, Model, documented
from services.frontend.graphql.context import Info
from services.frontend.graphql.scalars import UInt8, UInt64, iso, optional_iso

LIMIT_MAX: Final = 100
LEDGER_MAX: Final = 2**32 - 1


@strawberry.enum
class TransferState(Enum):
    """What became of a transfer."""

    PENDING = "PENDING"
    POSTED = "POSTED"
    VOIDED = "VOIDED"


@strawberry.enum
class TransferType(Enum):
    """What a transfer is for."""

    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    TRANSFER = "TRANSFER"


_STATES: Final = {
    pb.ACCOUNTING_TRANSFER_STATE_PENDING: TransferState.PENDING,
    pb.ACCOUNTING_TRANSFER_STATE_POSTED: TransferState.POSTED,
    pb.ACCOUNTING_TRANSFER_STATE_VOIDED: TransferState.VOIDED,
}
_TYPES: Final = {
    pb.ACCOUNTING_TRANSFER_TYPE_TRANSFER: TransferType.TRANSFER,
    pb.ACCOUNTING_TRANSFER_TYPE_DEPOSIT: TransferType.DEPOSIT,
    pb.ACCOUNTING_TRANSFER_TYPE_WITHDRAWAL: TransferType.WITHDRAWAL,
}


@strawberry.type(description="A movement between two accounts of the ledger.")
class AccountingTransfer(Model):
    """A movement between two accounts of the ledger."""

    id: strawberry.ID
    debit_account_id: strawberry.ID
    credit_account_id: strawberry.ID
    amount: UInt64
    transfer_type: TransferType
    ledger: UInt8
    created_at: str
    state: TransferState
    expires_at: str | None


@strawberry.type
class AccountingTransferConnection:
    """An account's newest transfers, by the side that it is on."""

    debits: list[AccountingTransfer]
    credits: list[AccountingTransfer]


def transfer_node(message: pb.AccountingTransfer) -> AccountingTransfer:
    """A transfer from the wire."""
    return AccountingTransfer(
        id=strawberry.ID(message.id),
        debit_account_id=strawberry.ID(message.debit_account_id),
        credit_account_id=strawberry.ID(message.credit_account_id),
        amount=UInt64(message.amount),
        transfer_type=_TYPES[message.type],
        ledger=UInt8(message.ledger),
        created_at=iso(message.created_at),
        state=_STATES[message.state],
        expires_at=optional_iso(message, "expires_at"),
    )


@strawberry.type
class AccountingTransferQuery:
    """Reads of the ledger."""

    @documented
    async def accounting_transfers(
        self, info: Info, account_id: IdArgument, limit: int | None = None
    ) -> AccountingTransferConnection:
        """The newest transfers of an account."""
        if limit is not None and not 1 <= limit <= LIMIT_MAX:
            raise InvalidArgument(
                "INVALID_FIELD", f"limit lies between 1 and {LIMIT_MAX}", field="limit"
            )
        account_id = _account_id(account_id)
        reply = await info.context.clients.liquidity.ListAccountingTransfers(
            pb.ListAccountingTransfersRequest(
                tenant_id=info.context.scope(), account_id=account_id, limit=limit or 0
            )
        )
        nodes = [transfer_node(message) for message in reply.transfers]
        return AccountingTransferConnection(
            debits=[node for node in nodes if node.debit_account_id == account_id],
            credits=[node for node in nodes if node.credit_account_id == account_id],
        )


def _account_id(given: str) -> str:
    """An account's UUID; a settlement account is also known by its ledger's number."""
    if given.isascii() and given.isdecimal() and int(given) <= LEDGER_MAX:
        return str(UUID(int=int(given)))
    return given
