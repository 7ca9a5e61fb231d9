"""The Postgres ledger: accounts with running balances, transfers, pending transfers.

Two functions keep a batch at one round trip each way. `load_batch` locks in id order whatever the
batch can touch and returns it; `store_batch` writes what `evaluate.py` made of it. The limits are
evaluated in Python and checked again here by constraints.
"""

from alembic import op

revision = "0001_ledger"
down_revision = None
branch_labels = None
depends_on = None

ACCOUNTS = """
CREATE TABLE ledger.accounts (
    id uuid PRIMARY KEY,
    ledger integer NOT NULL CHECK (ledger > 0),
    code integer NOT NULL CHECK (code BETWEEN 1 AND 65535),
    flags smallint NOT NULL,
    user_data_128 uuid NOT NULL,
    user_data_64 numeric(20, 0) NOT NULL,
    user_data_32 bigint NOT NULL,
    debits_pending numeric(39, 0) NOT NULL DEFAULT 0 CHECK (debits_pending >= 0),
    debits_posted numeric(39, 0) NOT NULL DEFAULT 0 CHECK (debits_posted >= 0),
    credits_pending numeric(39, 0) NOT NULL DEFAULT 0 CHECK (credits_pending >= 0),
    credits_posted numeric(39, 0) NOT NULL DEFAULT 0 CHECK (credits_posted >= 0),
    "timestamp" bigint NOT NULL,
    last_timestamp bigint NOT NULL DEFAULT 0,
    CONSTRAINT debits_must_not_exceed_credits
        CHECK (flags & 2 = 0 OR debits_pending + debits_posted <= credits_posted),
    CONSTRAINT credits_must_not_exceed_debits
        CHECK (flags & 4 = 0 OR credits_pending + credits_posted <= debits_posted)
) WITH (fillfactor = 60)
"""

TRANSFERS = """
CREATE TABLE ledger.transfers (
    id uuid PRIMARY KEY,
    debit_account_id uuid NOT NULL,
    credit_account_id uuid NOT NULL,
    amount numeric(20, 0) NOT NULL CHECK (amount >= 0),
    ledger integer NOT NULL,
    code integer NOT NULL,
    kind smallint NOT NULL CHECK (kind BETWEEN 0 AND 3),
    timeout_s integer NOT NULL,
    "timestamp" bigint NOT NULL,
    pending_id uuid,
    user_data_128 uuid,
    user_data_64 numeric(20, 0),
    user_data_32 bigint,
    CONSTRAINT different_accounts CHECK (debit_account_id <> credit_account_id)
)
"""

TRANSFER_INDEXES = (
    'CREATE UNIQUE INDEX transfers_debit ON ledger.transfers (debit_account_id, "timestamp")',
    'CREATE UNIQUE INDEX transfers_credit ON ledger.transfers (credit_account_id, "timestamp")',
)

PENDING_TRANSFERS = """
CREATE TABLE ledger.pending_transfers (
    id uuid PRIMARY KEY,
    debit_account_id uuid NOT NULL,
    credit_account_id uuid NOT NULL,
    amount numeric(20, 0) NOT NULL,
    ledger integer NOT NULL,
    code integer NOT NULL,
    expires_at_ns bigint NOT NULL,
    state smallint NOT NULL CHECK (state BETWEEN 0 AND 3)
) WITH (fillfactor = 80)
"""

PENDING_INDEX = """
CREATE INDEX pending_transfers_due ON ledger.pending_transfers (expires_at_ns)
    WHERE state = 0 AND expires_at_ns > 0
"""

# What was written stays: nothing in the ledger is deleted, and a transfer is never changed.
APPEND_ONLY = (
    """
    CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% on %.% is refused: the ledger is append-only',
            TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.transfers
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()
    """,
    """
    CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON ledger.accounts
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()
    """,
    """
    CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON ledger.pending_transfers
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()
    """,
)

# What every statement here wants is one index lookup a row. A plan made while the tables were small
# is kept by the session: it must not turn into a scan of millions of rows, neither sequential nor
# as one side of a merge or hash join.
PLANNER = (
    "SET enable_seqscan = off SET enable_mergejoin = off SET enable_hashjoin = off "
    "SET jit = off SET plan_cache_mode = force_generic_plan"
)

