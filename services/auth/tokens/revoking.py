"""The end of a grant that is taken back: its own, and that of its tokens."""

from datetime import datetime

from servicekit.database import WriteSession

from services.auth.grants import repository as grants
from services.auth.grants.model import Finalization, Grant, GrantState
from services.auth.tokens import repository as tokens
from services.auth.tokens.ended import announce_end


async def revoke_grant(session: WriteSession, grant: Grant, now: datetime) -> None:
    """Revoke a live grant and its tokens; raises FactsChanged if it is no longer as given."""
    grants.move(session, grant, GrantState.FINALIZED, Finalization.REVOKED)
    tokens.revoke_of_grant(session, grant.id, now)
    await announce_end(session, grant.id)
