"""What the explanation of routes and rates adds to a process."""

from servicekit.clock import Clock
from servicekit.parts import Part

from services.backend.directory.worker import Directory
from services.backend.ledger.interface import LedgerReader
from services.backend.rates.service import Rates
from services.backend.routing.service import RoutingService
from services.backend.routing.servicer import RoutingServicer
from services.backend.tenants.scope import Scopes


def part(
    *, directory: Directory, rates: Rates, ledger: LedgerReader, scopes: Scopes, clock: Clock
) -> Part:
    """Its RPCs."""
    routing = RoutingService(directory=directory, rates=rates, ledger=ledger, clock=clock)
    return Part(servicers=[RoutingServicer(routing=routing, scopes=scopes)])