NOW = """
CREATE FUNCTION ledger.now_ns() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint
$$
"""

# One row a thing, told apart by `tag`: 0 the time, 1 an account, 2 a transfer that exists, 3 a
# pending transfer that the batch names, 4 one that is due. Under READ COMMITTED each statement
# below sees what was committed before it starts, so transfers and pending transfers, read after
# the locks are taken, are as current as the locked accounts.
LOAD_BATCH = f"""
CREATE FUNCTION ledger.load_batch(
    p_accounts uuid[], p_transfers uuid[], p_pendings uuid[], p_now_ns bigint, p_due_max integer
) RETURNS TABLE (
    tag integer, id uuid, a uuid, b uuid, ledger integer, n1 numeric, n2 numeric, n3 numeric,
    n4 numeric, i1 integer, i2 integer, i3 integer, "timestamp" bigint, c uuid, d uuid
) LANGUAGE plpgsql VOLATILE {PLANNER} AS $$
#variable_conflict use_column
DECLARE
    v_now_ns bigint := coalesce(p_now_ns, ledger.now_ns());
    v_accounts uuid[] := p_accounts;
    v_due uuid[];
BEGIN
    SELECT array_agg(due.id) INTO v_due FROM (
        SELECT p.id FROM ledger.pending_transfers p
        WHERE p.state = 0 AND p.expires_at_ns > 0 AND p.expires_at_ns <= v_now_ns
        ORDER BY p.expires_at_ns LIMIT p_due_max
    ) due;
    IF cardinality(p_pendings) > 0 OR v_due IS NOT NULL THEN
        SELECT v_accounts || coalesce(array_agg(side.account_id), '{{}}') INTO v_accounts
        FROM ledger.pending_transfers p
        CROSS JOIN LATERAL (VALUES (p.debit_account_id), (p.credit_account_id)) side(account_id)
        WHERE p.id = ANY (p_pendings || v_due);
    END IF;
    RETURN QUERY SELECT 1, x.id, NULL::uuid, NULL::uuid, x.ledger, x.debits_pending,
            x.debits_posted, x.credits_pending, x.credits_posted, x.flags::integer, NULL::integer,
            NULL::integer, x.last_timestamp, NULL::uuid, NULL::uuid
        FROM ledger.accounts x WHERE x.id = ANY (v_accounts) ORDER BY x.id FOR NO KEY UPDATE;
    RETURN QUERY SELECT 2, t.id, t.debit_account_id, t.credit_account_id, t.ledger, t.amount,
            t.user_data_64, t.user_data_32::numeric, NULL::numeric, t.code, t.kind::integer,
            t.timeout_s, t."timestamp", t.pending_id, t.user_data_128
        FROM ledger.transfers t WHERE t.id = ANY (p_transfers);
    IF cardinality(p_pendings) > 0 THEN
        RETURN QUERY SELECT 3, p.id, p.debit_account_id, p.credit_account_id, p.ledger, p.amount,
                t.user_data_64, t.user_data_32::numeric, NULL::numeric, p.code, p.state::integer,
                NULL::integer, p.expires_at_ns, NULL::uuid, t.user_data_128
            FROM ledger.pending_transfers p JOIN ledger.transfers t ON t.id = p.id
            WHERE p.id = ANY (p_pendings);
    END IF;
    IF v_due IS NOT NULL THEN
        RETURN QUERY SELECT 4, p.id, p.debit_account_id, p.credit_account_id, p.ledger, p.amount,
                NULL::numeric, NULL::numeric, NULL::numeric, p.code, p.state::integer,
                NULL::integer, p.expires_at_ns, NULL::uuid, NULL::uuid
            FROM ledger.pending_transfers p WHERE p.id = ANY (v_due);
    END IF;
    RETURN QUERY SELECT 0, NULL::uuid, NULL::uuid, NULL::uuid, NULL::integer, NULL::numeric,
            NULL::numeric, NULL::numeric, NULL::numeric, NULL::integer, NULL::integer,
            NULL::integer, v_now_ns, NULL::uuid, NULL::uuid;
END $$
"""  # noqa: S608 - put together from constants of this file

