"""Database URLs as operators write them, for the two libraries that open connections."""

from sqlalchemy import URL, make_url

_DRIVER = "postgresql+asyncpg"
_DIALECTS = frozenset({"postgres", "postgresql", _DRIVER})


def driver_url(url: str) -> URL:
    """The URL for SQLAlchemy's engine, which migrations use; libpq's `sslmode` is its `ssl`.

    Raises:
        ValueError: it is not a Postgres URL. The text holds no part of the URL, so no password.
    """
    try:
        parsed = make_url(url)
    except Exception:  # noqa: BLE001 - the library's text would quote the URL
        raise ValueError("not a database URL") from None
    if parsed.drivername not in _DIALECTS:
        raise ValueError("not a postgresql:// URL")
    query = dict(parsed.query)
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    return parsed.set(drivername=_DRIVER, query=query)


def asyncpg_url(url: str) -> str:
    """The URL for asyncpg itself, which reads what libpq reads; raises as `driver_url` does."""
    driver_url(url)
    return url.replace("+asyncpg", "", 1)
