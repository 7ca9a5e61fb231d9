"""What introspection adds to a process."""

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.parts import Heard, Part

from services.auth.introspection.queries import TokenIntrospection
from services.auth.introspection.revocations import RevocationNotices
from services.auth.introspection.servicer import IntrospectionServicer
from services.auth.tokens.ended import REVOCATIONS_CHANNEL


def part(*, database: Database, clock: Clock) -> Part:
    """What resource servers ask, and what they are told of revocations."""
    notices = RevocationNotices()
    servicer = IntrospectionServicer(
        introspection=TokenIntrospection(database=database, clock=clock),
        notices=notices,
        clock=clock,
    )
    heard = Heard(on_notify=notices.on_notify, on_reload=notices.on_reload)
    return Part(
        servicers=[servicer], channels={REVOCATIONS_CHANNEL: heard}, leaving=[notices.close]
    )
