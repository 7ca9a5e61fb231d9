"""What sign-ins to the admin pages add to a process."""

from servicekit.clock import Clock
from servicekit.commands import Commands
from servicekit.database import Database
from servicekit.ids import IdSource
from servicekit.parts import Part

from services.backend.admin_sessions.commands.end_session import EndSession
from services.backend.admin_sessions.commands.start_session import SignatureCheck, StartSession
from services.backend.admin_sessions.queries import SessionQueries
from services.backend.admin_sessions.servicer import SessionServicer


def part(
    *,
    database: Database,
    commands: Commands,
    signatures: SignatureCheck,
    clock: Clock,
    ids: IdSource,
) -> Part:
    """Their RPCs."""
    servicer = SessionServicer(
        start=StartSession(signatures=signatures, clock=clock, ids=ids),
        end=EndSession(),
        queries=SessionQueries(database=database, clock=clock),
        commands=commands,
    )
    return Part(servicers=[servicer])
