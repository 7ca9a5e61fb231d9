"""The outbox's table and the statements on it. A service adds it to its tables by `outbox_table`.

A row is one delivery to one recipient. `lane` is whose turn it is (the tenant), `ordering_key` what
stays in order (the payment). An open row is claimed by moving its `due_at` to the lease's end: a
worker that dies gives it back by doing nothing.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    bindparam,
    column,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from servicekit.statements import Prepared, prepared
from servicekit.tables import created_at, timestamp, uuid_primary_key

OPEN, DONE, PARKED = 0, 1, 2
LAST_ERROR_CHARACTERS_MAX = 500


def outbox_table(metadata: MetaData, name: str = "outbox") -> Table:
    """Add the table to a service's tables."""
    table = Table(
        name,
        metadata,
        uuid_primary_key(),
        # The order of inserting. Transactions that write one key's events lock what the key names,
        # so their positions and their commits have the same order.
        Column("position", BigInteger, Identity(always=True), nullable=False),
        Column("lane", Text, nullable=False),
        Column("ordering_key", Text, nullable=False),
        Column("payload", JSONB, nullable=False),
        Column("state", SmallInteger, nullable=False, server_default="0"),
        Column("attempts", Integer, nullable=False, server_default="0"),
        Column("attempts_max", Integer, nullable=False),
        timestamp("due_at"),
        Column("lease", UUID(as_uuid=True), nullable=True),
        Column("last_error", Text, nullable=True),
        Column("last_status", Integer, nullable=True),
        created_at(),
        timestamp("finished_at", nullable=True),
    )
    is_open = text(f"state = {OPEN}")
    columns = table.c
    Index(
        f"ix_{name}_due",
        columns.lane,
        columns.due_at,
        columns.position,
        postgresql_where=is_open,
    )
    Index(
        f"ix_{name}_order",
        columns.lane,
        columns.ordering_key,
        columns.position,
        postgresql_where=is_open,
    )
    Index(f"ix_{name}_finished", columns.finished_at, postgresql_where=text(f"state <> {OPEN}"))
    return table


def add_statement(table: Table) -> Prepared:
    """Insert deliveries, which get their positions in the order of the arrays.

    `ids`, `lanes`, `ordering_keys`, `payloads` (JSON text), `attempts_max` and `wanted` are arrays
    of one length. What is wanted is leased at once, unless its key has an open delivery already;
    the ids of what was leased are returned.
    """
    sql = f"""
        INSERT INTO {table.name} (
            id, lane, ordering_key, payload, attempts, attempts_max, due_at, lease, created_at
        )
        SELECT t.id, t.lane, t.ordering_key, CAST(t.payload AS jsonb),
            CASE WHEN t.leased THEN 1 ELSE 0 END, t.attempts_max,
            CASE WHEN t.leased THEN CAST(:lease_until AS timestamptz)
                ELSE CAST(:now AS timestamptz) END,
            CASE WHEN t.leased THEN CAST(:lease AS uuid) END,
            CAST(:now AS timestamptz)
        FROM (
            SELECT new.*, new.wanted AND NOT EXISTS (
                SELECT 1 FROM {table.name} o
                WHERE o.state = {OPEN} AND o.lane = new.lane AND o.ordering_key = new.ordering_key
            ) AS leased
            FROM unnest(
                CAST(:ids AS uuid[]), CAST(:lanes AS text[]), CAST(:ordering_keys AS text[]),
                CAST(:payloads AS text[]), CAST(:attempts_max AS int[]), CAST(:wanted AS bool[])
            ) WITH ORDINALITY
                AS new (id, lane, ordering_key, payload, attempts_max, wanted, place)
        ) AS t
        ORDER BY t.place
        RETURNING CASE WHEN lease IS NOT NULL THEN id END AS id
    """  # noqa: S608 - the only thing put in is our own table's name
    return prepared(text(sql).columns(table.c.id))


