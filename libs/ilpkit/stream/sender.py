"""The sender of a payment: a machine that turns replies and the time into packets and an outcome.

| state    | start   | reply, lost         | timer                | cancel   |
|----------|---------|---------------------|----------------------|----------|
| READY    | SENDING | ignored             | ignored              | DONE     |
| SENDING  | error   | SENDING or STOPPING | SENDING or STOPPING  | STOPPING |
| STOPPING | error   | STOPPING or DONE    | STOPPING or DONE     | STOPPING |
| DONE     | error   | ignored             | ignored              | ignored  |

Rules of this file:
- STOPPING sends no more money. It waits until each packet is answered or its time is over, so that
  the outcome says what was paid. Replies that complete the target then still complete it.
- A packet's time is over a margin after its expiry. Until then a packet without an answer may be
  delivered; after it the packet is *unresolved*: it stays counted as sent, is never sent again, and
  a late reply still settles it. A connector of this system answers every packet, so this means that
  the way to it broke; what became of the packet is in its ledger.
- Replies to packets that are unknown or already settled are ignored.
- The first packet carries application data, alone in flight until it is fulfilled: a receiver that
  decides by the data decides before the rest of the money moves.
- DONE is announced by `PaymentDone`, once. The packet before it, if any, closes the connection, and
  nobody waits for its reply.

Times are milliseconds since the epoch: packets carry absolute expiries. Source: RFC 0029.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, final

from ilpkit.errors import LocalProtocolError, RemoteProtocolError
from ilpkit.ilp.error_codes import decode_amount_too_large
from ilpkit.ilp.packet import Reject, Reply
from ilpkit.stream.congestion import WINDOW_PACKETS_MAX, CongestionWindow
from ilpkit.stream.crypto import RandomBytes, StreamKeys
from ilpkit.stream.events import SendPrepare
from ilpkit.stream.exchange import STREAM_ID, Answer, AnswerKind, Exchange, Request
from ilpkit.stream.frames import CloseCode, ConnectionClose, Frame, StreamData, StreamMoney
from ilpkit.stream.max_packet import MaxPacketSearch, PathLimit
from ilpkit.stream.outcome import (
    EndReason,
    PaymentOutcome,
    PaymentTotals,
    ReplyClass,
    classify,
)
from ilpkit.stream.plan import PacketKind, PaymentPlan, PaymentTarget, PlannedPacket
from ilpkit.stream.rate import RateBounds
from ilpkit.stream.receiver_word import ReceiverWord

DATA_BYTES_MAX: Final = 16_384
"""Application data goes in one packet, and leaves room for what else that packet holds."""
REFUSED_ROUNDS_MAX: Final = 6
"""Rounds of tolerated refusals in a row, with growing pauses, before the receiver's no is final."""

_MONEY_FRAMES: Final[tuple[Frame, ...]] = (StreamMoney(STREAM_ID, 1),)
_CLOSE_FRAMES: Final[tuple[Frame, ...]] = (ConnectionClose(CloseCode.NO_ERROR),)
_STALLED: Final = frozenset({EndReason.IDLE_TIMEOUT, EndReason.SOURCE_EXHAUSTED})
_VIOLATIONS: Final = frozenset({EndReason.RECEIVER_VIOLATION, EndReason.INVALID_FULFILLMENT})


@dataclass(frozen=True, slots=True)
class SenderLimits:
    """The named limits of one payment; times in milliseconds."""

    packet_lifetime_ms: int = 20_000
    """From sending to expiry."""
    unresolved_margin_ms: int = 1_000
    """After a packet's expiry, until its silence is taken for an answer."""
    idle_timeout_ms: int = 10_000
    """Without a fulfilled packet."""
    window_packets_max: int = WINDOW_PACKETS_MAX


class PaymentDone(NamedTuple):
    """The payment is over."""

    outcome: PaymentOutcome


SenderOutput = SendPrepare | PaymentDone


class SenderState(Enum):
    """Where a payment stands."""

    READY = "ready"
    SENDING = "sending"
    STOPPING = "stopping"
    DONE = "done"


# Reading a member from its class costs 0.2 us in Python 3.11, and each packet would do it 15 times.
_READY: Final = SenderState.READY
_SENDING: Final = SenderState.SENDING
_STOPPING: Final = SenderState.STOPPING
_DONE: Final = SenderState.DONE
_MONEY: Final = PacketKind.MONEY
_FULFILLED: Final = AnswerKind.FULFILLED
_SEARCHING: Final = PathLimit.SEARCHING