# In the columns that are mostly uniform one element stands for all rows, and an empty column for
# NULL: `unnest` pads with NULL. It is less to send and to parse. Transfers go in by id, so that two
# processes that write the same ids meet in one order and can't deadlock.
STORE_BATCH = f"""
CREATE FUNCTION ledger.store_batch(
    p_account_ids uuid[], p_debits_pending numeric[], p_debits_posted numeric[],
    p_credits_pending numeric[], p_credits_posted numeric[], p_last_timestamps bigint[],
    p_ids uuid[], p_debit_account_ids uuid[], p_credit_account_ids uuid[], p_amounts numeric[],
    p_ledgers integer[], p_codes integer[], p_kinds integer[], p_pending_ids uuid[],
    p_timeouts_s integer[], p_user_data_128 uuid[], p_user_data_64 numeric[],
    p_user_data_32 bigint[], p_timestamps bigint[],
    p_resolved_ids uuid[], p_resolved_states integer[]
) RETURNS void LANGUAGE plpgsql VOLATILE {PLANNER} AS $$
BEGIN
    INSERT INTO ledger.transfers (id, debit_account_id, credit_account_id, amount, ledger, code,
            kind, pending_id, timeout_s, user_data_128, user_data_64, user_data_32, "timestamp")
        SELECT u.id, u.debit, u.credit, u.amount, coalesce(u.ledger, p_ledgers[1]),
            coalesce(u.code, p_codes[1]), coalesce(u.kind, p_kinds[1]), u.pending_id,
            coalesce(u.timeout_s, p_timeouts_s[1]), u.data_128, u.data_64, u.data_32, u.stamp
        FROM unnest(p_ids, p_debit_account_ids, p_credit_account_ids, p_amounts, p_ledgers,
                p_codes, p_kinds, p_pending_ids, p_timeouts_s, p_user_data_128, p_user_data_64,
                p_user_data_32, p_timestamps)
            AS u(id, debit, credit, amount, ledger, code, kind, pending_id, timeout_s, data_128,
                data_64, data_32, stamp)
        ORDER BY u.id;
    IF 1 = ANY (p_kinds) THEN
        INSERT INTO ledger.pending_transfers
            SELECT u.id, u.debit, u.credit, u.amount, coalesce(u.ledger, p_ledgers[1]),
                coalesce(u.code, p_codes[1]),
                CASE coalesce(u.timeout_s, p_timeouts_s[1]) WHEN 0 THEN 0
                    ELSE u.stamp + coalesce(u.timeout_s, p_timeouts_s[1]) * 1000000000::bigint
                END, 0
            FROM unnest(p_ids, p_debit_account_ids, p_credit_account_ids, p_amounts, p_ledgers,
                    p_codes, p_kinds, p_timeouts_s, p_timestamps)
                AS u(id, debit, credit, amount, ledger, code, kind, timeout_s, stamp)
            WHERE coalesce(u.kind, p_kinds[1]) = 1 ORDER BY u.id;
    END IF;
    IF cardinality(p_resolved_ids) > 0 THEN
        UPDATE ledger.pending_transfers p SET state = u.state
            FROM unnest(p_resolved_ids, p_resolved_states) AS u(id, state)
            WHERE p.id = u.id;
    END IF;
    UPDATE ledger.accounts x SET
            debits_pending = coalesce(u.debits_pending, p_debits_pending[1]),
            debits_posted = u.debits_posted,
            credits_pending = coalesce(u.credits_pending, p_credits_pending[1]),
            credits_posted = u.credits_posted, last_timestamp = u.last_timestamp
        FROM unnest(p_account_ids, p_debits_pending, p_debits_posted, p_credits_pending,
                p_credits_posted, p_last_timestamps)
            AS u(id, debits_pending, debits_posted, credits_pending, credits_posted,
                last_timestamp)
        WHERE x.id = u.id;
END $$
"""  # noqa: S608 - put together from constants of this file


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS ledger")
    for statement in (
        ACCOUNTS,
        TRANSFERS,
        *TRANSFER_INDEXES,
        PENDING_TRANSFERS,
        PENDING_INDEX,
        *APPEND_ONLY,
        NOW,
        LOAD_BATCH,
        STORE_BATCH,
    ):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP SCHEMA ledger CASCADE")
