"""Learns a path without moving money: its rate, its maximum packet amount, the receiver's asset.

Rules of this file:
- Every packet is unfulfillable: its random condition makes the receiver refuse it, with its word on
  what arrived.
- All amounts leave at once: zero and the powers of ten from 10^12 down to 10^3. No amount waits
  for another's reply, so a path that tells its maximum is known after two round trips.
- The probe ends as soon as the greatest amount that passes is known to pass.
- Where the asset is unknown, two packets without an amount ask for it: the first with an empty
  address of ours, which most receivers understand; the second with an address that can't be
  reached, sent beside the connection's own address, for receivers that insist on one.
- An amount refused for want of liquidity (T04) is too large for this path now. Other temporary
  errors are tried again after a pause; a final error ends the probe. Errors of the second asset
  packet are expected.
- At the time limit, what was learned is the result, if any amount arrived.

| state    | start   | reply, lost, timer  |
|----------|---------|---------------------|
| READY    | PROBING | ignored             |
| PROBING  | error   | PROBING or DONE     |
| DONE     | error   | ignored             |

Times are milliseconds since the epoch. Source: RFC 0029 sections 4.4 and 5.4.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, final

from ilpkit.errors import LocalProtocolError, RemoteProtocolError
from ilpkit.ilp.address import ADDRESS_BYTES_MAX
from ilpkit.ilp.error_codes import decode_amount_too_large
from ilpkit.ilp.packet import Reject, Reply
from ilpkit.money import ASSET_CODE_BYTES_MAX, Asset
from ilpkit.stream.congestion import PAUSE_DOUBLINGS_MAX, PAUSE_MS_MAX, PAUSE_MS_MIN
from ilpkit.stream.crypto import RandomBytes, StreamKeys
from ilpkit.stream.events import SendPrepare
from ilpkit.stream.exchange import Answer, AnswerKind, Exchange, Request
from ilpkit.stream.frames import (
    ConnectionAssetDetails,
    ConnectionClose,
    ConnectionNewAddress,
    Frame,
)
from ilpkit.stream.max_packet import MaxPacketSearch, PathLimit
from ilpkit.stream.outcome import ReplyClass, classify
from ilpkit.stream.rate import RateBounds

PROBE_AMOUNT_MAX: Final = 10**12
PROBE_AMOUNTS: Final = (0, *(10**power for power in range(12, 2, -1)))
PROBE_PACKETS_MAX: Final = 96
"""Bounds a search on a path that gives no data with F08, and repeats after temporary errors."""

_EMPTY_ADDRESS: Final[tuple[Frame, ...]] = (ConnectionNewAddress(""),)
_SEND_ONLY_ADDRESS: Final[tuple[Frame, ...]] = (ConnectionNewAddress("private.SEND_ONLY_CLIENT"),)


@dataclass(frozen=True, slots=True)
class ProbeLimits:
    """The named limits of one probe; times in milliseconds."""

    packet_lifetime_ms: int = 20_000
    timeout_ms: int = 10_000


class ProbeEnd(Enum):
    """Why a probe ended."""

    COMPLETED = "completed"
    TIMEOUT = "timeout"
    """No positive amount arrived in time."""
    CONNECTOR_ERROR = "connector_error"
    """A final ILP error; the outcome has its code."""
    CLOSED_BY_RECEIVER = "closed_by_receiver"
    NOTHING_PASSES = "nothing_passes"
    """Every positive amount was refused, and no smaller one is left to try."""
    ASSET_CONFLICT = "asset_conflict"
    """The receiver named two different assets, or another than expected."""


class ProbeOutcome(NamedTuple):
    """What a probe learned."""

    end: ProbeEnd
    rate: RateBounds
    max_packet_amount: int | None
    """The greatest amount that passes, in source units; None where every probed amount passed."""
    asset: Asset | None
    """The receiver's; None where it didn't say."""
    next_sequence: int
    """The sequence that the connection's next packet must have."""
    ilp_code: str = ""
    """The code of the Reject that ended the probe, if one did."""
    message: str = ""


class ProbeDone(NamedTuple):
    """The probe is over."""

    outcome: ProbeOutcome


ProbeOutput = SendPrepare | ProbeDone


class _State(Enum):
    READY = "ready"
    PROBING = "probing"
    DONE = "done"


class _Sent(NamedTuple):
    request: Request
    amount: int
    error_expected: bool


