"""Several writes in one statement: one round trip, and all of them happen or none.

Each write becomes a part of one `WITH` statement, which Postgres runs as a transaction of its own
when none is open. The parts see the database as it was before the statement, so no part sees what
another one wrote, and two parts must not change one row. Foreign keys are checked at the end, so a
part may refer to a row that another one inserts.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy.exc import DBAPIError

from servicekit.database_errors import constraint_name
from servicekit.statements import Prepared, Rows

COMBINATIONS_MAX: Final = 500
"""Statements kept; one a combination of writes that occurs together."""
# Quoted text is matched first, so that a "$1" inside of it is left alone.
_PARAMETER: Final = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\$(\d+)")
# Casting this text to a number fails, which undoes the statement and tells which part it was.
_WRONG_COUNT: Final = re.compile(r"write (\d+) touched (\d+) rows")


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A prepared statement with its values."""

    statement: Prepared
    values: Mapping[str, Any]
    rows: int | None = None
    """How many rows it must touch; with any other count nothing is written. None: any count."""
    constraint: str | None = None
    """The constraint that it may violate, for `refused`."""
    refused: Callable[[], Exception] | None = None
    """The error to raise for another count of rows, or for a violated `constraint`."""
    returned: Callable[[list[Any]], None] | None = None
    """Gets the one column that it returns, in no order; it takes no `rows` then."""


class UnexpectedRows(Exception):  # noqa: N818 - it reads as what happened
    """A write touched another number of rows than it must, and did not say what that means."""


def combined(writes: Sequence[Write]) -> tuple[Prepared, list[Any]]:
    """The one statement for these writes, and its arguments."""
    arguments = [
        argument for write in writes for argument in write.statement.arguments(write.values)
    ]
    if len(writes) == 1 and writes[0].rows is None and writes[0].returned is None:
        return writes[0].statement, arguments
    parts = tuple((write.statement, write.rows, write.returned is not None) for write in writes)
    return _combine(parts), arguments


def hand_back(writes: Sequence[Write], rows: Rows) -> None:
    """Give the writes what their statement returned."""
    if any(write.returned is not None for write in writes):
        for write, value in zip(writes, rows.one(), strict=True):
            if write.returned is not None:
                write.returned(value)


def refusal(writes: Sequence[Write], error: DBAPIError) -> Exception | None:
    """What the writes say that this failure means; None when they don't expect it."""
    wrong = _WRONG_COUNT.search(str(error.orig))
    if wrong is not None:
        refused = writes[int(wrong[1])].refused
        return UnexpectedRows(wrong[0]) if refused is None else refused()
    violated = constraint_name(error)
    for write in writes:
        if violated is not None and write.constraint == violated and write.refused is not None:
            return write.refused()
    return None


@lru_cache(maxsize=COMBINATIONS_MAX)
def _combine(parts: tuple[tuple[Prepared, int | None, bool], ...]) -> Prepared:
    bodies: list[str] = []
    results: list[str] = []
    offset = 0
    for number, (statement, rows, returns) in enumerate(parts):
        body = _shifted(statement.sql, offset)
        if statement.changes_rows and not statement.returns_rows:
            body += " RETURNING 1"
        offset += len(statement.names)
        # MATERIALIZED: a SELECT runs to its end although only its rows are counted.
        bodies.append(f"write_{number} AS MATERIALIZED ({body})")
        results.append(
            f"ARRAY(SELECT * FROM write_{number})" if returns else _count(number, rows)  # noqa: S608 - a number of ours
        )
    return Prepared(
        sql=f"WITH {', '.join(bodies)} SELECT {', '.join(results)}",
        names=(),
        binders={},
        column_types=(),
    )


def _count(number: int, rows: int | None) -> str:
    count = f"(SELECT count(*) FROM write_{number})"  # noqa: S608 - a number of ours
    if rows is None:
        return count
    complaint = f"'write {number} touched ' || {count} || ' rows'"
    return f"CASE WHEN {count} = {rows} THEN {rows} ELSE CAST({complaint} AS int) END"


def _shifted(sql: str, offset: int) -> str:
    def shift(match: re.Match[str]) -> str:
        return match[0] if match[1] is None else f"${int(match[1]) + offset}"

    return _PARAMETER.sub(shift, sql)
