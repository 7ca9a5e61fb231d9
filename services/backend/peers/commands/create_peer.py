"""Create a peer, with its account in the ledger and what is deposited into it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from servicekit.clock import Clock
from servicekit.commands import Command
from servicekit.database import WriteSession
from servicekit.ids import IdSource

from services.backend.assets import repository as assets
from services.backend.assets.errors import unknown_asset
from services.backend.changes.announcement import announce_change
from services.backend.changes.model import Kind
from services.backend.ledger.ids import derive_id
from services.backend.ledger.interface import LedgerAccounts, LedgerReader, LedgerWriter
from services.backend.ledger.rules.accounting import deposit
from services.backend.ledger.rules.chart import AccountCode, new_account
from services.backend.ledger.rules.outcome import bring_in
from services.backend.peers import repository
from services.backend.peers.checks import check_peer, check_tokens
from services.backend.peers.model import Peer, PeerView
from services.backend.peers.roles import Names
from services.backend.tenants.scope import Scope


class PeerLedger(LedgerReader, LedgerAccounts, LedgerWriter, Protocol):
    """What peers need of the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPeer:
    """What to create; amounts are in the asset's units."""

    scope: Scope
    asset_id: UUID
    static_ilp_address: str
    name: str | None
    incoming_tokens: Sequence[str]
    outgoing_endpoint: str
    outgoing_token: str
    max_packet_amount: int | None
    liquidity_threshold: int | None
    routes: Sequence[str]
    initial_liquidity: int | None


class CreatePeer(Command[NewPeer, None, PeerView]):
    """Raises InvalidArgument, NotFound for the asset, and AlreadyExists."""

    def __init__(self, *, ledger: PeerLedger, names: Names, clock: Clock, ids: IdSource) -> None:
        self._ledger = ledger
        self._names = names
        self._clock = clock
        self._ids = ids

    async def write(self, session: WriteSession, given: NewPeer, facts: None) -> PeerView:
        """The peer's row and its tokens, once nobody else has its addresses."""
        del facts
        check_tokens(given.incoming_tokens, "incoming_auth_tokens")
        await self._names.lock(session)
        asset = await assets.get_to_use(session, given.asset_id, given.scope.filter)
        if asset is None:
            raise unknown_asset(given.asset_id)
        peer = Peer(
            id=self._ids.uuid(),
            tenant_id=asset.tenant_id,
            asset_id=asset.id,
            static_ilp_address=given.static_ilp_address,
            name=given.name,
            outgoing_endpoint=given.outgoing_endpoint,
            outgoing_token=given.outgoing_token,
            max_packet_amount=given.max_packet_amount,
            liquidity_threshold=given.liquidity_threshold,
            routes=tuple(given.routes),
            created_at=self._clock.now(),
        )
        check_peer(peer)
        await self._names.check_peer(session, peer.tenant_id, peer.prefixes)
        repository.add(session, peer)
        repository.add_tokens(session, peer.id, given.incoming_tokens)
        await announce_change(session, Kind.PEER, peer.id)
        return PeerView(peer, asset)

    async def finish(self, given: NewPeer, done: PeerView) -> None:
        """Its account and the first deposit, under an id that follows from the peer's."""
        peer_id, ledger = done.peer.id.int, done.asset.ledger
        account = new_account(
            AccountCode.PEER, account_id=peer_id, ledger=ledger, asset_id=done.asset.id.int
        )
        await self._ledger.create_accounts([account])
        if given.initial_liquidity:
            plan = deposit(
                transfer_id=derive_id("peer initial liquidity", peer_id),
                account_id=peer_id,
                amount=given.initial_liquidity,
                ledger=ledger,
                cause_id=peer_id,
            )
            await bring_in(self._ledger, plan)