def claim_statement(table: Table) -> Prepared:
    """Lease due deliveries, lane by lane in turn, only the first open one of each ordering key.

    The lanes with open rows are found by skipping along the index, so that a lane with a million
    rows costs the others nothing. Subqueries that can't be merged keep the plan so when the
    planner knows nothing yet of a table that fills within seconds. `busy_lanes` and `busy_counts`
    say what this worker already has in flight, `lane_max` how much one lane may have.
    """
    sql = f"""
        WITH RECURSIVE lanes AS (
            (SELECT lane FROM {table.name} WHERE state = {OPEN} ORDER BY lane LIMIT 1)
            UNION ALL
            SELECT (SELECT o.lane FROM {table.name} o
                    WHERE o.state = {OPEN} AND o.lane > lanes.lane ORDER BY o.lane LIMIT 1)
            FROM lanes WHERE lanes.lane IS NOT NULL
        ), heads AS MATERIALIZED (
            SELECT head.id, head.place
            FROM lanes
            LEFT JOIN unnest(CAST(:busy_lanes AS text[]), CAST(:busy_counts AS int[]))
                AS busy (lane, used) ON busy.lane = lanes.lane
            CROSS JOIN LATERAL (
                SELECT due.id, due.position, coalesce(busy.used, 0)
                    + row_number() OVER (ORDER BY due.due_at, due.position) AS place
                FROM (
                    SELECT o.id, o.due_at, o.position FROM {table.name} o
                    WHERE o.state = {OPEN} AND o.lane = lanes.lane AND o.due_at <= :now
                    AND o.position = (
                        SELECT first.position FROM {table.name} first
                        WHERE first.state = {OPEN} AND first.lane = o.lane
                        AND first.ordering_key = o.ordering_key
                        ORDER BY first.position LIMIT 1
                    )
                    ORDER BY o.due_at, o.position
                    LIMIT greatest(0, :lane_max - coalesce(busy.used, 0))
                ) due
            ) head
            WHERE lanes.lane IS NOT NULL
            ORDER BY head.place, head.position
        ), picked AS MATERIALIZED (
            SELECT leasable.id FROM heads CROSS JOIN LATERAL (
                SELECT o.id FROM {table.name} o
                WHERE o.id = heads.id AND o.state = {OPEN} AND o.due_at <= :now
                FOR UPDATE SKIP LOCKED
            ) leasable
            LIMIT :count
        )
        UPDATE {table.name} o
        SET lease = :lease, due_at = :lease_until, attempts = o.attempts + 1
        FROM picked WHERE picked.id = o.id
        RETURNING o.id, o.position, o.lane, o.ordering_key, o.payload, o.attempts, o.attempts_max,
                  o.created_at
    """  # noqa: S608 - the only thing put in is our own table's name
    claimed = text(sql).columns(
        table.c.id,
        table.c.position,
        table.c.lane,
        table.c.ordering_key,
        table.c.payload,
        table.c.attempts,
        table.c.attempts_max,
        table.c.created_at,
    )
    return prepared(claimed)


def backlog_statement(table: Table) -> Prepared:
    """One row: how many are `open`, and the seconds since the first of them was due, `late_s`."""
    late = func.extract(
        "epoch", bindparam("now", type_=DateTime(timezone=True)) - func.min(table.c.due_at)
    )
    return prepared(
        select(
            func.count().label("open"),
            func.greatest(func.coalesce(late, 0), 0).label("late_s"),
        ).where(table.c.state == literal_column(str(OPEN)))
    )


def settle_statement(table: Table) -> Prepared:
    """Write what became of leased deliveries; a lease lost to another worker is left alone.

    It gives the id of each that counted, and whether its key has later ones, which it may have
    made ready. The later deliveries of a key that failed wait with it, so that they need not be
    looked at.
    """
    sql = f"""
        WITH outcome AS (
            SELECT * FROM unnest(
                CAST(:ids AS uuid[]), CAST(:states AS smallint[]), CAST(:due AS timestamptz[]),
                CAST(:errors AS text[]), CAST(:statuses AS int[])
            ) AS t (id, state, due_at, error, status)
        ), settled AS (
            UPDATE {table.name} o
            SET state = outcome.state, due_at = outcome.due_at, lease = NULL,
                last_error = outcome.error, last_status = outcome.status,
                finished_at = CASE WHEN outcome.state <> {OPEN} THEN CAST(:now AS timestamptz) END
            FROM outcome
            WHERE o.id = outcome.id AND o.lease = ANY(CAST(:leases AS uuid[])) AND o.state = {OPEN}
            RETURNING o.id, o.state, o.lane, o.ordering_key, o.position, o.due_at
        ), followers AS (
            UPDATE {table.name} o SET due_at = settled.due_at
            FROM settled
            WHERE settled.state = {OPEN} AND o.state = {OPEN} AND o.lane = settled.lane
            AND o.ordering_key = settled.ordering_key AND o.position > settled.position
            AND o.due_at < settled.due_at AND o.lease IS NULL
        )
        SELECT settled.id, EXISTS (
            SELECT 1 FROM {table.name} later
            WHERE later.state = {OPEN} AND later.lane = settled.lane
            AND later.ordering_key = settled.ordering_key AND later.position > settled.position
        ) AS has_later
        FROM settled
    """  # noqa: S608 - the only thing put in is our own table's name
    return prepared(text(sql).columns(table.c.id, column("has_later", Boolean)))
