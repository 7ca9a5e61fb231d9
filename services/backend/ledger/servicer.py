"""LedgerService over gRPC: proto to model and back, and one call into the ledger.

What the ledger answers to a transfer is a status in the reply. A call as a whole fails only when it
can't be read (nothing was written then), or when the ledger did not answer; a retry with the same
ids is safe in each case.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

import structlog
from google.protobuf.timestamp_pb2 import Timestamp
from grpc.aio import ServicerContext
from rafiki.common.v1.error_reason_pb2 import ErrorReason
from rafiki.ledger.v1 import ledger_pb2, ledger_service_pb2
from rafiki.ledger.v1.ledger_service_pb2_grpc import LedgerServiceServicer
from servicekit.error_mapping import as_service_error
from servicekit.errors import REASON_PREFIX, Internal, InvalidArgument, ServiceError

from services.backend.ledger.errors import AccountStatus, TransferStatus
from services.backend.ledger.ids import is_derived
from services.backend.ledger.interface import Ledger
from services.backend.ledger.model import (
    FULL_AMOUNT,
    NANOSECONDS_PER_SECOND,
    TIMESTAMP_MAX,
    Account,
    AccountFlags,
    ChainResult,
    NewAccount,
    Transfer,
    TransferKind,
    TransferRecord,
)
from services.backend.ledger.rules.chart import AccountCode, new_account
from services.backend.ledger.rules.validation import check_chain

ITEMS_MAX: Final = 1_000  # accounts, ids or chains in one message
PAGE_TRANSFERS_MAX: Final = 1_000
PAGE_TRANSFERS_DEFAULT: Final = 100
STREAM_BATCHES_IN_FLIGHT_MAX: Final = 16

_CURSOR_DIGITS_MAX: Final = 19
_NO_ID: Final = -1  # no UUID, or not the caller's to name; the ledger answers InvalidId to it

_log = structlog.get_logger(__name__)
_Context = ServicerContext[object, object]
_Pb = ledger_pb2.TransferStatus

_KINDS: Final = {
    ledger_pb2.TRANSFER_KIND_SINGLE: TransferKind.SINGLE,
    ledger_pb2.TRANSFER_KIND_PENDING: TransferKind.PENDING,
    ledger_pb2.TRANSFER_KIND_POST: TransferKind.POST,
    ledger_pb2.TRANSFER_KIND_VOID: TransferKind.VOID,
}
_KINDS_OUT: Final = {kind: number for number, kind in _KINDS.items()}

_TRANSFER_STATUSES: Final = {
    TransferStatus.CREATED: _Pb.TRANSFER_STATUS_CREATED,
    TransferStatus.EXISTS: _Pb.TRANSFER_STATUS_EXISTS,
    TransferStatus.LINKED_TRANSFER_FAILED: _Pb.TRANSFER_STATUS_CHAIN_FAILED,
    TransferStatus.TRANSFER_EXISTS: _Pb.TRANSFER_STATUS_TRANSFER_EXISTS,
    TransferStatus.INVALID_ID: _Pb.TRANSFER_STATUS_INVALID_ID,
    TransferStatus.ID_ALREADY_FAILED: _Pb.TRANSFER_STATUS_INVALID_ID,
    TransferStatus.INVALID_USER_DATA: _Pb.TRANSFER_STATUS_INVALID_ID,  # the cause's id
    TransferStatus.DEPOSIT_TOO_LARGE: _Pb.TRANSFER_STATUS_INVALID_AMOUNT,
    TransferStatus.INVALID_AMOUNT: _Pb.TRANSFER_STATUS_INVALID_AMOUNT,
    TransferStatus.INVALID_SOURCE_AMOUNT: _Pb.TRANSFER_STATUS_INVALID_AMOUNT,
    TransferStatus.INVALID_DESTINATION_AMOUNT: _Pb.TRANSFER_STATUS_INVALID_AMOUNT,
    TransferStatus.SAME_ACCOUNTS: _Pb.TRANSFER_STATUS_SAME_ACCOUNTS,
    TransferStatus.DIFFERENT_ASSETS: _Pb.TRANSFER_STATUS_DIFFERENT_ASSETS,
    TransferStatus.UNKNOWN_SOURCE_ACCOUNT: _Pb.TRANSFER_STATUS_UNKNOWN_SOURCE_ACCOUNT,
    TransferStatus.UNKNOWN_DESTINATION_ACCOUNT: _Pb.TRANSFER_STATUS_UNKNOWN_DESTINATION_ACCOUNT,
    TransferStatus.INSUFFICIENT_BALANCE: _Pb.TRANSFER_STATUS_INSUFFICIENT_BALANCE,
    TransferStatus.ALLOWANCE_EXCEEDED: _Pb.TRANSFER_STATUS_INSUFFICIENT_BALANCE,
    TransferStatus.INSUFFICIENT_DEBIT_BALANCE: _Pb.TRANSFER_STATUS_INSUFFICIENT_DEBIT_BALANCE,
    TransferStatus.INSUFFICIENT_LIQUIDITY: _Pb.TRANSFER_STATUS_INSUFFICIENT_LIQUIDITY,
    TransferStatus.UNKNOWN_TRANSFER: _Pb.TRANSFER_STATUS_UNKNOWN_TRANSFER,
    TransferStatus.ALREADY_POSTED: _Pb.TRANSFER_STATUS_ALREADY_POSTED,
    TransferStatus.ALREADY_VOIDED: _Pb.TRANSFER_STATUS_ALREADY_VOIDED,
    TransferStatus.TRANSFER_EXPIRED: _Pb.TRANSFER_STATUS_TRANSFER_EXPIRED,
    TransferStatus.INVALID_TIMEOUT: _Pb.TRANSFER_STATUS_INVALID_TIMEOUT,
}
# Refusals of a number that the contract has no status for: the request as a whole is wrong.
_UNREADABLE: Final = {
    TransferStatus.INVALID_CODE: "code",
    TransferStatus.INVALID_LEDGER: "ledger",
}
_ACCOUNT_STATUSES: Final = {
    AccountStatus.CREATED: ledger_service_pb2.ACCOUNT_STATUS_CREATED,
    AccountStatus.EXISTS: ledger_service_pb2.ACCOUNT_STATUS_EXISTS,
    AccountStatus.ACCOUNT_EXISTS: ledger_service_pb2.ACCOUNT_STATUS_EXISTS_WITH_OTHER_CONTENT,
}


class LedgerServicer(LedgerServiceServicer):
    """Translates; the decisions are the ledger's."""

    def __init__(self, *, ledger: Ledger) -> None:
        self._ledger = ledger

    async def CreateAccounts(
        self, request: ledger_service_pb2.CreateAccountsRequest, context: _Context
    ) -> ledger_service_pb2.CreateAccountsResponse:
        del context
        _check_count("accounts", len(request.accounts))
        accounts = [_account_in(account) for account in request.accounts]
        results = await self._ledger.create_accounts(accounts)
        invalid = ledger_service_pb2.ACCOUNT_STATUS_INVALID
        return ledger_service_pb2.CreateAccountsResponse(
            statuses=[_ACCOUNT_STATUSES.get(result.status, invalid) for result in results]
        )

    async def LookupAccounts(
        self, request: ledger_service_pb2.LookupAccountsRequest, context: _Context
    ) -> ledger_service_pb2.LookupAccountsResponse:
        del context
        found = await self._ledger.lookup_accounts(_ids_in(request.ids))
        return ledger_service_pb2.LookupAccountsResponse(
            accounts=[_account_out(account) for account in found.values()]
        )

    async def CreateTransfers(
        self, request: ledger_service_pb2.CreateTransfersRequest, context: _Context
    ) -> ledger_service_pb2.CreateTransfersResponse:
        del context
        results = await self._apply(request.chains)
        return ledger_service_pb2.CreateTransfersResponse(results=results)

    async def TransferBatches(  # type: ignore[override]  # replies go through the context
        self,
        request_iterator: AsyncIterator[ledger_service_pb2.TransferBatchesRequest],
        context: _Context,
    ) -> None:
        room = asyncio.Semaphore(STREAM_BATCHES_IN_FLIGHT_MAX)
        writing = asyncio.Lock()

        async def answer(request: ledger_service_pb2.TransferBatchesRequest) -> None:
            try:
                response = await self._batch(request)
                async with writing:
                    await context.write(response)
            finally:
                room.release()

        flying: set[asyncio.Task[None]] = set()
        try:
            async for request in request_iterator:
                await room.acquire()
                task = asyncio.create_task(answer(request))
                flying.add(task)
                task.add_done_callback(flying.discard)
        finally:
            # Also after bytes that are no batch: those before it are answered, then the call fails.
            await asyncio.gather(*flying, return_exceptions=True)

    async def LookupTransfers(
        self, request: ledger_service_pb2.LookupTransfersRequest, context: _Context
    ) -> ledger_service_pb2.LookupTransfersResponse:
        del context
        found = await self._ledger.lookup_transfers(_ids_in(request.ids))
        return ledger_service_pb2.LookupTransfersResponse(
            transfers=[_transfer_out(record) for record in found.values()]
        )

    async def ListAccountTransfers(
        self, request: ledger_service_pb2.ListAccountTransfersRequest, context: _Context
    ) -> ledger_service_pb2.ListAccountTransfersResponse:
        del context
        limit = request.limit or PAGE_TRANSFERS_DEFAULT
        if limit > PAGE_TRANSFERS_MAX:
            raise InvalidArgument(
                "INVALID_PAGE", f"limit is 1 to {PAGE_TRANSFERS_MAX}", field="limit"
            )
        page = await self._ledger.history(
            _required_id(request.account_id, "account_id"),
            cursor=_cursor_in(request.cursor) if request.HasField("cursor") else None,
            limit=limit,
            newest_first=True,
        )
        return ledger_service_pb2.ListAccountTransfersResponse(
            transfers=[_transfer_out(record) for record in page.transfers],
            next_cursor=None if page.cursor is None else str(page.cursor),
        )

    async def _batch(
        self, request: ledger_service_pb2.TransferBatchesRequest
    ) -> ledger_service_pb2.TransferBatchesResponse:
        """The answer to one batch of a stream: an error is the batch's own, not the stream's."""
        try:
            results = await self._apply(request.chains)
        except Exception as error:  # noqa: BLE001 - the other batches are answered whatever it is
            if not isinstance(error, ServiceError):
                _log.exception("ledger_batch_failed", sequence=request.sequence)
            return ledger_service_pb2.TransferBatchesResponse(
                sequence=request.sequence, error=_batch_error_out(as_service_error(error))
            )
        return ledger_service_pb2.TransferBatchesResponse(
            sequence=request.sequence, results=results
        )

    async def _apply(
        self, requested: Sequence[ledger_pb2.Chain]
    ) -> list[ledger_service_pb2.ChainResult]:
        """Apply the chains of one message, in order; all are read before any is written."""
        _check_count("chains", len(requested))
        chains = [_chain_in(chain, index) for index, chain in enumerate(requested)]
        outcomes = await asyncio.gather(
            *(self._ledger.submit(chain) for chain in chains), return_exceptions=True
        )
        results = []
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            results.append(_chain_result_out(outcome))
        return results