@dataclass(slots=True)
class _Pending:
    """A packet that wasn't answered yet."""

    request: Request
    planned: PlannedPacket
    deadline_ms: int
    carries_data: bool
    lost: bool = False


@final
class PaymentSender:
    """Pays one target over one connection."""

    def __init__(
        self,
        *,
        keys: StreamKeys,
        destination: str,
        target: PaymentTarget,
        random_bytes: RandomBytes,
        rate: RateBounds | None = None,
        max_packet_amount: int | None = None,
        first_sequence: int = 0,
        data: bytes = b"",
        limits: SenderLimits | None = None,
    ) -> None:
        """Everything of a payment.

        Args:
            keys: the connection's.
            destination: the receiver's ILP address.
            target: what to pay.
            random_bytes: the source of IVs and of conditions that nobody can fulfil.
            rate: what is known of the path's rate, from a probe or a quote; the sender narrows it.
            max_packet_amount: the path's, in source units, where it is known.
            first_sequence: one after the last of the same connection, say a rate probe's.
            data: application data for the receiver, at most `DATA_BYTES_MAX` bytes.
            limits: named limits.
        """
        if len(data) > DATA_BYTES_MAX:
            raise LocalProtocolError(f"{len(data)} bytes of data, at most {DATA_BYTES_MAX} allowed")
        self._limits = limits or SenderLimits()
        self.rate: Final = rate or RateBounds()
        """What the payment has learned of the path's rate."""
        self.max_packet: Final = MaxPacketSearch(limit=max_packet_amount)
        """What the payment has learned of the path's maximum packet amount."""
        self.window: Final = CongestionWindow(packets_max=self._limits.window_packets_max)
        self._plan = PaymentPlan(target, self.rate)
        self._exchange = Exchange(
            keys=keys,
            destination=destination,
            random_bytes=random_bytes,
            first_sequence=first_sequence,
        )
        self._data = data
        self._state = _READY
        self._pending: dict[int, _Pending] = {}
        self._unresolved: dict[int, _Pending] = {}
        self._idle_deadline_ms = 0
        self._now_ms = 0
        self._refused_rounds = 0
        self._refused_sequence = -1
        self._reason = EndReason.COMPLETED
        self._final_reject: Reject | None = None
        self._word = ReceiverWord()
        self._delivered_unconfirmed = 0
        self._packets_sent = 0
        self._packets_fulfilled = 0
        self._packets_rejected = 0

    @property
    def state(self) -> SenderState:
        """Where the payment stands."""
        return self._state

    @property
    def next_sequence(self) -> int:
        """The sequence that the connection's next packet must have."""
        return self._exchange.next_sequence

    @property
    def totals(self) -> PaymentTotals:
        """What the payment has moved so far."""
        plan = self._plan
        return PaymentTotals(
            source_sent=plan.source_sent,
            source_in_flight=plan.source_in_flight,
            source_unresolved=plan.source_unresolved,
            delivered=plan.delivered,
            delivered_unconfirmed=self._delivered_unconfirmed,
            packets_sent=self._packets_sent,
            packets_fulfilled=self._packets_fulfilled,
            packets_rejected=self._packets_rejected,
        )

    def start(self, now_ms: int) -> list[SenderOutput]:
        """Begin; `LocalProtocolError` if it began before."""
        if self._state is not _READY:
            raise LocalProtocolError("a payment starts once")
        self._state = _SENDING
        self._idle_deadline_ms = now_ms + self._limits.idle_timeout_ms
        return self._advance(now_ms)

    def cancel(self, now_ms: int) -> list[SenderOutput]:
        """Send no more; the outcome comes when nothing is in flight."""
        if self._state is _DONE:
            return []
        self._stop(EndReason.CANCELLED)
        return self._advance(now_ms)

    def on_reply(self, request_id: int, reply: Reply, now_ms: int) -> list[SenderOutput]:
        """A reply to the packet of this id came."""
        pending = self._pending.pop(request_id, None)
        unresolved = pending is None
        if pending is None:
            pending = self._unresolved.pop(request_id, None)
            if pending is None:
                return []
        answer = self._exchange.answer(pending.request, reply)
        if answer.kind is _FULFILLED:
            self._on_fulfilled(pending, answer, now_ms, unresolved=unresolved)
        elif isinstance(reply, Reject):
            self._on_rejected(pending, answer, reply, now_ms, unresolved=unresolved)
        else:
            # Someone claims to be paid for it, so it stays counted, for people to look at.
            if not unresolved:
                self._plan.on_unresolved(pending.planned)
            self._stop(EndReason.INVALID_FULFILLMENT)
        if not unresolved and not pending.lost:
            self.window.on_answered(pending.planned.amount)
        return self._advance(now_ms)

    def on_lost(self, request_id: int, now_ms: int) -> list[SenderOutput]:
        """The packet of this id will probably get no answer: the way it went broke."""
        pending = self._pending.get(request_id)
        if pending is None or pending.lost:
            return []
        pending.lost = True
        self._leave_window(pending, now_ms)
        return self._advance(now_ms)

    def on_timer(self, now_ms: int) -> list[SenderOutput]:
        """The time that `next_timer` named has come; calls at other times do no harm."""
        while self._pending:
            request_id, pending = next(iter(self._pending.items()))
            if pending.deadline_ms > now_ms:
                break
            del self._pending[request_id]
            self._plan.on_unresolved(pending.planned)
            if pending.planned.kind is _MONEY:
                self._unresolved[request_id] = pending
            if not pending.lost:
                self._leave_window(pending, now_ms)
        if self._state is _SENDING and now_ms >= self._idle_deadline_ms:
            self._stop(EndReason.IDLE_TIMEOUT)
        return self._advance(now_ms)

    def next_timer(self) -> int | None:
        """When `on_timer` must be called at the latest; None where only replies matter."""
        times: list[int] = []
        if self._pending:
            # Packets live equally long, so the oldest is the first to die.
            times.append(next(iter(self._pending.values())).deadline_ms)
        if self._state is _SENDING:
            times.append(self._idle_deadline_ms)
            if self.window.paused_until_ms > self._now_ms:
                times.append(self.window.paused_until_ms)
        return min(times, default=None)

    def _on_fulfilled(
        self, pending: _Pending, answer: Answer, now_ms: int, *, unresolved: bool
    ) -> None:
        planned = pending.planned
        self._packets_fulfilled += 1
        self._idle_deadline_ms = now_ms + self._limits.idle_timeout_ms
        self._refused_rounds = 0
        self.window.on_fulfilled(planned.amount)
        if pending.carries_data:
            self._data = b""
        received = answer.received
        self._plan.on_fulfilled(planned, received=received or 0, unresolved=unresolved)
        if received is None:
            self._delivered_unconfirmed += planned.minimum
            self._stop(EndReason.RECEIVER_VIOLATION)
            return
        self.rate.observe(source=planned.amount, received=received)
        self.max_packet.on_arrived(planned.amount)
        if received < planned.minimum:
            self._stop(EndReason.RECEIVER_VIOLATION)
        if answer.frames:
            self._read_frames(answer.frames)

    def _on_rejected(
        self, pending: _Pending, answer: Answer, reject: Reject, now_ms: int, *, unresolved: bool
    ) -> None:
        planned = pending.planned
        self._packets_rejected += 1
        self._plan.on_rejected(planned, unresolved=unresolved)
        if answer.received is not None:
            self.rate.observe(source=planned.amount, received=answer.received)
            self.max_packet.on_arrived(planned.amount)
            self._read_frames(answer.frames)
        if planned.kind is PacketKind.LEARNING and answer.received is not None:
            return
        reply_class = classify(reject.code)
        if reply_class is ReplyClass.TOO_LARGE:
            self._on_too_large(planned.amount, reject)
        elif reply_class is ReplyClass.REFUSED:
            self._on_refused(pending, reject, now_ms)
        elif reply_class is ReplyClass.FINAL:
            self._stop(EndReason.CONNECTOR_ERROR, reject)
        else:
            self._cut(pending, now_ms, illiquid=reply_class is ReplyClass.ILLIQUID)

    def _on_too_large(self, amount: int, reject: Reject) -> None:
        try:
            received, maximum = decode_amount_too_large(reject.data)
        except RemoteProtocolError:
            self.max_packet.on_too_large(amount)
        else:
            self.max_packet.on_too_large(amount, received=received, maximum=maximum)
        if self.max_packet.limit == 0:
            self._stop(EndReason.CONNECTOR_ERROR, reject)

    def _on_refused(self, pending: _Pending, reject: Reject, now_ms: int) -> None:
        sequence = pending.request.sequence
        if sequence <= self._refused_sequence:
            return
        self._refused_sequence = self._exchange.next_sequence - 1
        self._refused_rounds += 1
        self.window.pause(now_ms, times_before=self._refused_rounds - 1)
        if self._refused_rounds >= REFUSED_ROUNDS_MAX:
            self._stop(EndReason.RECEIVER_REFUSED, reject)

    def _read_frames(self, frames: tuple[Frame, ...]) -> None:
        word, plan = self._word, self._plan
        word.read(frames)
        plan.receive_max = word.receive_max
        if word.receive_max is not None and word.receive_max < plan.delivery_least:
            self._stop(EndReason.RECEIVER_FULL)
        if word.closed:
            self._stop(
                EndReason.APPLICATION_ERROR
                if word.application_data
                else EndReason.CLOSED_BY_RECEIVER
            )

    def _cut(self, pending: _Pending, now_ms: int, *, illiquid: bool) -> None:
        cut = self.window.on_illiquid if illiquid else self.window.on_congested
        cut(
            sequence=pending.request.sequence,
            sequence_next=self._exchange.next_sequence,
            now_ms=now_ms,
        )

    def _leave_window(self, pending: _Pending, now_ms: int) -> None:
        self._cut(pending, now_ms, illiquid=False)
        self.window.on_answered(pending.planned.amount)

    def _stop(self, reason: EndReason, reject: Reject | None = None) -> None:
        if self._state is _STOPPING and (reason not in _VIOLATIONS or self._reason in _VIOLATIONS):
            # The first reason stands, but a breach of the protocol is never hidden behind it.
            return
        self._state = _STOPPING
        self._reason = reason
        self._final_reject = reject

    def _advance(self, now_ms: int) -> list[SenderOutput]:
        self._now_ms = now_ms
        outputs: list[SenderOutput] = []
        if self._state is _SENDING:
            self._fill_window(outputs, now_ms)
        if self._state is _STOPPING and not self._pending:
            self._finish(outputs, now_ms)
        return outputs

    def _fill_window(self, outputs: list[SenderOutput], now_ms: int) -> None:
        window, plan = self.window, self._plan
        while not plan.reached:
            if not window.room(now_ms) or (window.packets_in_flight and self._one_at_a_time):
                return
            limit = window.amount_room(self.max_packet.next_amount)
            if limit == 0:
                return
            planned = plan.next_packet(limit)
            if planned is None:
                if not self._pending:
                    self._stop(EndReason.SOURCE_EXHAUSTED)
                return
            if isinstance(planned, EndReason):
                self._stop(planned)
                return
            if self._exchange.exhausted:
                self._stop(EndReason.SEQUENCES_EXHAUSTED)
                return
            outputs.append(self._send(planned, now_ms))
        self._stop(EndReason.COMPLETED)

    @property
    def _one_at_a_time(self) -> bool:
        """Whether the next packet waits for the one in flight: its reply decides what to send."""
        return bool(self._data) or self.max_packet.state is _SEARCHING

    def _send(self, planned: PlannedPacket, now_ms: int) -> SendPrepare:
        is_money = planned.kind is _MONEY
        carries_data = is_money and bool(self._data)
        frames = _MONEY_FRAMES if is_money else ()
        if carries_data:
            frames = (*frames, StreamData(STREAM_ID, 0, self._data))
        expires_at_ms = now_ms + self._limits.packet_lifetime_ms
        request = self._exchange.request(
            amount=planned.amount,
            minimum=planned.minimum,
            expires_at_ms=expires_at_ms,
            frames=frames,
            fulfillable=is_money,
        )
        self._pending[request.sequence] = _Pending(
            request, planned, expires_at_ms + self._limits.unresolved_margin_ms, carries_data
        )
        self._plan.on_sent(planned)
        self.window.on_sent(planned.amount)
        self._packets_sent += 1
        return SendPrepare(request.sequence, request.prepare, is_money)

    def _finish(self, outputs: list[SenderOutput], now_ms: int) -> None:
        self._state = _DONE
        self._unresolved.clear()
        if self._packets_sent and not self._word.closed and not self._exchange.exhausted:
            close = self._exchange.request(
                amount=0,
                minimum=0,
                expires_at_ms=now_ms + self._limits.packet_lifetime_ms,
                frames=_CLOSE_FRAMES,
                fulfillable=False,
            )
            outputs.append(SendPrepare(close.sequence, close.prepare, fulfillable=False))
        if self._plan.reached and self._reason not in _VIOLATIONS:
            self._reason = EndReason.COMPLETED
        elif self._plan.source_unresolved and self._reason in _STALLED:
            # What is unresolved may be just what was waited for, or what is missing.
            self._reason = EndReason.UNRESOLVED_PACKETS
        outputs.append(PaymentDone(self._outcome()))

    def _outcome(self) -> PaymentOutcome:
        reject, word = self._final_reject, self._word
        return PaymentOutcome(
            reason=self._reason,
            totals=self.totals,
            ilp_code=reject.code if reject else "",
            message=reject.message if reject else word.close_message,
            application_data=word.application_data,
            receipt=word.receipt,
        )
