"""Reads every book by SQL of its own: both nodes' databases and ledgers, and both banks' accounts.

It shares no code with the services or with other tests, so that it can't repeat their mistakes.
Amounts are units of the asset concerned; the numbers below are those of the ledger's chart.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg

from deploy.local.environment import NodeConfig
from tests.chaos.load import Made

_CODE_PEER: Final = 3
_CODES_OF_PAYMENTS: Final = (4, 5)
_PENDING: Final = 0
_DELIVERY_OPEN: Final = 0
_DELIVERY_PARKED: Final = 2
_TERMINAL: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED"})


@dataclass(slots=True)
class Findings:
    """Everything must be 0 once the network is at rest."""

    lost: int = 0
    """Units that the sender's node says it delivered and the receiver's ledger never got."""
    doubled: int = 0
    """Units that the receiver's ledger got beyond what the sender's node says."""
    drift: int = 0
    """Units by which the two banks' views of their position differ."""
    unbalanced: int = 0
    """Units by which debits and credits of a ledger differ."""
    customers: int = 0
    """Units by which a bank's entries differ from what its node says of the same payments."""
    stuck: int = 0
    """Payments that have not ended, reservations, webhooks and packets without an end."""
    notes: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not any(
            (self.lost, self.doubled, self.drift, self.unbalanced, self.customers, self.stuck)
        )


async def audit(
    configs: Sequence[NodeConfig], made: Sequence[Made], opening_positions: int
) -> Findings:
    """Compare all books of the payments that were made."""
    found = Findings()
    connections = [await asyncpg.connect(config.backend_database_url) for config in configs]
    try:
        for config, connection in zip(configs, connections, strict=True):
            await _node(found, config.bank.slug, connection)
        for payment in made:
            sender, receiver = connections[payment.sender], connections[1 - payment.sender]
            await _payment(found, payment, sender, receiver)
            await _customers(found, payment, configs, sender, receiver)
        positions = [await _positions(connection) for connection in connections]
    finally:
        for connection in connections:
            await connection.close()
    found.drift = sum(positions) - opening_positions
    return found


async def positions(configs: Sequence[NodeConfig]) -> int:
    """The sum of what each node's peer has with it: it never changes, whatever is paid."""
    total = 0
    for config in configs:
        connection = await asyncpg.connect(config.backend_database_url)
        try:
            total += await _positions(connection)
        finally:
            await connection.close()
    return total


async def _positions(connection: Any) -> int:
    query = "SELECT sum(credits_posted - debits_posted) FROM ledger.accounts WHERE code = $1"
    return int(await connection.fetchval(query, _CODE_PEER) or 0)


async def _node(found: Findings, name: str, connection: Any) -> None:
    """What must hold within one node."""
    rows = await connection.fetch(
        "SELECT ledger, sum(debits_posted) - sum(credits_posted) AS off FROM ledger.accounts"
        " GROUP BY ledger HAVING sum(debits_posted) <> sum(credits_posted)"
    )
    for row in rows:
        found.unbalanced += abs(int(row["off"]))
        found.notes.append(f"{name}: ledger {row['ledger']} is off by {row['off']}")
    counts = {
        "reservations pending": (
            "SELECT count(*) FROM ledger.pending_transfers WHERE state = $1",
            _PENDING,
        ),
        "webhooks open": (
            "SELECT count(*) FROM webhook_deliveries WHERE state = $1",
            _DELIVERY_OPEN,
        ),
        "webhooks parked": (
            "SELECT count(*) FROM webhook_deliveries WHERE state = $1",
            _DELIVERY_PARKED,
        ),
    }
    for what, (query, argument) in counts.items():
        count = int(await connection.fetchval(query, argument))
        if count:
            found.stuck += count
            found.notes.append(f"{name}: {count} {what}")
    unknown = int(
        await connection.fetchval("SELECT count(*) FROM unknown_packets WHERE resolution IS NULL")
    )
    if unknown:
        found.stuck += unknown
        found.notes.append(f"{name}: {unknown} packets without a known outcome")
    await _held(found, name, connection)


async def _held(found: Findings, name: str, connection: Any) -> None:
    """Payments that ended hold no money that their bank was told of and did not take."""
    rows = await connection.fetch(
        "SELECT id, code, credits_posted - debits_posted AS held FROM ledger.accounts"
        " WHERE code = ANY($1) AND credits_posted <> debits_posted",
        list(_CODES_OF_PAYMENTS),
    )
    for row in rows:
        found.stuck += 1
        found.notes.append(f"{name}: {row['held']} units left with payment {row['id']}")


async def _payment(found: Findings, made: Made, sender: Any, receiver: Any) -> None:
    """What both nodes say of one payment."""
    row = await sender.fetchrow(
        "SELECT state, delivered_amount FROM outgoing_payments WHERE id = $1", made.outgoing_id
    )
    if row is None:
        found.stuck += 1
        found.notes.append(f"payment {made.outgoing_id} was answered and is not there")
        return
    if row["state"] not in _TERMINAL:
        found.stuck += 1
        found.notes.append(f"payment {made.outgoing_id} is {row['state']}")
    got = int(
        await receiver.fetchval(
            "SELECT credits_posted FROM ledger.accounts WHERE id = $1", made.incoming_id
        )
        or 0
    )
    off = int(row["delivered_amount"]) - got
    if off:
        found.lost += max(off, 0)
        found.doubled += max(-off, 0)
        found.notes.append(
            f"payment {made.outgoing_id} ({row['state']}): delivered"
            f" {row['delivered_amount']}, received {got}"
        )
    elif row["state"] == "FAILED" and got:
        found.notes.append(f"payment {made.outgoing_id} failed after it delivered {got}")


async def _customers(
    found: Findings, made: Made, configs: Sequence[NodeConfig], sender: Any, receiver: Any
) -> None:
    """What both banks booked for their customers."""
    sent = await sender.fetchval(
        "SELECT sent_amount FROM outgoing_payments WHERE id = $1", made.outgoing_id
    )
    paid = -_entries(configs[made.sender].data_dir, made.outgoing_id)
    got = int(
        await receiver.fetchval(
            "SELECT credits_posted FROM ledger.accounts WHERE id = $1", made.incoming_id
        )
        or 0
    )
    state = await receiver.fetchval(
        "SELECT state FROM incoming_payments WHERE id = $1", made.incoming_id
    )
    credited = _entries(configs[1 - made.sender].data_dir, made.incoming_id)
    ended = state in ("COMPLETED", "EXPIRED")
    off = abs(paid - int(sent or 0)) + (abs(credited - got) if ended else abs(credited))
    if off:
        found.customers += off
        found.notes.append(
            f"payment {made.outgoing_id}: sent {sent}, customer charged {paid}; incoming"
            f" {state}, received {got}, customer credited {credited}"
        )


def _entries(folder: Path, payment_id: str) -> int:
    with closing(sqlite3.connect(folder / "accounts.sqlite")) as books:
        query = "SELECT coalesce(sum(amount), 0) FROM entries WHERE payment_id = ?"
        (total,) = books.execute(query, (payment_id,)).fetchone()
    return int(total)
