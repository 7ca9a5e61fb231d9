"""Tells every process, with the transaction, that a grant lost a token before its time."""

from typing import Final
from uuid import UUID

from servicekit.database import WriteSession

REVOCATIONS_CHANNEL: Final = "rafiki_auth_revocations"
EVERY_GRANT: Final = "*"


async def announce_end(session: WriteSession, grant_id: UUID | None) -> None:
    """None stands for every grant there is."""
    await session.notify(REVOCATIONS_CHANNEL, EVERY_GRANT if grant_id is None else str(grant_id))
