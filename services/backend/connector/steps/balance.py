"""Reserves the money of a forwarded packet, and settles it by what became of the packet.

| the next hop          | the money                                  | the previous hop gets |
|-----------------------|--------------------------------------------|-----------------------|
| fulfilled             | posted; if the ledger refuses, an alarm    | the Fulfill; a Reject |
| rejected, or not sent | released                                   | the Reject            |
| unknown               | stays reserved: asked for again, and at    | no reply              |
|                       | last entered as unknown by the reconciler  |                       |

Nothing is reserved for a packet of our own that tests a path: no preimage of its condition exists.

A packet with a request id has one reservation however often it comes: its ids follow from who sends
it, the request id and what it says. A repeat is sent on again under the same id, with the amount
that was reserved, but never to a peer that might pay twice for it.
"""

from typing import Final

import structlog
from ilpkit.errors import PolicyRefusal, RemoteProtocolError, UnknownOutcomeError
from ilpkit.ilp.error_codes import (
    R01_INSUFFICIENT_SOURCE_AMOUNT,
    T00_INTERNAL_ERROR,
    T04_INSUFFICIENT_LIQUIDITY,
)
from ilpkit.ilp.packet import Fulfill, Reply
from servicekit.ids import IdSource

from services.backend.connector.context import PacketContext, peer_side
from services.backend.connector.pipeline import Next
from services.backend.connector.settlement import PacketLedger, Settlement
from services.backend.connector.steps.reduce_expiry import expires_too_soon
from services.backend.ledger.errors import LedgerUnavailableError, TransferStatus
from services.backend.ledger.ids import derive_id
from services.backend.ledger.rules.packets import (
    PacketMoney,
    leg_ids,
    money_of,
    void_id,
)

ASKED_AFTER_EXPIRY_MS: Final = 10_000
"""How long after its expiry a lost packet is still asked for, in the background."""
ASKED_IN_BACKGROUND_MAX: Final = 1_000
"""The reconciler enters what is not asked for."""
_log = structlog.get_logger(__name__)

_CODES: Final = {
    TransferStatus.INSUFFICIENT_BALANCE: T04_INSUFFICIENT_LIQUIDITY,
    TransferStatus.INSUFFICIENT_LIQUIDITY: T04_INSUFFICIENT_LIQUIDITY,
    TransferStatus.INVALID_DESTINATION_AMOUNT: R01_INSUFFICIENT_SOURCE_AMOUNT,
}
_SEEN: Final = frozenset({TransferStatus.EXISTS, TransferStatus.TRANSFER_EXISTS})


def refusal(status: TransferStatus) -> PolicyRefusal:
    """What a peer is told when the ledger refuses a packet's money."""
    code = _CODES.get(status, T00_INTERNAL_ERROR)
    if code == T00_INTERNAL_ERROR:
        _log.error("packet_transfer_refused", status=str(status))
        return PolicyRefusal("internal error", ilp_code=code)
    return PolicyRefusal(f"the money can't be moved: {status}", ilp_code=code)


class Balance:
    """Pending, then post or void."""

    def __init__(self, *, ledger: PacketLedger, settlement: Settlement, ids: IdSource) -> None:
        self._ledger = ledger
        self._settlement = settlement
        self._ids = ids

    async def __call__(self, context: PacketContext, forward: Next) -> Reply:
        """Reserve, forward, settle."""
        context.packet_id = self._packet_id(context)
        moves_nothing = context.prepare.amount == 0 or not context.fulfillable
        if moves_nothing and not context.too_late:
            return await forward(context)
        money = await self._reserve(context)
        try:
            reply = await forward(context)
        except RemoteProtocolError:
            self._settlement.release(money)
            raise
        except UnknownOutcomeError:
            self._ask_on(context, forward, money)
            raise
        except Exception as error:
            # A bug of ours, at a point that nobody knows: the packet may be on its way.
            _log.exception("forwarding_crashed")
            raise UnknownOutcomeError("internal error") from error
        if not isinstance(reply, Fulfill):
            self._settlement.release(money)
        elif not await self._settlement.pay(money, until_ms=context.prepare.expires_at_ms):
            raise PolicyRefusal("internal error", ilp_code=T00_INTERNAL_ERROR)
        return reply

    def _packet_id(self, context: PacketContext) -> int:
        """The same for a repeat only: another packet under the same request id has another."""
        if context.request_id is None:
            return self._ids.uuid().int
        prepare = context.prepare
        return derive_id(
            "packet",
            context.source.side.account_id,
            context.request_id,
            prepare.amount,
            prepare.condition,
            prepare.destination,
            prepare.data,
        )

    async def _reserve(self, context: PacketContext) -> PacketMoney:
        """Reserve the packet's money, or find what was reserved when it came before."""
        assert context.peer is not None, "the route step found the next hop"
        if context.too_late:
            return await self._reserved_before(context)
        money = PacketMoney(
            id=context.packet_id,
            source=context.source.side,
            peer=peer_side(context.peer),
            source_amount=context.prepare.amount,
            peer_amount=context.destination_amount,
            cause_id=context.source.cause_id,
        )
        plan = money.reserving()
        try:
            status = plan.explain(await self._ledger.submit(plan.chain))
        except LedgerUnavailableError:
            if context.request_id is None:
                self._settlement.release(money)  # nothing was sent, and no copy of it either
            raise
        if status in _SEEN and context.request_id is not None:
            return await self._reserved_before(context)
        if not status.ok:
            raise refusal(status)
        return money

    async def _reserved_before(self, context: PacketContext) -> PacketMoney:
        """What a packet that comes again reserved the first time, if it may be sent on again."""
        assert context.peer is not None, "the route step found the next hop"
        packet_id = context.packet_id
        legs = leg_ids(packet_id)
        records = await self._ledger.lookup_transfers([*legs, void_id(packet_id)])
        if packet_id not in records:
            raise expires_too_soon()
        if void_id(packet_id) in records:
            raise PolicyRefusal("the packet was rejected before", ilp_code=T00_INTERNAL_ERROR)
        money = money_of([records[each] for each in legs if each in records])
        if money.peer.account_id != context.peer.peer.id.int:
            raise UnknownOutcomeError("the packet was sent to another peer before")
        context.destination_amount = money.peer_amount
        context.sent_before = True
        return money

    def _ask_on(self, context: PacketContext, forward: Next, money: PacketMoney) -> None:
        """Go on asking after the previous hop was told that there is no reply."""
        if self._settlement.working >= ASKED_IN_BACKGROUND_MAX:
            return

        async def ask() -> None:
            context.sent_before = True
            context.ask_until_ms = context.expires_at_ms + ASKED_AFTER_EXPIRY_MS
            try:
                await forward(context)
            except UnknownOutcomeError:
                return
            await self._settlement.pay(money, until_ms=0)

        self._settlement.run(ask())
