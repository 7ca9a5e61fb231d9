"""The statements of the Postgres ledger; its functions are in the migrations."""
# ruff: noqa: S608 - the statements are put together from constants of this file

from typing import Final

_ACCOUNT_COLUMNS: Final = (
    "id, ledger, code, flags, user_data_128, user_data_64, user_data_32, "
    'debits_pending, debits_posted, credits_pending, credits_posted, "timestamp"'
)
_TRANSFER_COLUMNS: Final = (
    "id, debit_account_id, credit_account_id, amount, ledger, code, kind, pending_id, timeout_s, "
    'user_data_128, user_data_64, user_data_32, "timestamp"'
)

LOAD_BATCH: Final = """
SELECT * FROM ledger.load_batch(
    $1::text::uuid[], $2::text::uuid[], $3::text::uuid[], $4::bigint, $5::integer
)
"""

_STORE_TYPES: Final = (
    *("uuid", "numeric", "numeric", "numeric", "numeric", "bigint"),  # accounts
    *("uuid", "uuid", "uuid", "numeric", "integer", "integer", "integer", "uuid", "integer"),
    *("uuid", "numeric", "bigint", "bigint"),  # user data and timestamp of transfers
    *("uuid", "integer"),  # resolved pending transfers
)
STORE_BATCH: Final = "SELECT ledger.store_batch({})".format(
    ", ".join(f"${at}::text::{kind}[]" for at, kind in enumerate(_STORE_TYPES, 1))
)

_APPLY_TYPES: Final = (
    *("uuid", "integer", "integer", "smallint", "uuid", "numeric", "bigint"),  # new accounts
    *("uuid", "uuid", "uuid", "numeric", "integer", "integer", "integer", "uuid", "integer"),
    *("uuid", "numeric", "bigint"),  # user data of transfers
)
APPLY_BATCH: Final = "SELECT * FROM ledger.apply_batch({}, ${}::bigint)".format(
    ", ".join(f"${at}::text::{kind}[]" for at, kind in enumerate(_APPLY_TYPES, 1)),
    len(_APPLY_TYPES) + 1,
)

CREATE_ACCOUNTS: Final = """
INSERT INTO ledger.accounts
        (id, ledger, code, flags, user_data_128, user_data_64, user_data_32, "timestamp")
    SELECT u.id, u.ledger, u.code, u.flags, u.data_128, u.data_64, u.data_32,
        coalesce($8::bigint, ledger.now_ns())
    FROM unnest($1::text::uuid[], $2::text::integer[], $3::text::integer[],
            $4::text::smallint[], $5::text::uuid[], $6::text::numeric[], $7::text::bigint[])
        AS u(id, ledger, code, flags, data_128, data_64, data_32)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
"""

# The sub-select is evaluated once, which lets the index use it although the time is volatile.
_IS_ANY_DUE: Final = """
EXISTS (
    SELECT FROM ledger.pending_transfers
    WHERE state = 0 AND expires_at_ns > 0
        AND expires_at_ns <= (SELECT coalesce({now}::bigint, ledger.now_ns()))
)
"""
IS_ANY_DUE: Final = f"SELECT {_IS_ANY_DUE.format(now='$1')}"

# One row an account, or one without an account when there is none: each says whether any pending
# transfer is due, for then the balances are not what they should be.
LOOKUP_ACCOUNTS: Final = f"""
SELECT {_ACCOUNT_COLUMNS}, is_any_due
    FROM (SELECT {_IS_ANY_DUE.format(now="$2")} AS is_any_due) due
    LEFT JOIN ledger.accounts ON id = ANY ($1::text::uuid[])
"""

LOOKUP_TRANSFERS: Final = f"""
SELECT {_TRANSFER_COLUMNS} FROM ledger.transfers WHERE id = ANY ($1::text::uuid[])
"""


def _history(*, compare: str, direction: str) -> str:
    """Merge the two sides of an account, each read from its index and only as far as needed."""
    sides = " UNION ALL ".join(
        f'(SELECT {_TRANSFER_COLUMNS} FROM ledger.transfers WHERE {side} = $1 AND "timestamp" '
        f'{compare} $2 ORDER BY "timestamp" {direction} LIMIT $3)'
        for side in ("debit_account_id", "credit_account_id")
    )
    return f'SELECT * FROM ({sides}) sides ORDER BY "timestamp" {direction} LIMIT $3'


HISTORY_OLDEST_FIRST: Final = _history(compare=">", direction="ASC")
HISTORY_NEWEST_FIRST: Final = _history(compare="<", direction="DESC")

# Only what is pending is read, from the index of what is due; it is sorted as it is found, since
# little is ever pending.
RESERVATIONS: Final = f"""
SELECT {", ".join("t." + name.strip() for name in _TRANSFER_COLUMNS.split(","))}
    FROM ledger.pending_transfers p JOIN ledger.transfers t ON t.id = p.id
    WHERE p.state = 0 AND p.expires_at_ns > (SELECT coalesce($5::bigint, ledger.now_ns()))
        AND p.code = $1 AND t."timestamp" > $2 AND t."timestamp" <= $3
    ORDER BY t."timestamp" FETCH FIRST ($4) ROWS WITH TIES
"""
