"""Bounds the packets a second of each peer with a token bucket that refills exactly."""

from collections import OrderedDict
from typing import Final
from uuid import UUID

from ilpkit.errors import PolicyRefusal
from ilpkit.ilp.error_codes import T05_RATE_LIMITED
from ilpkit.ilp.packet import Reply

from services.backend.connector.context import PacketContext
from services.backend.connector.pipeline import Next

PACKETS_PER_SECOND: Final = 10_000
BURST_PACKETS: Final = 10_000
BUCKETS_MAX: Final = 10_000
_MS: Final = 1000


class RateLimit:
    """One bucket a peer, counted in thousandths of a packet so that no time is lost to rounding."""

    def __init__(
        self, *, packets_per_second: int = PACKETS_PER_SECOND, burst_packets: int = BURST_PACKETS
    ) -> None:
        self._refill_per_ms = packets_per_second
        self._capacity = burst_packets * _MS
        self._buckets: OrderedDict[UUID, tuple[int, int]] = OrderedDict()

    async def __call__(self, context: PacketContext, forward: Next) -> Reply:
        """Take a token, or refuse."""
        peer = context.source.peer
        if peer is not None and not self._take(peer.peer.id, context.now_ms):
            raise PolicyRefusal("too many packets, slow down", ilp_code=T05_RATE_LIMITED)
        return await forward(context)

    def _take(self, peer_id: UUID, now_ms: int) -> bool:
        level, at_ms = self._buckets.pop(peer_id, (self._capacity, now_ms))
        # A clock that goes back refills nothing and takes nothing away.
        elapsed_ms = max(now_ms - at_ms, 0)
        level = min(level + elapsed_ms * self._refill_per_ms, self._capacity)
        allowed = level >= _MS
        self._buckets[peer_id] = (level - _MS if allowed else level, max(now_ms, at_ms))
        if len(self._buckets) > BUCKETS_MAX:
            # The one unused for longest has refilled long ago: a fresh bucket is the same.
            self._buckets.popitem(last=False)
        return allowed
