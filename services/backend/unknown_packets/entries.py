"""Enters packets that nobody will answer for any more, and notes how the entries are resolved."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID

import structlog
from servicekit.clock import Clock
from servicekit.database import Database, WriteSession
from servicekit.ids import IdSource

from services.backend.ledger.errors import TransferStatus
from services.backend.ledger.interface import LedgerAccounts, LedgerReader, LedgerWriter
from services.backend.ledger.model import NANOSECONDS_PER_SECOND, TransferRecord
from services.backend.ledger.rules.chart import AccountCode
from services.backend.ledger.rules.packets import (
    PacketMoney,
    entry_transfer_id,
    leg_ids,
    money_of,
    post_id,
    resolution_id,
    void_id,
)
from services.backend.unknown_packets import repository
from services.backend.unknown_packets.model import Resolution

_RESOLVED: Final = frozenset({TransferStatus.ALREADY_POSTED, TransferStatus.ALREADY_VOIDED})
_log = structlog.get_logger(__name__)


class EntryLedger(LedgerReader, LedgerAccounts, LedgerWriter, Protocol):
    """What entries need of the ledger."""


class UnknownListener(Protocol):
    """Who must hear of entries: outgoing payments, which end when nothing of theirs is pending."""

    async def packet_resolved(self, session: WriteSession, payment_id: UUID) -> None:
        """Of this payment less is pending, or unknown, than before."""
        ...


class Entries:
    """The entries of one node."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: EntryLedger,
        listener: UnknownListener,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._listener = listener
        self._clock = clock
        self._ids = ids

    async def enter(self, reservations: Sequence[TransferRecord]) -> int:
        """Enter those reservations that nothing became of; a repeat is a no-op.

        The ledger comes first, under ids of the packet: whatever happens before the row is written,
        the next search finds the packet and the entry, and writes it. Returns how many there are.
        """
        others = [
            other(record.id)
            for record in reservations
            for other in (post_id, void_id, lambda packet_id: leg_ids(packet_id)[1])
        ]
        known = await self._ledger.lookup_transfers(others)
        entered = 0
        for record in reservations:
            if post_id(record.id) in known or void_id(record.id) in known:
                continue
            legs = [record, *(known[each] for each in leg_ids(record.id)[1:] if each in known)]
            entered += await self._enter(money_of(legs), record.timestamp)
        return entered

    async def _enter(self, money: PacketMoney, reserved_at_ns: int) -> bool:
        source_id = money.source.account_id
        source = (await self._ledger.lookup_accounts([source_id]))[source_id]
        account = money.unknown_account(asset_id=source.user_data_128)
        await self._ledger.create_accounts([account])
        plan = money.entering()
        status = plan.explain(await self._ledger.submit(plan.chain))
        if status in _RESOLVED:
            return False  # a reply came at last, or another process was here first
        if not status.ok:
            _log.critical("unknown_packet_not_entered", packet=money.id, status=str(status))
            return False
        from_peer = source.code == AccountCode.PEER
        async with self._database.write() as session:
            added = await repository.add(
                session,
                entry_id=self._ids.uuid(),
                packet_id=UUID(int=money.id),
                peer_id=UUID(int=money.peer.account_id),
                outgoing_payment_id=None if from_peer else UUID(int=source_id),
                incoming_peer_id=UUID(int=source_id) if from_peer else None,
                asset_id=UUID(int=source.user_data_128),
                amount=money.source_amount,
                reserved_at=datetime.fromtimestamp(reserved_at_ns // NANOSECONDS_PER_SECOND, UTC),
                entered_at=self._clock.now(),
            )
            if added and not from_peer:
                await self._listener.packet_resolved(session, UUID(int=source_id))
        if added:
            _log.warning(
                "packet_outcome_unknown",
                packet=str(UUID(int=money.id)),
                peer=str(UUID(int=money.peer.account_id)),
                amount=money.source_amount,
            )
        return added

    async def note_resolutions(self, packet_ids: Sequence[UUID]) -> None:
        """Write down which of these entries are resolved, as the ledger says.

        Also a late Fulfill resolves one, and a process may have died between ledger and row.
        """
        sources = {each: entry_transfer_id(each.int) for each in packet_ids}
        resolved = {each: resolution_id(each.int) for each in packet_ids}
        transfers = await self._ledger.lookup_transfers([*sources.values(), *resolved.values()])
        by_owner: dict[Resolution, list[UUID]] = {each: [] for each in Resolution}
        for packet_id in packet_ids:
            if (moved := transfers.get(resolved[packet_id])) is not None:
                back = moved.credit_account_id == transfers[sources[packet_id]].debit_account_id
                by_owner[Resolution.SOURCE if back else Resolution.PEER].append(packet_id)
        if not any(by_owner.values()):
            return
        async with self._database.write() as session:
            now = self._clock.now()
            for resolution, found in by_owner.items():
                for payment_id in await repository.resolve(session, found, resolution, now):
                    await self._listener.packet_resolved(session, payment_id)
