"""Move the money of a packet without a reply to whom it belongs."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.ledger.errors import TransferStatus
from services.backend.ledger.interface import LedgerReader, LedgerWriter
from services.backend.ledger.rules.outcome import refused
from services.backend.ledger.rules.packets import LIQUIDITY_ATTEMPTS_MAX, leg_ids, money_of
from services.backend.tenants.scope import Scope
from services.backend.unknown_packets.entries import Entries
from services.backend.unknown_packets.errors import resolved_before
from services.backend.unknown_packets.model import PacketView, Resolution
from services.backend.unknown_packets.queries import UnknownPacketQueries


class ResolvingLedger(LedgerReader, LedgerWriter, Protocol):
    """What a resolution needs of the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketToResolve:
    """Which entry, and whose its money is."""

    scope: Scope
    entry_id: UUID
    resolution: Resolution


class ResolvePacket(Command[PacketToResolve, PacketView, PacketView]):
    """A repeat is a no-op.

    Raises NotFound, and FailedPrecondition when it was resolved the other way or the peer's asset
    has too little liquidity.
    """

    def __init__(
        self, *, queries: UnknownPacketQueries, entries: Entries, ledger: ResolvingLedger
    ) -> None:
        self._queries = queries
        self._entries = entries
        self._ledger = ledger

    async def read(self, given: PacketToResolve) -> PacketView:
        """All of it: the ledger decides between two resolutions, and the row follows it."""
        view = await self._queries.get(given.scope, given.entry_id)
        if view.packet.resolution is None:
            await self._move(view.packet.packet_id, given.resolution)
            await self._entries.note_resolutions([view.packet.packet_id])
            view = await self._queries.get(given.scope, given.entry_id)
        if view.packet.resolution not in {None, given.resolution}:
            raise resolved_before(view.packet.resolution)
        return view

    async def write(
        self, session: WriteSession, given: PacketToResolve, facts: PacketView
    ) -> PacketView:
        """Nothing."""
        del session, given
        return facts

    async def _move(self, packet_id: UUID, resolution: Resolution) -> None:
        legs = await self._ledger.lookup_transfers(leg_ids(packet_id.int))
        money = money_of([legs[each] for each in leg_ids(packet_id.int) if each in legs])
        plans = (
            [money.giving_back()]
            if resolution is Resolution.SOURCE
            else [money.paying_after_all(attempt) for attempt in range(LIQUIDITY_ATTEMPTS_MAX)]
        )
        status = TransferStatus.ID_ALREADY_FAILED
        for plan in plans:
            status = plan.explain(await self._ledger.submit(plan.chain))
            if status is not TransferStatus.ID_ALREADY_FAILED:
                break
        # Taken by the other resolution: the caller finds that out from the row.
        if not status.ok and status is not TransferStatus.TRANSFER_EXISTS:
            raise refused(status)
