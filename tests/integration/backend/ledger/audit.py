"""Checks a Postgres ledger from the outside, with nothing but SQL."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from tests.integration.backend.ledger.workload import Chain

SIDES_DIFFER = """
SELECT ledger FROM ledger.accounts GROUP BY ledger
HAVING sum(debits_posted) <> sum(credits_posted) OR sum(debits_pending) <> sum(credits_pending)
"""

# Balances that don't follow from the transfers: posted from SINGLE and POST, pending from what is
# still pending.
BALANCES_DIFFER = """
WITH entries AS (
    SELECT debit_account_id AS id, amount AS debit, 0 AS credit, 0 AS debit_p, 0 AS credit_p
        FROM ledger.transfers WHERE kind IN (0, 2)
    UNION ALL SELECT credit_account_id, 0, amount, 0, 0
        FROM ledger.transfers WHERE kind IN (0, 2)
    UNION ALL SELECT debit_account_id, 0, 0, amount, 0
        FROM ledger.pending_transfers WHERE state = 0
    UNION ALL SELECT credit_account_id, 0, 0, 0, amount
        FROM ledger.pending_transfers WHERE state = 0
), sums AS (
    SELECT id, sum(debit) AS debit, sum(credit) AS credit, sum(debit_p) AS debit_p,
        sum(credit_p) AS credit_p FROM entries GROUP BY id
)
SELECT a.id FROM ledger.accounts a LEFT JOIN sums s USING (id)
WHERE (a.debits_posted, a.credits_posted, a.debits_pending, a.credits_pending) <>
    (coalesce(s.debit, 0), coalesce(s.credit, 0), coalesce(s.debit_p, 0), coalesce(s.credit_p, 0))
"""

PENDING_DIFFER = """
SELECT coalesce(t.id, p.id)
FROM (SELECT id FROM ledger.transfers WHERE kind = 1) t
FULL JOIN ledger.pending_transfers p USING (id)
WHERE t.id IS NULL OR p.id IS NULL
UNION ALL SELECT p.id FROM ledger.pending_transfers p
LEFT JOIN ledger.transfers r ON r.pending_id = p.id
WHERE p.state IN (1, 2) AND r.id IS NULL OR p.state IN (0, 3) AND r.id IS NOT NULL
"""


async def audit(url: str) -> None:
    """Assert that the books balance, to the unit."""
    connection: Any = await asyncpg.connect(url)
    try:
        for query in (SIDES_DIFFER, BALANCES_DIFFER, PENDING_DIFFER):
            assert await connection.fetch(query) == [], query
    finally:
        await connection.close()


async def applied(url: str, chains: Sequence[Chain]) -> int:
    """Return how many of the chains are in the ledger; assert that none is there in part."""
    connection: Any = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT id FROM ledger.transfers")
    finally:
        await connection.close()
    present = {UUID(str(row[0])).int for row in rows}
    whole = 0
    for chain in chains:
        found = sum(transfer.id in present for transfer in chain)
        assert found in (0, len(chain)), "a chain is there in part"
        whole += found > 0
    return whole
