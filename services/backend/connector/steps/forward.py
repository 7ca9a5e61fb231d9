"""Sends a packet to the next hop, asks again when its reply is lost, and checks its fulfilment.

Rules of this file:
- A reply to the first copy is the packet's outcome. A copy that was not sent has none, so its
  failure is a Reject.
- Once a copy was lost on the way, only a Fulfill decides: a Reject of a later copy does not say
  what became of the first, which another process of the peer may still be working on.
- A packet is sent again only to a peer that says of itself that it answers repeats; any other
  would pay twice.
"""

from typing import Final, Protocol
from uuid import UUID

from ilpkit.errors import RemoteProtocolError, UnknownOutcomeError
from ilpkit.ilp.condition import fulfills
from ilpkit.ilp.error_codes import (
    F05_WRONG_CONDITION,
    R00_TRANSFER_TIMED_OUT,
    T01_PEER_UNREACHABLE,
)
from ilpkit.ilp.packet import Fulfill, Prepare, Reply
from servicekit.backoff import Backoff
from servicekit.clock import Clock
from servicekit.ids import IdSource

from services.backend.connector.context import PacketContext
from services.backend.connector.outcome import NotSentError
from services.backend.connector.pipeline import Next
from services.backend.directory.model import PeerEntry

REPEAT_PAUSES: Final = Backoff(first_ms=50, max_ms=2_000)


class PeerLink(Protocol):
    """Carries packets to peers."""

    async def answers_repeats(self, peer: PeerEntry, *, timeout_ms: int) -> bool | None:
        """Whether the peer may be sent a packet again under its request id.

        A peer of which that is not known is asked; None when it can't be reached now.
        """
        ...

    async def send(
        self, peer: PeerEntry, prepare: Prepare, *, request_id: str, timeout_ms: int
    ) -> Reply:
        """The peer's reply.

        Raises:
            NotSentError: the peer never saw the packet.
            UnknownOutcomeError: it may have it; no reply in time is one case of this.
        """
        ...


class Forward:
    """The last step."""

    def __init__(self, link: PeerLink, *, clock: Clock, ids: IdSource) -> None:
        self._link = link
        self._clock = clock
        self._ids = ids

    async def __call__(self, context: PacketContext, forward: Next) -> Reply:
        """The next hop's reply to the packet, or to a repeat of it."""
        del forward
        assert context.peer is not None, "the route step found the next hop"
        prepare = context.prepare._replace(
            amount=context.destination_amount, expires_at_ms=context.expires_at_ms
        )
        if context.sent_before:
            return await self._repeat(context, context.peer, prepare)
        # Reserving the money took time of its own: what is left counts from here.
        now_ms = self._clock.now_ms()
        if now_ms >= context.expires_at_ms:
            raise NotSentError(
                "the packet expired before it could be forwarded", ilp_code=R00_TRANSFER_TIMED_OUT
            )
        try:
            reply = await self._link.send(
                context.peer,
                prepare,
                request_id=_request_id(context),
                timeout_ms=context.ask_until_ms - now_ms,
            )
        except UnknownOutcomeError as unknown:
            if not context.fulfillable:
                # Nobody can be owed for it, so losing it is no more than a failure.
                raise RemoteProtocolError(str(unknown), ilp_code=T01_PEER_UNREACHABLE) from unknown
            return await self._repeat(context, context.peer, prepare)
        if isinstance(reply, Fulfill) and not fulfills(reply.fulfillment, prepare.condition):
            raise RemoteProtocolError(
                "the fulfillment does not match the condition", ilp_code=F05_WRONG_CONDITION
            )
        return reply

    async def _repeat(self, context: PacketContext, peer: PeerEntry, prepare: Prepare) -> Fulfill:
        """Send again until it turns out that the packet was fulfilled, or time is over."""
        attempt, request_id = 0, _request_id(context)
        while (left_ms := context.ask_until_ms - self._clock.now_ms()) > 0:
            attempt += 1
            pause_s = REPEAT_PAUSES.delay_s(attempt, self._ids)
            await self._clock.sleep(min(pause_s, left_ms / 1000))
            timeout_ms = context.ask_until_ms - self._clock.now_ms()
            if timeout_ms <= 0:
                break
            answers = await self._link.answers_repeats(peer, timeout_ms=timeout_ms)
            if answers is None:
                continue
            if not answers:
                break
            try:
                reply = await self._link.send(
                    peer, prepare, request_id=request_id, timeout_ms=timeout_ms
                )
            except (NotSentError, UnknownOutcomeError):
                continue
            if isinstance(reply, Fulfill) and fulfills(reply.fulfillment, prepare.condition):
                return reply
        raise UnknownOutcomeError(f"{peer.peer.static_ilp_address} did not say what it did")


def _request_id(context: PacketContext) -> str:
    return str(UUID(int=context.packet_id))
