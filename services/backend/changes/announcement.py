"""Tells every process of a change, in the transaction that makes it."""

from typing import Final
from uuid import UUID

from servicekit.database import WriteSession

from services.backend.changes.model import Change, Kind, encode_change

DIRECTORY_CHANNEL: Final = "rafiki_directory"


async def announce_change(session: WriteSession, kind: Kind, row_id: UUID) -> None:
    """Tell every process that a row which they hold in memory changes with this transaction.

    Whoever makes the change goes on after the commit when all of them have heard (`hearing`).
    """
    await session.notify(DIRECTORY_CHANNEL, encode_change(Change(kind, row_id)))
