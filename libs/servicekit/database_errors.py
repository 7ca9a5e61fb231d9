"""What the driver raises, as errors for callers: the only module that reads SQLSTATEs.

A database that is away or busy is `Unavailable`. A violated constraint is SQLAlchemy's
`IntegrityError`, for the repository that knows what it means. Anything else is a fault of the
statement, so ours, and stays a `DBAPIError`. Neither shows the parameters, which may be secret.
"""

import asyncpg
from sqlalchemy.exc import DBAPIError, IntegrityError

from servicekit.errors import ResourceExhausted, Unavailable

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_RETRIABLE = frozenset({"40001", "40P01"})
_BUSY = frozenset({"55P03", "57014", "25P03"})
_DOWN_CLASSES = ("08", "53", "57P")
_RETRY_AFTER_MS = 100


def as_error(error: Exception, sql: str | None, *, broken: bool) -> Exception:
    """What to raise for a failed statement.

    Args:
        error: what asyncpg raised.
        sql: the statement, or None when connecting failed.
        broken: whether the connection ended with it.
    """
    state = sqlstate(error)
    if state in _RETRIABLE | _BUSY:
        return _unavailable("the database is busy with another change")
    if broken or isinstance(error, OSError | TimeoutError):
        return _unavailable("the database does not answer")
    if state is not None and state.startswith(_DOWN_CLASSES):
        return _unavailable("the database does not answer")
    kind = IntegrityError if (state or "").startswith("23") else DBAPIError
    return kind(sql, None, error, hide_parameters=True)


def no_free_connection() -> ResourceExhausted:
    """For a caller that waited in vain for a connection."""
    return ResourceExhausted(
        "OVERLOADED", "all database connections are in use", retry_after_ms=_RETRY_AFTER_MS
    )


def sqlstate(error: BaseException | None) -> str | None:
    """The five characters by which Postgres names an error; None when it is not Postgres'."""
    if isinstance(error, DBAPIError):
        error = error.orig
    return error.sqlstate if isinstance(error, asyncpg.PostgresError) else None


def constraint_name(error: DBAPIError) -> str | None:
    """The violated constraint of an integrity error."""
    return getattr(error.orig, "constraint_name", None)


def is_retriable(error: Unavailable) -> bool:
    """Whether the transaction surely did nothing, so that running it again is safe."""
    return sqlstate(error.__cause__) in _RETRIABLE


def _unavailable(message: str) -> Unavailable:
    return Unavailable("UNAVAILABLE", message, retry_after_ms=_RETRY_AFTER_MS)
