"""One attempt at paying what is left of a payment: within this node, or with packets to a peer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import structlog
from ilpkit.stream.crypto import StreamKeys
from ilpkit.stream.max_packet import PathLimit
from ilpkit.stream.outcome import EndReason, PaymentOutcome
from ilpkit.stream.plan import FixedDelivery
from ilpkit.stream.sender import PaymentSender
from servicekit.clock import Clock
from servicekit.errors import ServiceError
from servicekit.ids import IdSource

from services.backend.assets.model import Asset
from services.backend.ledger.errors import TransferStatus
from services.backend.ledger.ids import derive_id
from services.backend.ledger.interface import LedgerWriter
from services.backend.ledger.model import Balances
from services.backend.ledger.rules.accounting import Side, transfer
from services.backend.outgoing_payments.attempt import (
    FAILURES,
    Completed,
    Failed,
    Failure,
    Pause,
    Remaining,
    Result,
    TryAgain,
    remaining,
)
from services.backend.outgoing_payments.books import Standing
from services.backend.outgoing_payments.model import OutgoingPayment
from services.backend.outgoing_payments.sending import PacketSender, pay
from services.backend.receivers.errors import MissingReceiver
from services.backend.receivers.model import Receiver
from services.backend.receivers.service import ReceiverService

_log = structlog.get_logger(__name__)


class LocalCredit(Protocol):
    """What happens when an incoming payment of this node receives money."""

    def credited(self, payment_id: UUID, balances: Mapping[int, Balances] | None = None) -> None:
        """It did; `balances` are those after it, if they are known."""
        ...


class PathLimits(Protocol):
    """What quotes know of the largest packets that paths carry."""

    async def learned(
        self, *, tenant_id: UUID, destination: str, asset_id: UUID, amount: int
    ) -> None:
        """A payment was told how much of its asset the path to a destination carries."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moved:
    """What the packets of all attempts that were fulfilled took, and delivered."""

    delivered: int
    sent: int


