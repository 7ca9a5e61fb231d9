"""The reconciler and its entries, put together."""

from dataclasses import dataclass
from typing import Protocol

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.ids import IdSource

from services.backend.ledger.interface import LedgerReservations
from services.backend.unknown_packets.service import EntryLedger, UnknownListener, UnknownPackets
from services.backend.unknown_packets.worker import UnknownPacketWorker


class ReconcilerLedger(EntryLedger, LedgerReservations, Protocol):
    """What both need of the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """Everything that is done about packets without a reply."""

    packets: UnknownPackets
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
    packets = UnknownPackets(
        database=database, ledger=ledger, listener=listener, clock=clock, ids=ids
    )
    worker = UnknownPacketWorker(database=database, ledger=ledger, packets=packets, clock=clock)
    return Reconciler(packets=packets, worker=worker)
