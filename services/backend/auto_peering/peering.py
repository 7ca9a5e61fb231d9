"""What both ends of a peering by URL write: the peer, made new or renewed."""

import base64
from dataclasses import dataclass
from typing import Final

from servicekit.commands import FactsChanged
from servicekit.database import WriteSession
from servicekit.ids import IdSource

from services.backend.assets.model import Asset
from services.backend.ledger.interface import LedgerAccounts
from services.backend.ledger.rules.chart import AccountCode, new_account
from services.backend.peers import repository
from services.backend.peers.commands.create_peer import CreatePeer, NewPeer
from services.backend.peers.commands.update_peer import PeerChanges, UpdatePeer
from services.backend.peers.model import PeerView
from services.backend.tenants.scope import Scope

TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """What both nodes said."""

    asset: Asset
    static_ilp_address: str
    endpoint: str
    incoming_token: str
    outgoing_token: str
    name: str | None
    max_packet_amount: int | None
    liquidity_threshold: int | None = None


class Peering:
    """Writes peers by the commands that administrators' calls run."""

    def __init__(
        self, *, create: CreatePeer, update: UpdatePeer, ledger: LedgerAccounts, ids: IdSource
    ) -> None:
        self._create = create
        self._update = update
        self._ledger = ledger
        self._ids = ids

    def new_token(self) -> str:
        """A bearer token that nobody can guess."""
        return base64.urlsafe_b64encode(self._ids.token(TOKEN_BYTES)).decode().rstrip("=")

    async def write(self, session: WriteSession, sides: Sides, *, renew: bool) -> PeerView:
        """Create the peer, or renew its tokens, its URL and what else was said; nothing is cleared.

        Raises InvalidArgument and AlreadyExists as the commands do, and FactsChanged when there is
        one that is not to be renewed.
        """
        asset = sides.asset
        scope = Scope(asset.tenant_id, sees_all=False)
        before = await repository.find(session, asset.tenant_id, sides.static_ilp_address, asset.id)
        if before is None:
            new = NewPeer(
                scope=scope,
                asset_id=asset.id,
                static_ilp_address=sides.static_ilp_address,
                name=sides.name,
                incoming_tokens=[sides.incoming_token],
                outgoing_endpoint=sides.endpoint,
                outgoing_token=sides.outgoing_token,
                max_packet_amount=sides.max_packet_amount,
                liquidity_threshold=sides.liquidity_threshold,
                routes=(),
                initial_liquidity=None,
            )
            return await self._create.write(session, new, None)
        if not renew:
            raise FactsChanged
        said = {
            "name": sides.name,
            "max_packet_amount": sides.max_packet_amount,
            "liquidity_threshold": sides.liquidity_threshold,
            "outgoing_endpoint": sides.endpoint,
            "outgoing_token": sides.outgoing_token,
        }
        changes = PeerChanges(
            scope=scope,
            peer_id=before.id,
            values={name: value for name, value in said.items() if value is not None},
            incoming_tokens=[sides.incoming_token],
        )
        return await self._update.write(session, changes, None)

    async def open_account(self, view: PeerView) -> None:
        """Its account in the ledger; one that is there stays."""
        account = new_account(
            AccountCode.PEER,
            account_id=view.peer.id.int,
            ledger=view.asset.ledger,
            asset_id=view.asset.id.int,
        )
        await self._ledger.create_accounts([account])
