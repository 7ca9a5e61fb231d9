"""Sign out of the admin pages."""

from servicekit.commands import Command
from servicekit.database import WriteSession

from services.backend.admin_sessions import repository
from services.backend.admin_sessions.model import digest


class EndSession(Command[str, None, None]):
    """`given` is the session's token; one that is over already is no error."""

    async def write(self, session: WriteSession, given: str, facts: None) -> None:
        """The session goes."""
        del facts
        repository.remove(session, digest(given))
