"""Receives STREAM packets for incoming payments: one decrypt, one ledger chain, one encrypt.

Rules of this file:
- What the reply says was received is what was credited.
- The allowance decides in the ledger how much a payment still takes. A packet that brings more than
  that credits what is left if its sender accepts so little; the rest is surplus of the payee's
  asset, as any rounding is. Otherwise it is refused, with the payment's maximum.
- The transfer's id follows from the packet, so a packet that comes twice is credited once and gets
  its fulfilment twice, also when it or the payment has expired or the rate has changed in between:
  what would be refused now is looked up first, unless nobody can fulfill it.
- A credit of which the ledger did not say whether it happened gets no reply; a repeat gets one.
"""

from collections.abc import Mapping
from typing import Final, Protocol
from uuid import UUID

from ilpkit.errors import PolicyRefusal, RemoteProtocolError, UnknownOutcomeError
from ilpkit.ilp.error_codes import F02_UNREACHABLE, F99_APPLICATION_ERROR, R00_TRANSFER_TIMED_OUT
from ilpkit.ilp.packet import Prepare, Reject, Reply
from ilpkit.stream.exchange import STREAM_ID
from ilpkit.stream.frames import StreamMaxMoney
from ilpkit.stream.receiver import Incoming, Receiver

from services.backend.connector.context import PacketContext
from services.backend.connector.pipeline import Next
from services.backend.connector.steps.balance import refusal
from services.backend.connector.steps.convert_amount import PacketRates, convert
from services.backend.connector.stream import StreamServer
from services.backend.directory.model import TenantEntry
from services.backend.incoming_payments.payables import Payable
from services.backend.ledger.errors import LedgerUnavailableError, TransferStatus
from services.backend.ledger.ids import derive_id
from services.backend.ledger.interface import LedgerReader, LedgerWriter
from services.backend.ledger.model import Balances
from services.backend.ledger.rules.accounting import allowance_account_id, credit_id, transfer

LAST_UNITS_ATTEMPTS_MAX: Final = 4
"""How often a packet tries for what is left of an allowance that others are taking from too."""

Refusal = Reject | RemoteProtocolError | PolicyRefusal
_ALLOWANCE_GONE: Final = frozenset(
    {TransferStatus.ALLOWANCE_EXCEEDED, TransferStatus.ID_ALREADY_FAILED}
)


class PacketLedger(LedgerReader, LedgerWriter, Protocol):
    """What receiving needs of the ledger."""


class Payables(Protocol):
    """Incoming payments by id."""

    async def find(self, payment_id: str) -> Payable | None:
        """The payment behind a payment tag; None when there is none."""
        ...


class CreditListener(Protocol):
    """Who wants to know of credits."""

    def credited(self, payment_id: UUID, balances: Mapping[int, Balances] | None = None) -> None:
        """A payment received money; `balances` are those after it, if they are known."""
        ...


