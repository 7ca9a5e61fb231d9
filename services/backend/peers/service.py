"""Use cases of peers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit
from uuid import UUID

from ilpkit.ilp.address import is_routable, is_valid_address, is_valid_prefix
from servicekit.clock import Clock
from servicekit.database import Database, WriteSession
from servicekit.ids import IdSource
from servicekit.paging import Page, PageQuery

from services.backend.assets import repository as assets
from services.backend.assets.errors import unknown_asset
from services.backend.assets.model import Asset
from services.backend.changes.announcement import announce_change
from services.backend.changes.model import Kind
from services.backend.directory.names import Names
from services.backend.ledger.ids import derive_id
from services.backend.ledger.interface import LedgerAccounts, LedgerReader, LedgerWriter
from services.backend.ledger.model import LOOKUP_IDS_MAX
from services.backend.ledger.rules.accounting import deposit
from services.backend.ledger.rules.chart import AccountCode, balance, is_settled, new_account
from services.backend.ledger.rules.outcome import bring_in
from services.backend.ledger.rules.packets import unknown_account_id
from services.backend.peers import repository
from services.backend.peers.errors import (
    invalid_endpoint,
    invalid_ilp_address,
    invalid_token,
    peer_has_unknown_packets,
    peer_holds_money,
    unknown_peer,
)
from services.backend.peers.model import Peer
from services.backend.tenants.scope import Scope

TOKEN_CHARS_MAX: Final = 1024


class PeerLedger(LedgerReader, LedgerAccounts, LedgerWriter, Protocol):
    """What peers need of the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPeer:
    """What a new peer is made of."""

    asset_id: UUID
    static_ilp_address: str
    name: str | None
    incoming_tokens: Sequence[str]
    outgoing_endpoint: str
    outgoing_token: str
    max_packet_amount: int | None
    liquidity_threshold: int | None
    routes: Sequence[str]


