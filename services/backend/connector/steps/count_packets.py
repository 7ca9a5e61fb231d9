"""Counts packets and what became of them; outermost, so that every answer is seen."""

from typing import Final

from ilpkit.errors import UnknownOutcomeError
from ilpkit.ilp.packet import Fulfill, Reply
from servicekit.metrics import Tally

from services.backend.connector.context import PacketContext
from services.backend.connector.pipeline import Next

FROM_PEER: Final = "peer"
FROM_PAYMENT: Final = "payment"


class CountPackets:
    """Names as in the TypeScript Rafiki; `source` is a peer, or a payment of this node."""

    def __init__(self) -> None:
        self._prepared = Tally("packet_count_prepare", "packets taken in", ("source",))
        self._fulfilled = Tally("packet_count_fulfill", "packets fulfilled", ("source",))
        self._rejected = Tally("packet_count_reject", "packets rejected", ("source", "code"))
        self._unknown = Tally("packet_count_unknown", "packets without a reply", ("source",))
        self._amount = Tally(
            "packet_amount_fulfill",
            "what fulfilled packets brought in, in units of the asset's scale",
            ("source", "asset", "scale"),
        )

    @property
    def measures(self) -> tuple[Tally, ...]:
        """What `/metrics` tells."""
        return (self._prepared, self._fulfilled, self._rejected, self._unknown, self._amount)

    async def __call__(self, context: PacketContext, forward: Next) -> Reply:
        """Count around everything else."""
        source = FROM_PAYMENT if context.source.peer is None else FROM_PEER
        self._prepared.add((source,))
        try:
            reply = await forward(context)
        except UnknownOutcomeError:
            self._unknown.add((source,))
            raise
        if isinstance(reply, Fulfill):
            asset = context.source.asset
            self._fulfilled.add((source,))
            self._amount.add((source, asset.code, str(asset.scale)), context.prepare.amount)
        else:
            self._rejected.add((source, reply.code))
        return reply
