"""What sign-ins to the admin pages add to a process."""

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.ids import IdSource
from servicekit.parts import Part

from services.backend.admin_sessions.service import AdminSessionService, SignatureCheck
from services.backend.admin_sessions.servicer import SessionServicer


def part(*, database: Database, signatures: SignatureCheck, clock: Clock, ids: IdSource) -> Part:
    """Their RPCs."""
    sessions = AdminSessionService(database=database, signatures=signatures, clock=clock, ids=ids)
    return Part(servicers=[SessionServicer(sessions=sessions)])
