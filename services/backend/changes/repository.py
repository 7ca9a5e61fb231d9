"""SQL for the processes that trust what they hold in memory, and for asking what they heard."""

from typing import Final

from servicekit.database import Database, WriteSession
from servicekit.statements import prepared
from sqlalchemy import text

PURGE_ROWS_MAX: Final = 1_000
TRUST: Final = prepared(
    text(
        "INSERT INTO trusting_processes (name, ends_at)"
        " VALUES (:name, clock_timestamp() + make_interval(secs => CAST(:seconds AS float8)))"
        " ON CONFLICT (name) DO UPDATE SET ends_at = excluded.ends_at"
    )
)
"""Run on the connection that notifications come on."""
# A volatile function in a WITH runs once, also when no row is found.
_ASK: Final = prepared(
    text(
        "WITH asked AS MATERIALIZED"
        " (SELECT pg_notify(CAST(:channel AS text), CAST(:question AS text)))"
        " SELECT name, CAST(extract(epoch FROM ends_at - clock_timestamp()) AS float8) AS left_s"
        " FROM asked, trusting_processes WHERE ends_at > clock_timestamp()"
    )
)
_ANSWER: Final = prepared(text("SELECT pg_notify(CAST(:channel AS text), CAST(:answer AS text))"))
_END: Final = prepared(text("DELETE FROM trusting_processes WHERE name = :name"))
_PURGE: Final = prepared(
    text(
        "DELETE FROM trusting_processes WHERE name IN (SELECT name FROM trusting_processes"
        " WHERE ends_at < clock_timestamp() - INTERVAL '1 hour'"
        " LIMIT CAST(:rows AS int) FOR UPDATE SKIP LOCKED)"
    )
)


async def ask(database: Database, *, channel: str, question: str) -> dict[str, float]:
    """Ask every process; gives those that trust their memory, and for how many seconds more."""
    rows = await database.write_one(_ASK, {"channel": channel, "question": question})
    return {row.name: row.left_s for row in rows.all()}


async def answer(database: Database, *, channel: str, answer: str) -> None:
    """Answer a question."""
    await database.write_one(_ANSWER, {"channel": channel, "answer": answer})


async def end_trust(database: Database, name: str) -> None:
    """A process serves nothing any more."""
    await database.write_one(_END, {"name": name})


async def purge(session: WriteSession) -> int:
    """Delete a page of processes that ended long ago; returns how many."""
    return (await session.execute(_PURGE, {"rows": PURGE_ROWS_MAX})).rowcount
