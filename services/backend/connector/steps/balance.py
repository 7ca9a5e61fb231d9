"""Reserves the money for a forwarded packet, and moves it if and only if the packet is fulfilled.

A packet answered with Fulfill is posted whatever happens: the ledger retries under the same ids,
and if even that fails the posting goes on in the background while the Fulfill is passed on. A
reservation outlives every packet: it times out minutes later, not seconds.
"""

import asyncio
from typing import Final

import structlog
from ilpkit.errors import PolicyRefusal
from ilpkit.ilp.error_codes import (
    R01_INSUFFICIENT_SOURCE_AMOUNT,
    T00_INTERNAL_ERROR,
    T04_INSUFFICIENT_LIQUIDITY,
)
from ilpkit.ilp.packet import Fulfill, Reply
from servicekit.clock import Clock
from servicekit.errors import ServiceError
from servicekit.ids import IdSource

from services.backend.connector.context import PacketContext, peer_side
from services.backend.connector.pipeline import Next
from services.backend.ledger.accounting import Plan, posting, transfer, voiding
from services.backend.ledger.errors import TransferStatus
from services.backend.ledger.interface import LedgerWriter
from services.backend.ledger.model import TransferKind

SETTLE_RETRY_S: Final = 1.0
_log = structlog.get_logger(__name__)

_CODES: Final = {
    TransferStatus.INSUFFICIENT_BALANCE: T04_INSUFFICIENT_LIQUIDITY,
    TransferStatus.INSUFFICIENT_LIQUIDITY: T04_INSUFFICIENT_LIQUIDITY,
    TransferStatus.INVALID_DESTINATION_AMOUNT: R01_INSUFFICIENT_SOURCE_AMOUNT,
}


def refusal(status: TransferStatus) -> PolicyRefusal:
    """What a peer is told when the ledger refuses a packet's money."""
    code = _CODES.get(status, T00_INTERNAL_ERROR)
    if code == T00_INTERNAL_ERROR:
        _log.error("packet_transfer_refused", status=str(status))
        return PolicyRefusal("internal error", ilp_code=code)
    return PolicyRefusal(f"the money can't be moved: {status}", ilp_code=code)


class Balance:
    """Pending, then post or void."""

    def __init__(
        self, *, ledger: LedgerWriter, ids: IdSource, clock: Clock, two_phase_timeout_s: int
    ) -> None:
        self._ledger = ledger
        self._ids = ids
        self._clock = clock
        self._two_phase_timeout_s = two_phase_timeout_s
        self._settling: set[asyncio.Task[None]] = set()

    async def __call__(self, context: PacketContext, forward: Next) -> Reply:
        """Reserve, forward, settle."""
        if context.prepare.amount == 0:
            return await forward(context)
        assert context.peer is not None, "the route step found the next hop"
        plan = transfer(
            transfer_id=self._ids.uuid().int,
            source=context.source.side,
            destination=peer_side(context.peer),
            source_amount=context.prepare.amount,
            destination_amount=context.destination_amount,
            timeout_s=self._two_phase_timeout_s,
            cause_id=context.source.cause_id,
        )
        status = plan.explain(await self._ledger.submit(plan.chain))
        if not status.ok:
            raise refusal(status)
        cause_id = context.source.cause_id
        try:
            reply = await forward(context)
        except Exception:
            # Not on cancellation: a packet that was cut off may still be fulfilled, and its
            # reservation must wait for whoever finds that out.
            self._in_background(voiding(plan.pending_ids, cause_id=cause_id))
            raise
        if isinstance(reply, Fulfill):
            await self._settle(posting(plan.pending_ids, cause_id=cause_id))
        else:
            self._in_background(voiding(plan.pending_ids, cause_id=cause_id))
        return reply

    async def drain(self) -> None:
        """Wait until everything is settled."""
        while self._settling:
            await asyncio.gather(*self._settling)

    async def _settle(self, plan: Plan) -> None:
        """Post now; what the ledger can't take now is repeated until it can."""
        try:
            status = plan.explain(await self._ledger.submit(plan.chain))
        except ServiceError as error:
            _log.warning("posting_delayed", error=str(error))
            self._in_background(plan)
            return
        _report(plan, status)

    def _in_background(self, plan: Plan) -> None:
        task = asyncio.get_running_loop().create_task(self._until_settled(plan))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _until_settled(self, plan: Plan) -> None:
        # Bounded by the reservation's life: after it the ledger answers that it is resolved.
        for _ in range(self._two_phase_timeout_s):
            try:
                status = plan.explain(await self._ledger.submit(plan.chain))
            except ServiceError:
                await self._clock.sleep(SETTLE_RETRY_S)
            else:
                _report(plan, status)
                return
        _log.critical("settling_given_up", transfer=plan.chain[0].id)


def _report(plan: Plan, status: TransferStatus) -> None:
    """Tell operators of money that the ledger would not settle; expired reservations are free."""
    if not status.ok and status is not TransferStatus.TRANSFER_EXPIRED:
        _log.critical("settling_refused", status=str(status), transfer=plan.chain[0].id)
    elif status is TransferStatus.TRANSFER_EXPIRED and plan.chain[0].kind is TransferKind.POST:
        _log.critical("posting_came_too_late", transfer=plan.chain[0].id)
