"""What peers add to a process."""

from typing import Any

from servicekit.commands import Command, Commands
from servicekit.parts import Part

from services.backend.ledger.interface import LedgerReader
from services.backend.peers.build import Peers
from services.backend.peers.model import PeerView
from services.backend.peers.roles import PeerByUrl
from services.backend.peers.servicer import PeerServicer
from services.backend.tenants.scope import Scopes


def part(
    peers: Peers,
    *,
    by_url: Command[PeerByUrl, Any, PeerView],
    commands: Commands,
    ledger: LedgerReader,
    scopes: Scopes,
) -> Part:
    """Their RPCs; `by_url` asks other nodes to be peers."""
    servicer = PeerServicer(
        peers=peers, by_url=by_url, commands=commands, ledger=ledger, scopes=scopes
    )
    return Part(servicers=[servicer])
