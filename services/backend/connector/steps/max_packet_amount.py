"""Refuses packets larger than their peer may send, and says how large they may be."""

from ilpkit.ilp.error_codes import (
    F08_AMOUNT_TOO_LARGE,
    AmountTooLarge,
    encode_amount_too_large,
)
from ilpkit.ilp.packet import Reply

from services.backend.connector.context import PacketContext
from services.backend.connector.pipeline import Next
from services.backend.connector.steps.error_to_reject import RejectedError


class MaxPacketAmount:
    """F08 with both amounts, so that a sender needs one packet to learn the limit."""

    async def __call__(self, context: PacketContext, forward: Next) -> Reply:
        """Check the incoming amount."""
        peer = context.source.peer
        limit = None if peer is None else peer.peer.max_packet_amount
        amount = context.prepare.amount
        if limit is not None and amount > limit:
            details = AmountTooLarge(received_amount=amount, maximum_amount=limit)
            raise RejectedError(
                F08_AMOUNT_TOO_LARGE,
                f"a packet may carry at most {limit}, not {amount}",
                encode_amount_too_large(details),
            )
        return await forward(context)