@final
class RateProbe:
    """Probes one connection."""

    def __init__(
        self,
        *,
        keys: StreamKeys,
        destination: str,
        random_bytes: RandomBytes,
        asset: Asset | None = None,
        first_sequence: int = 0,
        limits: ProbeLimits | None = None,
    ) -> None:
        """Everything of a probe.

        Args:
            keys: the connection's.
            destination: the receiver's ILP address.
            random_bytes: the source of IVs and conditions.
            asset: the receiver's, where it is known; else the probe asks.
            first_sequence: one after the last of the same connection.
            limits: named limits.
        """
        self._exchange = Exchange(
            keys=keys,
            destination=destination,
            random_bytes=random_bytes,
            first_sequence=first_sequence,
        )
        self._destination = destination
        self._asset = asset
        self._limits = limits or ProbeLimits()
        self._rate = RateBounds()
        self._search = MaxPacketSearch()
        self._state = _State.READY
        self._sent: dict[int, _Sent] = {}
        self._tried: set[int] = set()
        self._again: list[int] = []
        self._pauses = 0
        self._paused_until_ms = 0
        self._deadline_ms = 0
        self._packets = 0

    def start(self, now_ms: int) -> list[ProbeOutput]:
        """Send all probes; `LocalProtocolError` if they were sent before."""
        if self._state is not _State.READY:
            raise LocalProtocolError("a probe starts once")
        self._state = _State.PROBING
        self._deadline_ms = now_ms + self._limits.timeout_ms
        outputs: list[ProbeOutput] = []
        if self._asset is None:
            self._ask(outputs, now_ms)
        for amount in PROBE_AMOUNTS:
            self._probe(outputs, amount, now_ms)
        return outputs

    def on_reply(self, request_id: int, reply: Reply, now_ms: int) -> list[ProbeOutput]:
        """A reply to the packet of this id came."""
        sent = self._sent.pop(request_id, None)
        if sent is None:
            return []
        answer = self._exchange.answer(sent.request, reply)
        if answer.kind is AnswerKind.REJECTED and isinstance(reply, Reject):
            end = self._on_rejected(sent, answer, reply, now_ms)
            if end is not None:
                return [self._done(end, reply)]
        return self._advance(now_ms)

    def on_lost(self, request_id: int, now_ms: int) -> list[ProbeOutput]:
        """The packet of this id gets no answer."""
        return self._advance(now_ms) if self._sent.pop(request_id, None) else []

    def on_timer(self, now_ms: int) -> list[ProbeOutput]:
        """The time that `next_timer` named has come; calls at other times do no harm."""
        if self._state is not _State.PROBING:
            return []
        if now_ms >= self._deadline_ms:
            return [self._done(ProbeEnd.COMPLETED if self._search.verified else ProbeEnd.TIMEOUT)]
        return self._advance(now_ms)

    def next_timer(self) -> int | None:
        """When `on_timer` must be called at the latest; None before the start and after the end."""
        if self._state is not _State.PROBING:
            return None
        return min(self._deadline_ms, self._paused_until_ms) if self._again else self._deadline_ms

    def _ask(self, outputs: list[ProbeOutput], now_ms: int) -> None:
        self._send(outputs, 0, now_ms, frames=_EMPTY_ADDRESS)
        head, _, token = self._destination.rpartition(".")
        beside = f"{head}._.{token}"
        if len(beside) <= ADDRESS_BYTES_MAX:
            self._send(outputs, 0, now_ms, frames=_SEND_ONLY_ADDRESS, destination=beside)

    def _probe(self, outputs: list[ProbeOutput], amount: int, now_ms: int) -> None:
        self._tried.add(amount)
        self._send(outputs, amount, now_ms)

    def _send(
        self,
        outputs: list[ProbeOutput],
        amount: int,
        now_ms: int,
        *,
        frames: tuple[Frame, ...] = (),
        destination: str | None = None,
    ) -> None:
        request = self._exchange.request(
            amount=amount,
            minimum=0,
            expires_at_ms=now_ms + self._limits.packet_lifetime_ms,
            frames=frames,
            fulfillable=False,
            destination=destination,
        )
        self._packets += 1
        self._sent[request.sequence] = _Sent(request, amount, destination is not None)
        outputs.append(SendPrepare(request.sequence, request.prepare))

    def _on_rejected(
        self, sent: _Sent, answer: Answer, reject: Reject, now_ms: int
    ) -> ProbeEnd | None:
        if answer.received is not None:
            self._rate.observe(source=sent.amount, received=answer.received)
            self._search.on_arrived(sent.amount)
            return self._read_frames(answer.frames)
        if sent.error_expected:
            return None
        reply_class = classify(reject.code)
        if reply_class is ReplyClass.FINAL:
            return ProbeEnd.CONNECTOR_ERROR
        if reply_class is ReplyClass.TOO_LARGE:
            self._on_too_large(sent.amount, reject)
        elif reply_class is ReplyClass.ILLIQUID and sent.amount:
            self._search.on_too_large(sent.amount)
        elif reply_class is not ReplyClass.REFUSED:
            self._try_again(sent.amount, now_ms)
        return None

    def _on_too_large(self, amount: int, reject: Reject) -> None:
        try:
            received, maximum = decode_amount_too_large(reject.data)
        except RemoteProtocolError:
            self._search.on_too_large(amount)
        else:
            self._search.on_too_large(amount, received=received, maximum=maximum)

    def _try_again(self, amount: int, now_ms: int) -> None:
        if not self._again:
            self._paused_until_ms = now_ms + min(PAUSE_MS_MIN << self._pauses, PAUSE_MS_MAX)
            self._pauses = min(self._pauses + 1, PAUSE_DOUBLINGS_MAX)
        self._again.append(amount)

    def _read_frames(self, frames: Iterable[Frame]) -> ProbeEnd | None:
        for frame in frames:
            if isinstance(frame, ConnectionClose):
                return ProbeEnd.CLOSED_BY_RECEIVER
            if isinstance(frame, ConnectionAssetDetails):
                if not 1 <= len(frame.asset_code.encode()) <= ASSET_CODE_BYTES_MAX:
                    continue
                asset = Asset(frame.asset_code, frame.asset_scale)
                if self._asset not in {None, asset}:
                    return ProbeEnd.ASSET_CONFLICT
                self._asset = asset
        return None

    def _advance(self, now_ms: int) -> list[ProbeOutput]:
        search = self._search
        if search.limit == 0:
            return [self._done(ProbeEnd.NOTHING_PASSES)]
        if self._path_known and (self._asset is not None or not self._asking):
            return [self._done(ProbeEnd.COMPLETED)]
        outputs: list[ProbeOutput] = []
        if self._again and now_ms >= self._paused_until_ms:
            again, self._again = self._again, []
            for amount in again:
                if self._packets < PROBE_PACKETS_MAX:
                    self._probe(outputs, amount, now_ms)
        following = self._following
        if following is not None and self._packets < PROBE_PACKETS_MAX:
            self._probe(outputs, following, now_ms)
        if not self._sent and not self._again:
            # Nothing is left to ask: a search that ran out of packets has its greatest amount.
            end = ProbeEnd.COMPLETED if search.verified else ProbeEnd.NOTHING_PASSES
            return [self._done(end)]
        return outputs

    @property
    def _path_known(self) -> bool:
        search = self._search
        if search.state is PathLimit.UNLIMITED:
            return search.verified >= PROBE_AMOUNT_MAX
        return search.state is PathLimit.KNOWN and search.verified == search.limit

    @property
    def _asking(self) -> bool:
        """Whether a packet that may bring the asset is unanswered."""
        return any(not sent.amount for sent in self._sent.values())

    @property
    def _following(self) -> int | None:
        """The next amount that a reply suggests; a search waits until no reply is missing."""
        amount = self._search.next_amount
        searching = self._search.state is PathLimit.SEARCHING
        if amount is None or amount in self._tried or (searching and self._sent):
            return None
        return amount

    def _done(self, end: ProbeEnd, reject: Reject | None = None) -> ProbeDone:
        self._state = _State.DONE
        self._sent.clear()
        self._again.clear()
        verified = self._search.verified
        unlimited = self._search.state is PathLimit.UNLIMITED and verified >= PROBE_AMOUNT_MAX
        return ProbeDone(
            ProbeOutcome(
                end=end,
                rate=self._rate,
                max_packet_amount=None if unlimited else verified,
                asset=self._asset,
                next_sequence=self._exchange.next_sequence,
                ilp_code=reject.code if reject else "",
                message=reject.message if reject else "",
            )
        )
