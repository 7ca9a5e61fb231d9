"""What the reconciler adds to a process."""

from servicekit.clock import Clock
from servicekit.commands import Commands
from servicekit.metrics import StoreReading
from servicekit.parts import Part

from services.backend.tenants.scope import Scopes
from services.backend.unknown_packets.build import Reconciler
from services.backend.unknown_packets.servicer import UnknownPacketServicer


def part(reconciler: Reconciler, *, commands: Commands, scopes: Scopes, clock: Clock) -> Part:
    """Its RPCs and its search."""
    servicer = UnknownPacketServicer(
        queries=reconciler.queries,
        resolve=reconciler.resolve,
        commands=commands,
        scopes=scopes,
        clock=clock,
    )
    unresolved = StoreReading(
        [("rafiki_unknown_packets_open", "packets whose outcome no peer could tell")],
        reconciler.queries.count_open,
    )
    return Part(
        servicers=[servicer],
        workers={"unknown packets": reconciler.worker.run},
        measures=[unresolved],
    )
