"""What peers add to a process."""

from servicekit.commands import Commands
from servicekit.parts import Part

from services.backend.calls import Calls
from services.backend.ledger.interface import LedgerReader
from services.backend.peers.service import PeerService
from services.backend.peers.servicer import PeerServicer
from services.backend.tenants.scope import Scopes


def part(peers: PeerService, *, commands: Commands, ledger: LedgerReader, scopes: Scopes) -> Part:
    """Their RPCs."""
    calls = Calls(commands=commands)
    return Part(servicers=[PeerServicer(peers=peers, ledger=ledger, calls=calls, scopes=scopes)])