def _batch_error_out(error: ServiceError) -> ledger_service_pb2.BatchError:
    return ledger_service_pb2.BatchError(
        reason=ErrorReason.Value(f"{REASON_PREFIX}{error.reason}"),
        message=error.message,
        field=error.field,
    )


def _check_count(field: str, count: int) -> None:
    if not 1 <= count <= ITEMS_MAX:
        raise InvalidArgument("INVALID_FIELD", f"1 to {ITEMS_MAX}, not {count}", field=field)


def _id_in(text: str) -> int:
    try:
        return UUID(text).int
    except ValueError:
        return _NO_ID


def _chosen_id_in(text: str) -> int:
    """An id that the caller chose; the ids that the node derives (version 8) are not theirs."""
    number = _id_in(text)
    return _NO_ID if is_derived(number) else number


def _id_out(number: int) -> str:
    return str(UUID(int=number))


def _required_id(text: str, field: str) -> int:
    number = _id_in(text)
    if number == _NO_ID:
        raise InvalidArgument("INVALID_FIELD", "not a UUID", field=field)
    return number


def _ids_in(ids: Sequence[str]) -> list[int]:
    _check_count("ids", len(ids))
    return [_required_id(text, f"ids[{index}]") for index, text in enumerate(ids)]


def _cursor_in(text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= _CURSOR_DIGITS_MAX:
        cursor = int(text)
        if 0 < cursor < TIMESTAMP_MAX:
            return cursor
    raise InvalidArgument("INVALID_PAGE", "not a cursor of this list", field="cursor")


def _account_in(account: ledger_pb2.Account) -> NewAccount:
    try:
        code = AccountCode(account.kind)
    except ValueError:
        # The ledger answers InvalidCode to 0 and leaves the neighbours alone.
        return NewAccount(_chosen_id_in(account.id), account.ledger, 0, AccountFlags.NONE)
    asset_id = _optional_id_in(account.asset_id)
    return new_account(
        code, account_id=_chosen_id_in(account.id), ledger=account.ledger, asset_id=asset_id
    )


def _account_out(account: Account) -> ledger_pb2.Account:
    kind = ledger_pb2.AccountKind.ValueType(account.code)
    return ledger_pb2.Account(
        id=_id_out(account.id),
        ledger=account.ledger,
        kind=kind,
        debits_posted=str(account.debits_posted),
        debits_pending=str(account.debits_pending),
        credits_posted=str(account.credits_posted),
        credits_pending=str(account.credits_pending),
        asset_id=_id_out(account.user_data_128) if account.user_data_128 else None,
    )


def _chain_in(chain: ledger_pb2.Chain, index: int) -> list[Transfer]:
    transfers = [
        _transfer_in(transfer, at, f"chains[{index}].transfers[{at}]")
        for at, transfer in enumerate(chain.transfers)
    ]
    refusal = check_chain(transfers)
    if refusal is not None and refusal.status in _UNREADABLE:
        field = f"chains[{index}].transfers[{refusal.failed_at}].{_UNREADABLE[refusal.status]}"
        raise InvalidArgument("INVALID_FIELD", "out of range", field=field)
    return transfers


def _transfer_in(transfer: ledger_pb2.Transfer, at: int, field: str) -> Transfer:
    kind = _KINDS.get(transfer.kind)
    if kind is None:
        raise InvalidArgument("INVALID_FIELD", "not a kind of transfer", field=f"{field}.kind")
    transfer_id, pending_id = _chosen_id_in(transfer.id), _optional_id_in(transfer.pending_id)
    if is_derived(pending_id):
        # A reservation of a packet or of an Admin withdrawal, which are resolved elsewhere.
        transfer_id = _NO_ID
    posts_all = kind is TransferKind.POST and not transfer.HasField("amount")
    return Transfer(
        # Unreadable ids stay different from each other: a chain may not name one id twice.
        id=transfer_id if transfer_id != _NO_ID else _NO_ID - at,
        debit_account_id=_optional_id_in(transfer.debit_account_id),
        credit_account_id=_optional_id_in(transfer.credit_account_id),
        amount=FULL_AMOUNT if posts_all else transfer.amount,
        ledger=transfer.ledger,
        code=transfer.code,
        kind=kind,
        pending_id=pending_id,
        timeout_s=transfer.timeout_seconds,
        user_data_128=_optional_id_in(transfer.cause_id),
    )


def _optional_id_in(text: str) -> int:
    return _id_in(text) if text else 0


def _transfer_out(record: TransferRecord) -> ledger_pb2.Transfer:
    seconds, nanoseconds = divmod(record.timestamp, NANOSECONDS_PER_SECOND)
    return ledger_pb2.Transfer(
        id=_id_out(record.id),
        debit_account_id=_id_out(record.debit_account_id),
        credit_account_id=_id_out(record.credit_account_id),
        amount=record.amount,
        ledger=record.ledger,
        code=record.code,
        kind=_KINDS_OUT[record.kind],
        pending_id=_id_out(record.pending_id) if record.pending_id else None,
        timeout_seconds=record.timeout_s,
        cause_id=_id_out(record.user_data_128) if record.user_data_128 else None,
        applied_at=Timestamp(seconds=seconds, nanos=nanoseconds),
    )


def _chain_result_out(result: ChainResult) -> ledger_service_pb2.ChainResult:
    return ledger_service_pb2.ChainResult(
        statuses=[_transfer_status_out(status) for status in result.statuses]
    )


def _transfer_status_out(status: TransferStatus) -> ledger_pb2.TransferStatus.ValueType:
    known = _TRANSFER_STATUSES.get(status)
    if known is None:
        raise Internal("INTERNAL", f"the ledger answered {status}")
    return known
