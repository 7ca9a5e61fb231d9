"""Transfers of an account in the node's ledger."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta
from enum import Enum
from typing import Any, Final
from uuid import UUID

import strawberry
from google.protobuf.timestamp_pb2 import Timestamp
from rafiki.admin.v1 import (
    asset_service_pb2,
    payment_service_pb2,
    peer_service_pb2,
    wallet_address_service_pb2,
)
from rafiki.ledger.v1 import ledger_pb2, ledger_service_pb2
from servicekit.errors import InvalidArgument, NotFound

from services.frontend.clients import Clients
from services.frontend.graphql.common import IdArgument, Model, documented
from services.frontend.graphql.context import Info
from services.frontend.graphql.scalars import UInt8, UInt64, iso

LIMIT_DEFAULT: Final = 20
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
    ledger_pb2.TRANSFER_KIND_PENDING: TransferState.PENDING,
    ledger_pb2.TRANSFER_KIND_VOID: TransferState.VOIDED,
}
_TYPES: Final = {2: TransferType.DEPOSIT, 3: TransferType.WITHDRAWAL}


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


def transfer_node(message: ledger_pb2.Transfer) -> AccountingTransfer:
    """A transfer from the wire."""
    return AccountingTransfer(
        id=strawberry.ID(message.id),
        debit_account_id=strawberry.ID(message.debit_account_id),
        credit_account_id=strawberry.ID(message.credit_account_id),
        amount=UInt64(message.amount),
        transfer_type=_TYPES.get(message.code, TransferType.TRANSFER),
        ledger=UInt8(message.ledger),
        created_at=iso(message.applied_at),
        state=_STATES.get(message.kind, TransferState.POSTED),
        expires_at=_expiry(message),
    )


@strawberry.type
class AccountingTransferQuery:
    """Reads of the ledger."""

    @documented
    async def accounting_transfers(
        self, info: Info, account_id: IdArgument, limit: int | None = None
    ) -> AccountingTransferConnection:
        """The newest transfers of an account."""
        size = LIMIT_DEFAULT if limit is None else limit
        if not 1 <= size <= LIMIT_MAX:
            raise InvalidArgument(
                "INVALID_FIELD", f"limit lies between 1 and {LIMIT_MAX}", field="limit"
            )
        account_id = _account_id(account_id)
        await _require_account(info, account_id)
        reply = await info.context.clients.ledger.ListAccountTransfers(
            ledger_service_pb2.ListAccountTransfersRequest(account_id=account_id, limit=size)
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


async def _require_account(info: Info, account_id: str) -> None:
    """Raise NotFound unless the caller may see what the account stands for.

    The ledger knows no tenants, so whoever is not the operator must be able to read the row that
    the account belongs to.
    """
    tenant_id = info.context.scope()
    if tenant_id is None:
        return
    reads = _reads(info.context.clients, tenant_id, account_id)
    results = await asyncio.gather(*(read() for read in reads), return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    if len(errors) < len(results):
        return
    for error in errors:
        if not isinstance(error, NotFound):
            raise error
    raise NotFound("UNKNOWN_ACCOUNT", "unknown account", metadata={"account": account_id})


def _reads(
    clients: Clients, tenant_id: str, account_id: str
) -> tuple[Callable[[], Awaitable[Any]], ...]:
    """A read of each kind of row that has an account under its own id."""
    payments = clients.payments
    addresses = wallet_address_service_pb2
    return (
        lambda: clients.assets.GetAsset(
            asset_service_pb2.GetAssetRequest(tenant_id=tenant_id, id=account_id)
        ),
        lambda: clients.peers.GetPeer(
            peer_service_pb2.GetPeerRequest(tenant_id=tenant_id, id=account_id)
        ),
        lambda: clients.wallet_addresses.GetWalletAddress(
            addresses.GetWalletAddressRequest(tenant_id=tenant_id, id=account_id)
        ),
        lambda: payments.GetIncomingPayment(
            payment_service_pb2.GetIncomingPaymentRequest(tenant_id=tenant_id, id=account_id)
        ),
        lambda: payments.GetOutgoingPayment(
            payment_service_pb2.GetOutgoingPaymentRequest(tenant_id=tenant_id, id=account_id)
        ),
    )


def _expiry(message: ledger_pb2.Transfer) -> str | None:
    if message.kind != ledger_pb2.TRANSFER_KIND_PENDING or not message.timeout_seconds:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(
        message.applied_at.ToDatetime(tzinfo=UTC) + timedelta(seconds=message.timeout_seconds)
    )
    return iso(stamp)
