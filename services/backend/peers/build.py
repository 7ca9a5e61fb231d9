"""The use cases of peers, put together."""

from dataclasses import dataclass

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.ids import IdSource

from services.backend.peers.commands.create_peer import CreatePeer, PeerLedger
from services.backend.peers.commands.delete_peer import DeletePeer
from services.backend.peers.commands.update_peer import UpdatePeer
from services.backend.peers.queries import PeerQueries
from services.backend.peers.roles import KnownAssets, KnownPeers, Names


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """Everything that can be done with peers."""

    queries: PeerQueries
    create: CreatePeer
    update: UpdatePeer
    delete: DeletePeer


def build(
    *,
    database: Database,
    ledger: PeerLedger,
    names: Names,
    known: KnownPeers,
    assets: KnownAssets,
    clock: Clock,
    ids: IdSource,
) -> Peers:
    """Wire them."""
    queries = PeerQueries(database=database, known=known, assets=assets)
    return Peers(
        queries=queries,
        create=CreatePeer(ledger=ledger, names=names, clock=clock, ids=ids),
        update=UpdatePeer(queries=queries, names=names),
        delete=DeletePeer(queries=queries, assets=assets, ledger=ledger, clock=clock),
    )
