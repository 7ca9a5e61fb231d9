"""What interactions add to a process."""

from servicekit.clock import Clock
from servicekit.commands import Commands
from servicekit.parts import Part, Route

from services.auth.interactions.build import Interactions
from services.auth.interactions.routes import PREFIX, InteractionRoutes
from services.auth.interactions.servicer import InteractionServicer
from services.auth.interactions.sessions import InteractionSessions


def part(
    interactions: Interactions, *, sessions: InteractionSessions, commands: Commands, clock: Clock
) -> Part:
    """The browser's way and the identity provider's."""
    browser = InteractionRoutes(
        clock=clock, commands=commands, interactions=interactions, sessions=sessions
    )
    return Part(
        servicers=[InteractionServicer(commands=commands, interactions=interactions)],
        routes=[Route(method="GET", path=PREFIX, handler=browser.handle, below=True)],
    )
