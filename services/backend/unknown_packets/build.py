"""The reconciler and its entries, put together."""

from dataclasses import dataclass
from typing import Protocol

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.ids import IdSource

from services.backend.ledger.interface import LedgerReservations
from services.backend.unknown_packets.commands.resolve_packet import ResolvePacket
from services.backend.unknown_packets.entries import Entries, EntryLedger, UnknownListener
from services.backend.unknown_packets.queries import UnknownPacketQueries
from services.backend.unknown_packets.worker import UnknownPacketWorker


class ReconcilerLedger(EntryLedger, LedgerReservations, Protocol):
    """What both need of the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """Everything that is done about packets without a reply."""

    queries: UnknownPacketQueries
    entries: Entries
    resolve: ResolvePacket
    worker: UnknownPacketWorker


def build(
    *,
    database: Database,
    ledger: ReconcilerLedger,
    listener: UnknownListener,
    clock: Clock,
    ids: IdSource,
) -> Reconciler:
    """Wire it."""
    queries = UnknownPacketQueries(database=database)
    entries = Entries(database=database, ledger=ledger, listener=listener, clock=clock, ids=ids)
    return Reconciler(
        queries=queries,
        entries=entries,
        resolve=ResolvePacket(queries=queries, entries=entries, ledger=ledger),
        worker=UnknownPacketWorker(database=database, ledger=ledger, entries=entries, clock=clock),
    )