class Paying:
    """Attempts; they write nothing but ledger transfers, and what they learned of the path."""

    def __init__(
        self,
        *,
        ledger: LedgerWriter,
        receivers: ReceiverService,
        path_limits: PathLimits,
        local_credit: LocalCredit,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._ledger = ledger
        self._receivers = receivers
        self._path_limits = path_limits
        self._local_credit = local_credit
        self._clock = clock
        self._ids = ids

    async def attempt(
        self, payment: OutgoingPayment, asset: Asset, standing: Standing, send: PacketSender
    ) -> Result:
        """Pay what is left.

        Args:
            payment: as recorded.
            asset: the payer's.
            standing: as the ledger has it.
            send: sends one packet, paid from the payment's account.

        Raises:
            MissingReceiver: the receiver does not exist.
            ServiceError: its bank, or the ledger, does not answer as it should, for now.
        """
        left = remaining(payment, standing)
        if left.deliver == 0:
            return Completed(delivered=left.delivered, sent=left.sent)
        # Whoever goes on with what another began needs to know what has arrived by now.
        quote = payment.quote
        if payment.claims == 1:
            receiver = await self._receivers.as_quoted(
                quote.receiver, quote.sealed_receiver, read_at=quote.created_at
            )
        else:
            receiver = await self._receivers.get(quote.receiver)
        if receiver.asset != payment.quote.receive_amount.asset:
            conflict = Failure.DESTINATION_ASSET_CONFLICT
            return Failed(error=conflict, delivered=left.delivered, sent=left.sent)
        left = remaining(payment, standing, received=receiver.received_amount.value)
        if left.deliver == 0 or receiver.satisfied:
            return Completed(delivered=left.delivered, sent=left.sent)
        if not receiver.is_payable(self._clock.now()):
            closed = Failure.RECEIVER_CLOSED
            return Failed(error=closed, delivered=left.delivered, sent=left.sent)
        if receiver.local_id is not None:
            return await self._transfer(payment, asset, receiver.local_id, left)
        return await self._send(payment, asset, receiver, left, send)

    async def _transfer(
        self, payment: OutgoingPayment, asset: Asset, receiver_id: UUID, left: Remaining
    ) -> Result:
        """A payment inside this node: one transfer under an id of the payment's own."""
        destination = await self._receivers.local_account(receiver_id)
        status, balances = TransferStatus.ID_ALREADY_FAILED, None
        # An engine may never take an id again that it refused once: each claim has one more.
        for number in range(payment.claims):
            plan = transfer(
                transfer_id=derive_id("local payment", payment.id.int, number),
                source=Side(
                    account_id=payment.id.int, ledger=asset.ledger, asset_account_id=asset.id.int
                ),
                destination=destination.side,
                source_amount=left.source_max,
                destination_amount=left.deliver,
                cause_id=payment.id.int,
                allowance_account_id=destination.allowance_account_id,
            )
            result = await self._ledger.submit(plan.chain)
            status, balances = plan.explain(result), result.balances
            if status is not TransferStatus.ID_ALREADY_FAILED:
                break
        if status is TransferStatus.ALLOWANCE_EXCEEDED:
            closed = Failed(error=Failure.RECEIVER_CLOSED, delivered=left.delivered, sent=left.sent)
            moved = _Moved(delivered=left.delivered, sent=left.sent)
            return await self._unless_ended(payment, moved, closed)
        if not status.ok:
            return TryAgain(error=str(status), delivered=None)
        self._local_credit.credited(receiver_id, balances)
        return Completed(delivered=payment.quote.receive_amount.value)

    async def _send(
        self,
        payment: OutgoingPayment,
        asset: Asset,
        receiver: Receiver,
        left: Remaining,
        send: PacketSender,
    ) -> Result:
        if left.source_max == 0:
            return Failed(error=Failure.BAD_STATE, delivered=left.delivered, sent=left.sent)
        method = receiver.methods[0]
        machine = PaymentSender(
            keys=StreamKeys(method.shared_secret),
            destination=method.ilp_address,
            target=FixedDelivery(
                delivery=left.deliver,
                source_max=left.source_max,
                min_rate=payment.quote.min_rate,
            ),
            random_bytes=self._ids.token,
            max_packet_amount=payment.quote.max_packet_amount,
            data=payment.data_to_transmit or b"",
        )
        outcome = await pay(machine, send=send, clock=self._clock, on_crash=_log_crash)
        self._receivers.changed(receiver.url)
        path = machine.max_packet
        limit = path.limit if path.state is PathLimit.KNOWN else None
        if limit and limit != payment.quote.max_packet_amount:
            await self._path_limits.learned(
                tenant_id=payment.tenant_id,
                destination=method.ilp_address,
                asset_id=asset.id,
                amount=limit,
            )
        totals = outcome.totals
        moved = _Moved(
            delivered=left.delivered + totals.delivered + totals.delivered_unconfirmed,
            sent=left.sent + totals.source_sent,
        )
        return await self._result(payment, outcome, moved)

    async def _result(
        self, payment: OutgoingPayment, outcome: PaymentOutcome, moved: _Moved
    ) -> Result:
        if outcome.completed:
            return Completed(delivered=moved.delivered, sent=moved.sent)
        failure = FAILURES[outcome.reason]
        _log.warning(
            "payment_not_delivered",
            payment_id=str(payment.id),
            reason=outcome.reason.value,
            ilp_code=outcome.ilp_code,
            message=outcome.message,
        )
        if outcome.reason is EndReason.RECEIVER_FULL:
            full = Failed(error=failure, delivered=moved.delivered, sent=moved.sent)
            return await self._unless_ended(payment, moved, full)
        if not outcome.retryable:
            return Failed(error=failure, delivered=moved.delivered, sent=moved.sent)
        cancelled = outcome.reason is EndReason.CANCELLED
        pause = Pause.AT_ONCE if cancelled else Pause.RETRY
        again = TryAgain(error=failure, delivered=moved.delivered, sent=moved.sent, pause=pause)
        if outcome.reason is EndReason.CONNECTOR_ERROR:
            return await self._unless_ended(payment, moved, again)
        return again

    async def _unless_ended(
        self, payment: OutgoingPayment, moved: _Moved, otherwise: Failed | TryAgain
    ) -> Result:
        """Money was refused: perhaps the receiver has all by now, of whomever, or has closed."""
        try:
            receiver = await self._receivers.get(payment.quote.receiver)
        except MissingReceiver as error:
            return Failed(error=error.message, delivered=moved.delivered, sent=moved.sent)
        except ServiceError as error:
            return TryAgain(error=error.message, delivered=moved.delivered, sent=moved.sent)
        if receiver.satisfied:
            return Completed(delivered=moved.delivered, sent=moved.sent)
        if isinstance(otherwise, TryAgain) and not receiver.is_payable(self._clock.now()):
            return Failed(error=Failure.RECEIVER_CLOSED, delivered=moved.delivered, sent=moved.sent)
        return otherwise


def _log_crash(crash: BaseException) -> None:
    _log.error("packet_not_sent", error=repr(crash))
