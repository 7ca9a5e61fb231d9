"""Tells every process of a change, in the transaction that makes it."""

from typing import Final

from servicekit.database import WriteSession

from services.backend.changes import repository

DIRECTORY_CHANNEL: Final = "rafiki_directory"


async def announce_change(session: WriteSession) -> None:
    """Tell every process that tenants, assets or peers change with this transaction.

    It stands last in the transaction: the revision's row is one for all, held until the commit.
    """
    await repository.count_up(session)
    await session.notify(DIRECTORY_CHANNEL, "")