class StreamReceive:
    """Answers packets to this node's own addresses."""

    def __init__(
        self,
        *,
        server: StreamServer,
        payables: Payables,
        rates: PacketRates,
        ledger: PacketLedger,
        listener: CreditListener,
    ) -> None:
        self._server = server
        self._payables = payables
        self._rates = rates
        self._ledger = ledger
        self._listener = listener

    async def __call__(self, context: PacketContext, forward: Next) -> Reply:
        """Receive, or hand on what is for a peer."""
        if context.local is None:
            return await forward(context)
        receiver = self._server.receiver(context.local.ilp_address)
        try:
            payable = await self._payable(context.prepare.destination, receiver, context.local)
        except RemoteProtocolError as refused:
            # Only a repeat of what was credited is answered late; this one is for no payment.
            late = context.prepare.expires_at_ms <= context.now_ms
            raise (_expired() if late else refused) from None
        try:
            amount = await convert(
                self._rates,
                tenant_id=payable.tenant_id,
                amount=context.prepare.amount,
                source=context.source.asset.unit,
                destination=payable.unit,
            )
        except PolicyRefusal as refused:
            return await self._again(context, receiver, payable, refused)
        # The sender counts in the payee's asset: the packet is judged by what it brings there.
        incoming = receiver.open(context.prepare._replace(amount=amount))
        if isinstance(incoming, Reject):
            return incoming
        return await self._answer(context, receiver, incoming, payable, amount)

    async def _payable(self, destination: str, receiver: Receiver, local: TenantEntry) -> Payable:
        connection = receiver.connection_of(destination)
        payable = await self._payables.find(connection.details.payment_tag or "")
        if payable is None or payable.tenant_id != local.tenant.id:
            raise RemoteProtocolError("no such payment", ilp_code=F02_UNREACHABLE)
        return payable

    async def _answer(
        self,
        context: PacketContext,
        receiver: Receiver,
        incoming: Incoming,
        payable: Payable,
        amount: int,
    ) -> Reply:
        refused = _refusal_now(context, incoming, payable, amount)
        if refused is not None and incoming.is_probe:
            return _refuse(refused)
        if refused is not None:
            return await self._again(context, receiver, payable, refused)
        if amount == 0:
            return incoming.fulfill(0)
        credited, status = await self._credit(context, payable, amount, incoming.min_amount)
        if credited == 0:
            if status in _ALLOWANCE_GONE:
                return self._full(incoming, payable)
            raise refusal(status)
        return incoming.fulfill(credited)

    async def _again(
        self,
        context: PacketContext,
        receiver: Receiver,
        payable: Payable,
        refused: Refusal,
    ) -> Reply:
        """Refuse a packet, unless it is the repeat of one that was credited."""
        if credited := await self._credited_before(context, payable):
            incoming = receiver.open(context.prepare._replace(amount=credited))
            if isinstance(incoming, Incoming) and incoming.fulfillable:
                return incoming.fulfill(credited)
        return _refuse(refused)

    async def _credit(
        self, context: PacketContext, payable: Payable, amount: int, min_amount: int
    ) -> tuple[int, TransferStatus]:
        """What was credited, 0 for nothing, and why."""
        wanted, status = amount, TransferStatus.UNKNOWN_ERROR
        for attempt in range(LAST_UNITS_ATTEMPTS_MAX):
            status, balances = await self._move(context, payable, wanted, attempt)
            if status.ok:
                self._listener.credited(payable.id, balances)
                return wanted, status
            if status not in _ALLOWANCE_GONE and status is not TransferStatus.TRANSFER_EXISTS:
                return 0, status
            # Also a packet whose first attempt found too little left comes back here.
            if earlier := await self._credited_before(context, payable):
                self._listener.credited(payable.id)
                return earlier, TransferStatus.EXISTS
            wanted = min(amount, await self._left(payable))
            if wanted < max(min_amount, 1):
                return 0, TransferStatus.ALLOWANCE_EXCEEDED
        return 0, status

    async def _move(
        self, context: PacketContext, payable: Payable, amount: int, attempt: int
    ) -> tuple[TransferStatus, Mapping[int, Balances] | None]:
        plan = transfer(
            transfer_id=_transfer_id(context.prepare, context.source.side.account_id, attempt),
            source=context.source.side,
            destination=payable.side,
            source_amount=context.prepare.amount,
            destination_amount=amount,
            cause_id=payable.id.int,
            allowance_account_id=allowance_account_id(payable.id.int),
        )
        try:
            result = await self._ledger.submit(plan.chain)
        except LedgerUnavailableError as error:
            raise UnknownOutcomeError("the ledger did not say whether it credited") from error
        return plan.explain(result), result.balances

    async def _credited_before(self, context: PacketContext, payable: Payable) -> int:
        """What this very packet brought when it came the first time; 0 when it is new."""
        source = context.source.side
        ids = [
            credit_id(
                _transfer_id(context.prepare, source.account_id, attempt),
                source=source,
                destination=payable.side,
            )
            for attempt in range(LAST_UNITS_ATTEMPTS_MAX)
        ]
        transfers = await self._ledger.lookup_transfers(ids)
        return max((record.amount for record in transfers.values()), default=0)

    async def _left(self, payable: Payable) -> int:
        account_id = allowance_account_id(payable.id.int)
        account = (await self._ledger.lookup_accounts([account_id])).get(account_id)
        if account is None:
            return 0
        return account.credits_posted - account.debits_posted - account.debits_pending

    @staticmethod
    def _full(incoming: Incoming, payable: Payable) -> Reject:
        limit = payable.incoming_amount or 0
        return incoming.decline(
            F99_APPLICATION_ERROR, frames=(StreamMaxMoney(STREAM_ID, limit, limit),)
        )


def _refusal_now(
    context: PacketContext, incoming: Incoming, payable: Payable, amount: int
) -> Refusal | None:
    """Why a packet is not taken, unless it is the repeat of one that was."""
    if context.prepare.expires_at_ms <= context.now_ms:
        return _expired()
    if not incoming.fulfillable:
        # Below its minimum now, but not where a better rate had brought more.
        return incoming.refuse()
    if amount and not payable.accepts(context.now_ms):
        return RemoteProtocolError("the payment is closed", ilp_code=F02_UNREACHABLE)
    return None


def _refuse(refused: Refusal) -> Reject:
    if isinstance(refused, Reject):
        return refused
    raise refused


def _expired() -> RemoteProtocolError:
    return RemoteProtocolError("the packet has expired", ilp_code=R00_TRANSFER_TIMED_OUT)


def _transfer_id(prepare: Prepare, source_account_id: int, attempt: int) -> int:
    return derive_id("stream packet", source_account_id, prepare.condition, prepare.amount, attempt)
