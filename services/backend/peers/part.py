"""What peers add to a process."""

from servicekit.commands import Commands
from servicekit.parts import Part

from services.backend.ledger.interface import LedgerReader
from services.backend.peers.build import Peers
from services.backend.peers.servicer import PeerServicer
from services.backend.tenants.scope import Scopes


def part(peers: Peers, *, commands: Commands, ledger: LedgerReader, scopes: Scopes) -> Part:
    """Their RPCs."""
    servicer = PeerServicer(peers=peers, commands=commands, ledger=ledger, scopes=scopes)
    return Part(servicers=[servicer])
