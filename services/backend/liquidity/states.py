"""What became of deposits and withdrawals, as the ledger says."""

from collections.abc import Sequence
from itertools import chain
from typing import Final
from uuid import UUID

from servicekit.clock import Clock

from services.backend.ledger.interface import LedgerReader
from services.backend.ledger.model import NANOSECONDS_PER_MILLISECOND
from services.backend.ledger.rules.accounting import posting, voiding
from services.backend.liquidity.model import LiquidityTransfer, TransferState, state_of

TRIES_CONSIDERED_MAX: Final = 1_000
"""The newest tries to withdraw from a payment whose states are asked for."""


class TransferStates:
    """Reads them."""

    def __init__(self, *, ledger: LedgerReader, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def of(self, transfers: Sequence[LiquidityTransfer]) -> dict[UUID, TransferState]:
        """Of those that reached the ledger, by their ids there."""
        if not transfers:
            return {}
        ids = [each.transfer_id.int for each in transfers[:TRIES_CONSIDERED_MAX]]
        ends = {at: (posting([at]).chain[0].id, voiding([at]).chain[0].id) for at in ids}
        found = await self._ledger.lookup_transfers([*ids, *chain.from_iterable(ends.values())])
        now_ns = self._clock.now_ms() * NANOSECONDS_PER_MILLISECOND
        states = {}
        for at in ids:
            if at in found:
                end = next((found[end_id] for end_id in ends[at] if end_id in found), None)
                states[UUID(int=at)] = state_of(found[at], end, now_ns=now_ns)
        return states