class PeerService:
    """Creates, reads and changes peers."""

    def __init__(
        self, *, database: Database, ledger: PeerLedger, names: Names, clock: Clock, ids: IdSource
    ) -> None:
        self._database = database
        self._names = names
        self._ledger = ledger
        self._clock = clock
        self._ids = ids

    async def create(self, session: WriteSession, scope: Scope, new: NewPeer) -> tuple[Peer, Asset]:
        """Insert a peer; `open_account` must follow the commit."""
        _check(new)
        await self._names.lock(session)
        asset = await assets.get_to_use(session, new.asset_id, scope.filter)
        if asset is None:
            raise unknown_asset(new.asset_id)
        peer = Peer(
            id=self._ids.uuid(),
            tenant_id=asset.tenant_id,
            asset_id=asset.id,
            static_ilp_address=new.static_ilp_address,
            name=new.name,
            outgoing_endpoint=new.outgoing_endpoint,
            outgoing_token=new.outgoing_token,
            max_packet_amount=new.max_packet_amount,
            liquidity_threshold=new.liquidity_threshold,
            routes=tuple(new.routes),
            created_at=self._clock.now(),
        )
        await self._names.check_peer(session, peer.tenant_id, peer.prefixes)
        await repository.add(session, peer, new.incoming_tokens)
        await announce_change(session, Kind.PEER, peer.id)
        return peer, asset

    async def open_account(
        self, *, peer_id: UUID, asset_id: UUID, ledger: int, initial_liquidity: int | None
    ) -> None:
        """Create a peer's account and deposit into it; a repeat is a no-op."""
        account = new_account(
            AccountCode.PEER, account_id=peer_id.int, ledger=ledger, asset_id=asset_id.int
        )
        await self._ledger.create_accounts([account])
        if initial_liquidity:
            plan = deposit(
                transfer_id=derive_id("peer initial liquidity", peer_id.int),
                account_id=peer_id.int,
                amount=initial_liquidity,
                ledger=ledger,
                cause_id=peer_id.int,
            )
            await bring_in(self._ledger, plan)

    async def get(self, scope: Scope, peer_id: UUID) -> tuple[Peer, Asset]:
        """One peer with its asset; raises NotFound."""
        async with self._database.read() as session:
            peer = await repository.get(session, peer_id, scope.filter)
            if peer is None:
                raise unknown_peer(peer_id)
            return peer, (await assets.by_ids(session, [peer.asset_id]))[peer.asset_id]

    async def find(
        self, scope: Scope, static_ilp_address: str, asset_id: UUID
    ) -> tuple[Peer, Asset]:
        """One peer by ILP address and asset; raises NotFound."""
        async with self._database.read() as session:
            peer = await repository.find(session, scope.owner, static_ilp_address, asset_id)
            if peer is None:
                raise unknown_peer(static_ilp_address)
            return peer, (await assets.by_ids(session, [peer.asset_id]))[peer.asset_id]

    async def page(self, scope: Scope, query: PageQuery) -> tuple[Page[Peer], Mapping[UUID, Asset]]:
        """A page of peers, newest first, and their assets."""
        async with self._database.read() as session:
            page = await repository.page(session, scope.filter, query)
            return page, await assets.by_ids(session, [peer.asset_id for peer in page.items])

    async def change(
        self,
        session: WriteSession,
        scope: Scope,
        peer_id: UUID,
        *,
        values: Mapping[str, Any],
        incoming_tokens: Sequence[str] | None,
    ) -> tuple[Peer, Asset]:
        """Change some fields, named as in Peer."""
        moves = not {"static_ilp_address", "routes"}.isdisjoint(values)
        if moves:
            await self._names.lock(session)
        if await repository.get(session, peer_id, scope.filter) is None:
            raise unknown_peer(peer_id)
        _check_values(values)
        if values:
            await repository.change(session, peer_id, values)
        if incoming_tokens is not None:
            _check_tokens(incoming_tokens, "incoming_auth_tokens")
            await repository.replace_tokens(session, peer_id, incoming_tokens)
        peer = await repository.get(session, peer_id, scope.filter)
        assert peer is not None, "it was there in this transaction"
        if moves:
            await self._names.check_peer(session, peer.tenant_id, peer.prefixes)
        await announce_change(session, Kind.PEER, peer_id)
        return peer, (await assets.by_ids(session, [peer.asset_id]))[peer.asset_id]

    async def check_empty(self, scope: Scope, peer_id: UUID) -> None:
        """Raise FailedPrecondition while the peer's account holds money or packets are in flight.

        Also while money is held of which nobody knows whether the peer has it: whoever paid for
        such a packet did it in an asset of their own, so that each asset may have such an account.
        A packet that sets out at this moment may still move money: what is deleted can be
        withdrawn from, so that it is not lost.
        """
        peer, _ = await self.get(scope, peer_id)
        account = (await self._ledger.lookup_accounts([peer.id.int])).get(peer.id.int)
        if account is not None and not is_settled(account):
            raise peer_holds_money(peer_id, balance=balance(account))
        async with self._database.read() as session:
            ledgers = [asset.ledger for asset in await assets.load_all(session)]
        unknown_ids = [unknown_account_id(peer.id.int, ledger=ledger) for ledger in ledgers]
        for start in range(0, len(unknown_ids), LOOKUP_IDS_MAX):
            chunk = unknown_ids[start : start + LOOKUP_IDS_MAX]
            if not all(map(is_settled, (await self._ledger.lookup_accounts(chunk)).values())):
                raise peer_has_unknown_packets(peer_id)

    async def delete(
        self, session: WriteSession, scope: Scope, peer_id: UUID
    ) -> tuple[Peer, Asset]:
        """Delete a peer: no packet goes to it or comes from it any more.

        `check_empty` comes before the transaction.
        """
        peer = await repository.get(session, peer_id, scope.filter)
        if peer is None:
            raise unknown_peer(peer_id)
        await repository.mark_deleted(session, peer_id, self._clock.now())
        await announce_change(session, Kind.PEER, peer_id)
        return peer, (await assets.by_ids(session, [peer.asset_id]))[peer.asset_id]


def _check(new: NewPeer) -> None:
    _check_values(
        {
            "static_ilp_address": new.static_ilp_address,
            "outgoing_endpoint": new.outgoing_endpoint,
            "outgoing_token": new.outgoing_token,
            "routes": new.routes,
        }
    )
    _check_tokens(new.incoming_tokens, "incoming_auth_tokens")


def _check_values(values: Mapping[str, Any]) -> None:
    address = values.get("static_ilp_address")
    if address is not None and not (is_valid_address(address) and is_routable(address)):
        raise invalid_ilp_address("static_ilp_address", address)
    for prefix in values.get("routes") or ():
        if not (is_valid_prefix(prefix) and is_routable(prefix)):
            raise invalid_ilp_address("routes", prefix)
    endpoint = values.get("outgoing_endpoint")
    if endpoint is not None:
        parts = urlsplit(endpoint)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise invalid_endpoint(endpoint)
    token = values.get("outgoing_token")
    if token is not None:
        _check_tokens([token], "outgoing.auth_token")


def _check_tokens(tokens: Sequence[str], field: str) -> None:
    for token in tokens:
        visible = token.isascii() and token.isprintable() and " " not in token
        if not 1 <= len(token) <= TOKEN_CHARS_MAX or not visible:
            raise invalid_token(field)
