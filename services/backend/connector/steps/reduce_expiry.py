"""Gives the next hop less time than we have, so that its Fulfill can still be passed on.

A packet with too little time left is refused, unless it may be the repeat of one that was
forwarded: whether it is, the balance step finds in the ledger.
"""

from typing import Final

from ilpkit.errors import RemoteProtocolError
from ilpkit.ilp.error_codes import R02_INSUFFICIENT_TIMEOUT
from ilpkit.ilp.packet import Reply

from services.backend.connector.context import PacketContext
from services.backend.connector.pipeline import Next

MARGIN_MS: Final = 1_000
HOLD_MS_MAX: Final = 30_000
HOLD_MS_MIN: Final = 1_000
REPLY_MARGIN_MS: Final = MARGIN_MS - 100
"""How long after the next hop's expiry its reply still reaches the previous hop in time."""


class ReduceExpiry:
    """New expiry = the earlier of the packet's less a margin, and the longest that we hold one."""

    async def __call__(self, context: PacketContext, forward: Next) -> Reply:
        """Fill in `expires_at_ms`; R02 when too little time would be left."""
        latest = context.now_ms + HOLD_MS_MAX
        expires_at_ms = min(context.prepare.expires_at_ms - MARGIN_MS, latest)
        context.expires_at_ms = expires_at_ms
        context.ask_until_ms = expires_at_ms + REPLY_MARGIN_MS
        context.too_late = expires_at_ms - context.now_ms < HOLD_MS_MIN
        if context.too_late and context.request_id is None:
            raise expires_too_soon()
        return await forward(context)


def expires_too_soon() -> RemoteProtocolError:
    """The next hop could not answer in time."""
    return RemoteProtocolError(
        "the packet expires too soon to be forwarded", ilp_code=R02_INSUFFICIENT_TIMEOUT
    )
