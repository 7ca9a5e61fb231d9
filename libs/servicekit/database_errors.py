"""What the driver raises, as errors for callers: the only module that reads SQLSTATEs.

A database that is away or busy is `Unavailable`. What is there already is SQLAlchemy's
`IntegrityError`, for the repository that knows what that means. A reference to what is not there is
`NotFound`, and a value that a column can't hold `InvalidArgument`, both by the constraint's name.
Anything else is a fault of the statement, so ours, and stays a `DBAPIError`. None shows the
parameters, which may be secret.
"""

from types import MappingProxyType

import asyncpg
from sqlalchemy.exc import DBAPIError, IntegrityError

from servicekit.errors import (
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    ServiceError,
    Unavailable,
)

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_RETRIABLE = frozenset({"40001", "40P01"})
_BUSY = frozenset({"55P03", "57014", "25P03"})
_DOWN_CLASSES = ("08", "53", "57P")
_RETRY_AFTER_MS = 100
_TAKEN = frozenset({"23505", "23P01"})
_NO_SUCH_ROW = "23503"
_CHECK = "23514"
# Text, a number or a time that the column's type or index can't hold; NUL in text or JSON.
_NOT_STORABLE = frozenset({"22001", "22003", "22008", "22021", "22P05", "54000"})
# The reason by the column that refers to the missing row; names are fk_<table>_<column>.
_UNKNOWN = MappingProxyType(
    {
        "tenant_id": "UNKNOWN_TENANT",
        "asset_id": "UNKNOWN_ASSET",
        "peer_id": "UNKNOWN_PEER",
        "wallet_address_id": "UNKNOWN_WALLET_ADDRESS",
        "quote_id": "UNKNOWN_QUOTE",
    }
)


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
    refusal = _refusal(error, state)
    if refusal is not None:
        return refusal
    kind = IntegrityError if state in _TAKEN else DBAPIError
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


def _refusal(error: Exception, state: str | None) -> ServiceError | None:
    """What the caller did wrong, where the constraint alone tells."""
    constraint = str(getattr(error, "constraint_name", None) or "")
    if state == _NO_SUCH_ROW:
        field = constraint.removeprefix(f"fk_{getattr(error, 'table_name', None)}_")
        reason = _UNKNOWN.get(field, "INVALID_FIELD")
        return NotFound(reason, f"{field} names nothing that is there", field=field)
    if state == _CHECK:
        return InvalidArgument(
            "INVALID_FIELD",
            f"a value is against the rule {constraint}",
            metadata={"limit": constraint},
        )
    # The driver refuses a number beyond its column's type before Postgres sees it.
    if state in _NOT_STORABLE or isinstance(error.__cause__, OverflowError):
        return InvalidArgument("INVALID_FIELD", "a value is too long or out of range to be stored")
    return None


def _unavailable(message: str) -> Unavailable:
    return Unavailable("UNAVAILABLE", message, retry_after_ms=_RETRY_AFTER_MS)
