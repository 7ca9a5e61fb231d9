"""Delete a peer that holds no money: no packet goes to it or comes from it any more."""

from dataclasses import dataclass
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.changes.announcement import announce_change
from services.backend.changes.model import Kind
from services.backend.ledger.interface import LedgerReader
from services.backend.ledger.model import LOOKUP_IDS_MAX
from services.backend.ledger.rules.chart import balance, is_settled
from services.backend.ledger.rules.packets import unknown_account_id
from services.backend.peers import repository
from services.backend.peers.errors import peer_has_unknown_packets, peer_holds_money, unknown_peer
from services.backend.peers.model import PeerView
from services.backend.peers.queries import PeerQueries
from services.backend.peers.roles import KnownAssets
from services.backend.tenants.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerToDelete:
    """Which one."""

    scope: Scope
    peer_id: UUID


class DeletePeer(Command[PeerToDelete, None, PeerView]):
    """Raises NotFound, and FailedPrecondition while it holds money."""

    def __init__(
        self, *, queries: PeerQueries, assets: KnownAssets, ledger: LedgerReader, clock: Clock
    ) -> None:
        self._queries = queries
        self._assets = assets
        self._ledger = ledger
        self._clock = clock

    async def read(self, given: PeerToDelete) -> None:
        """Refuse while the peer's account holds money or packets are in flight.

        Also while money is held of which nobody knows whether the peer has it: whoever paid for
        such a packet did it in an asset of their own, so that each asset may have such an account.
        A packet that sets out at this moment may still move money: what is deleted can be
        withdrawn from, so that it is not lost.
        """
        peer_id = (await self._queries.get(given.scope, given.peer_id)).peer.id
        account = (await self._ledger.lookup_accounts([peer_id.int])).get(peer_id.int)
        if account is not None and not is_settled(account):
            raise peer_holds_money(peer_id, balance=balance(account))
        ledgers = [asset.ledger for asset in self._assets.all_assets()]
        unknown_ids = [unknown_account_id(peer_id.int, ledger=ledger) for ledger in ledgers]
        for start in range(0, len(unknown_ids), LOOKUP_IDS_MAX):
            chunk = unknown_ids[start : start + LOOKUP_IDS_MAX]
            if not all(map(is_settled, (await self._ledger.lookup_accounts(chunk)).values())):
                raise peer_has_unknown_packets(peer_id)

    async def write(self, session: WriteSession, given: PeerToDelete, facts: None) -> PeerView:
        """The peer's row and its tokens; its ledger account stays."""
        del facts
        peer = await repository.lock(session, given.peer_id, given.scope.filter)
        if peer is None:
            raise unknown_peer(given.peer_id)
        repository.mark_deleted(session, peer.id, self._clock.now())
        await repository.forget_tokens(session, peer.id)
        await announce_change(session, Kind.PEER, peer.id)
        return await self._queries.view(peer)
