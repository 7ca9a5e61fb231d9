"""Make a node that asks for it a peer, within what the operator allows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from ilpkit.ilp.address import has_prefix
from servicekit.commands import Command
from servicekit.database import WriteSession
from servicekit.errors import ServiceError

from services.backend.assets.model import Asset
from services.backend.auto_peering.errors import (
    INVALID_PEER_ILP_CONFIGURATION,
    INVALID_PEERING_REQUEST,
    UNKNOWN_ASSET,
    PeeringRefused,
)
from services.backend.auto_peering.model import PeeringRequest
from services.backend.auto_peering.peering import Peering, Sides
from services.backend.directory.worker import Directory
from services.backend.ledger.ids import derive_id
from services.backend.ledger.interface import LedgerReader, LedgerWriter
from services.backend.ledger.rules.accounting import deposit
from services.backend.ledger.rules.outcome import bring_in
from services.backend.peers.model import PeerView

PEERS_MAX: Final = 10_000
"""Peers of the operator beyond which nobody is made one by asking."""


class AcceptingLedger(LedgerReader, LedgerWriter, Protocol):
    """What the first deposit needs of the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What the operator allows those that ask."""

    prefixes: Sequence[str]
    """ILP addresses that they may have or lie below; nobody else may ask."""
    liquidity: int
    """What a new peer may owe this node, in its asset's units; with 0 it can send nothing until an
    operator deposits liquidity for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPeering:
    """A request from outside, and the bearer token that came with it."""

    request: PeeringRequest
    token: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A node that may be a peer in this asset."""

    asset: Asset
    renews: bool
    """Whether it is one already, and showed it."""


class AcceptPeering(Command[AskedPeering, Accepted, PeerView]):
    """Raises PeeringRefused.

    The peer is the operator's. One that is there already is only renewed for who shows the token
    that it has now: else anybody could put their own URL in its place.
    """

    def __init__(
        self,
        *,
        peering: Peering,
        directory: Directory,
        ledger: AcceptingLedger,
        operator_id: UUID,
        allowed: Allowed,
    ) -> None:
        self._peering = peering
        self._directory = directory
        self._ledger = ledger
        self._operator_id = operator_id
        self._allowed = allowed

    async def read(self, given: AskedPeering) -> Accepted:
        """The operator's asset, if the node that asks may be a peer."""
        request, snapshot = given.request, self._directory.snapshot
        asset = next(
            (
                asset
                for asset in snapshot.assets.values()
                if asset.tenant_id == self._operator_id
                and (asset.code, asset.scale) == (request.asset.code, request.asset.scale)
            ),
            None,
        )
        if asset is None:
            raise PeeringRefused(UNKNOWN_ASSET, f"{request.asset.code}/{request.asset.scale}")
        address = request.static_ilp_address
        if not any(has_prefix(address, allowed) for allowed in self._allowed.prefixes):
            raise PeeringRefused(
                INVALID_PEERING_REQUEST, f"this node makes nobody at {address} a peer by asking"
            )
        shown = None if given.token is None else snapshot.peer_of_token(given.token)
        routes = snapshot.routes(self._operator_id)
        others = [prefix for prefix in routes if prefix and _overlap(prefix, address)]
        renews = shown is not None and (shown.peer.static_ilp_address, shown.asset.id) == (
            address,
            asset.id,
        )
        if others and not renews:
            raise PeeringRefused(
                INVALID_PEERING_REQUEST, f"{address} overlaps with the address of a peer"
            )
        if len(snapshot.peers) >= PEERS_MAX and not renews:
            raise PeeringRefused(INVALID_PEERING_REQUEST, f"there are {PEERS_MAX} peers already")
        return Accepted(asset=asset, renews=renews)

    async def write(self, session: WriteSession, given: AskedPeering, facts: Accepted) -> PeerView:
        """The peer, new or renewed."""
        request = given.request
        sides = Sides(
            asset=facts.asset,
            static_ilp_address=request.static_ilp_address,
            endpoint=request.ilp_connector_url,
            incoming_token=request.http_token,
            outgoing_token=self._peering.new_token(),
            name=request.name,
            max_packet_amount=request.max_packet_amount,
        )
        try:
            return await self._peering.write(session, sides, renew=facts.renews)
        except ServiceError as refused:
            raise PeeringRefused(INVALID_PEER_ILP_CONFIGURATION, refused.message) from refused

    async def finish(self, given: AskedPeering, done: PeerView) -> None:
        """Its account, and what it may owe at first, deposited once."""
        del given
        await self._peering.open_account(done)
        if self._allowed.liquidity:
            plan = deposit(
                transfer_id=derive_id("peer initial liquidity", done.peer.id.int),
                account_id=done.peer.id.int,
                amount=self._allowed.liquidity,
                ledger=done.asset.ledger,
                cause_id=done.peer.id.int,
            )
            await bring_in(self._ledger, plan)


def _overlap(one: str, other: str) -> bool:
    return has_prefix(one, other) or has_prefix(other, one)
