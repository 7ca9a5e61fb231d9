"""What the driver raises, as typed errors: the only module that reads SQLSTATEs for the caller."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as CheckoutTimeoutError

from servicekit.errors import ResourceExhausted, Unavailable

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_RETRIABLE = frozenset({"40001", "40P01"})
_BUSY = frozenset({"55P03", "57014", "25P03"})
_DOWN_CLASSES = ("08", "53", "57P")
_RETRY_AFTER_MS = 100


@contextmanager
def translated() -> Iterator[None]:
    """Raise typed errors for a database that is away or busy; a wrong statement stays our bug."""
    try:
        yield
    except CheckoutTimeoutError as error:
        raise ResourceExhausted(
            "OVERLOADED", "all database connections are in use", retry_after_ms=_RETRY_AFTER_MS
        ) from error
    except DBAPIError as error:
        state = sqlstate(error)
        if state in _RETRIABLE | _BUSY:
            raise _unavailable("the database is busy with another change") from error
        if error.connection_invalidated or (state or "").startswith(_DOWN_CLASSES):
            raise _unavailable("the database does not answer") from error
        raise


@contextmanager
def connecting() -> Iterator[None]:
    """The same around making a connection, whose failures SQLAlchemy does not wrap."""
    try:
        yield
    except (OSError, TimeoutError, asyncpg.PostgresConnectionError) as error:
        raise _unavailable("the database does not answer") from error


def sqlstate(error: DBAPIError) -> str | None:
    """The five characters by which Postgres names an error; none for a broken connection."""
    return getattr(error.orig, "sqlstate", None)


def constraint_name(error: DBAPIError) -> str | None:
    """The violated constraint of an integrity error."""
    driver_error = getattr(error.orig, "__cause__", None)
    return getattr(driver_error, "constraint_name", None)


def is_retriable(error: Unavailable) -> bool:
    """Whether the transaction surely did nothing, so that running it again is safe."""
    cause = error.__cause__
    return isinstance(cause, DBAPIError) and sqlstate(cause) in _RETRIABLE


def _unavailable(message: str) -> Unavailable:
    return Unavailable("UNAVAILABLE", message, retry_after_ms=_RETRY_AFTER_MS)
