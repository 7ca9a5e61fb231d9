"""Sends a packet to the next hop, checks its fulfilment, and answers for it when it is silent."""

from typing import Final, Protocol

from ilpkit.errors import RemoteProtocolError
from ilpkit.ilp.condition import fulfills
from ilpkit.ilp.error_codes import F05_WRONG_CONDITION, R00_TRANSFER_TIMED_OUT
from ilpkit.ilp.packet import Fulfill, Prepare, Reply
from servicekit.clock import Clock

from services.backend.connector.context import PacketContext
from services.backend.connector.pipeline import Next
from services.backend.connector.steps.reduce_expiry import MARGIN_MS
from services.backend.directory.model import PeerEntry

REPLY_MARGIN_MS: Final = MARGIN_MS - 100
"""How long after the next hop's expiry its reply still reaches the previous hop in time."""


class PeerLink(Protocol):
    """Carries packets to peers."""

    async def send(self, peer: PeerEntry, prepare: Prepare, *, timeout_ms: int) -> Reply:
        """The peer's reply.

        Raises:
            RemoteProtocolError: with the ILP code for what went wrong on the way.
            TimeoutError: no reply in time.
        """
        ...


class Forward:
    """The last step."""

    def __init__(self, link: PeerLink, *, clock: Clock) -> None:
        self._link = link
        self._clock = clock

    async def __call__(self, context: PacketContext, forward: Next) -> Reply:
        """Send on; R00 without a reply in time, F05 for a fulfilment that is none."""
        del forward
        assert context.peer is not None, "the route step found the next hop"
        prepare = context.prepare._replace(
            amount=context.destination_amount, expires_at_ms=context.expires_at_ms
        )
        # Reserving the money took time of its own: what is left counts from here.
        now_ms = self._clock.now_ms()
        if now_ms >= context.expires_at_ms:
            raise RemoteProtocolError(
                "the packet expired before it could be forwarded", ilp_code=R00_TRANSFER_TIMED_OUT
            )
        timeout_ms = context.expires_at_ms + REPLY_MARGIN_MS - now_ms
        try:
            reply = await self._link.send(context.peer, prepare, timeout_ms=timeout_ms)
        except TimeoutError:
            raise RemoteProtocolError(
                f"{context.peer.peer.static_ilp_address} did not answer in time",
                ilp_code=R00_TRANSFER_TIMED_OUT,
            ) from None
        if isinstance(reply, Fulfill) and not fulfills(reply.fulfillment, prepare.condition):
            raise RemoteProtocolError(
                "the fulfillment does not match the condition", ilp_code=F05_WRONG_CONDITION
            )
        return reply
