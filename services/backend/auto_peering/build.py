"""Peering by URL, put together."""

from dataclasses import dataclass
from uuid import UUID

import aiohttp
from servicekit.ids import IdSource

from services.backend.auto_peering.client import HttpPeeringClient
from services.backend.auto_peering.commands.accept_peering import AcceptPeering, Allowed
from services.backend.auto_peering.commands.peer_by_url import PeerWithUrl
from services.backend.auto_peering.peering import Peering
from services.backend.directory.worker import Directory
from services.backend.peers.build import Peers
from services.backend.peers.commands.create_peer import PeerLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoPeering:
    """Both ends of it."""

    ask: PeerWithUrl
    accept: AcceptPeering


def build(
    *,
    session: aiohttp.ClientSession,
    peers: Peers,
    directory: Directory,
    ledger: PeerLedger,
    operator_id: UUID,
    connector_url: str,
    name: str,
    allowed: Allowed,
    ids: IdSource,
) -> AutoPeering:
    """Wire them."""
    peering = Peering(create=peers.create, update=peers.update, ledger=ledger, ids=ids)
    return AutoPeering(
        ask=PeerWithUrl(
            client=HttpPeeringClient(session),
            peering=peering,
            directory=directory,
            ledger=ledger,
            connector_url=connector_url,
            name=name,
        ),
        accept=AcceptPeering(
            peering=peering,
            directory=directory,
            ledger=ledger,
            operator_id=operator_id,
            allowed=allowed,
        ),
    )
