"""A batch of transfers in one statement, as long as there is nothing to refuse in it."""

from alembic import op

revision = "0100_apply_batch"
down_revision = "0020_directory_revision"
branch_labels = None
depends_on = None

# As in 0001_ledger: every statement here wants one index lookup a row.
_PLANNER = (
    "SET enable_seqscan = off SET enable_mergejoin = off SET enable_hashjoin = off "
    "SET jit = off SET plan_cache_mode = force_generic_plan"
)

# Locks what the batch touches in id order, goes through its transfers by the rules of
# `rules/evaluate.py`, and writes. It gives nothing, and has written nothing but new accounts, when
# a transfer is there already or would be refused, or when a pending one has timed out: all that is
# left to the engine, which then loads the batch and evaluates it itself. Each statement in here
# sees what was committed before it starts, so what is read after the locks is as current as they.
APPLY_BATCH = f"""
CREATE FUNCTION ledger.apply_batch(
    p_new_ids uuid[], p_new_ledgers integer[], p_new_codes integer[], p_new_flags smallint[],
    p_new_data_128 uuid[], p_new_data_64 numeric[], p_new_data_32 bigint[],
    p_ids uuid[], p_debits uuid[], p_credits uuid[], p_amounts numeric[], p_ledgers integer[],
    p_codes integer[], p_kinds integer[], p_pendings uuid[], p_timeouts_s integer[],
    p_data_128 uuid[], p_data_64 numeric[], p_data_32 bigint[], p_now_ns bigint
) RETURNS TABLE (
    stamps bigint[], account_ids uuid[], debits_pending numeric[], debits_posted numeric[],
    credits_pending numeric[], credits_posted numeric[]
) LANGUAGE plpgsql VOLATILE {_PLANNER} AS $$
#variable_conflict use_column
DECLARE
    v_now_ns bigint := coalesce(p_now_ns, ledger.now_ns());
    v_names uuid[] := p_debits || p_credits;
    v_resolves boolean := cardinality(p_pendings) > 0;
    v_ids uuid[]; v_ledgers integer[]; v_flags integer[]; v_lasts bigint[];
    v_dp numeric[]; v_dq numeric[]; v_cp numeric[]; v_cq numeric[];
    w_ids uuid[]; w_debits uuid[]; w_credits uuid[]; w_amounts numeric[]; w_ledgers integer[];
    w_codes integer[]; w_states integer[]; w_expiries bigint[]; w_128 uuid[]; w_64 numeric[];
    w_32 bigint[];
    v_last bigint := 0; v_stamps bigint[] := '{{}}'; v_kind integer; v_amount numeric;
    d integer; c integer; w integer;
BEGIN
    IF cardinality(p_new_ids) > 0 THEN
        INSERT INTO ledger.accounts
                (id, ledger, code, flags, user_data_128, user_data_64, user_data_32, "timestamp")
            SELECT u.id, u.ledger, u.code, u.flags, u.data_128, u.data_64, u.data_32, v_now_ns
            FROM unnest(p_new_ids, p_new_ledgers, p_new_codes, p_new_flags, p_new_data_128,
                    p_new_data_64, p_new_data_32)
                AS u(id, ledger, code, flags, data_128, data_64, data_32)
            ON CONFLICT (id) DO NOTHING;
    END IF;
    IF EXISTS (
        SELECT FROM ledger.pending_transfers p
        WHERE p.state = 0 AND p.expires_at_ns > 0 AND p.expires_at_ns <= v_now_ns
    ) THEN
        RETURN;
    END IF;
    IF v_resolves THEN
        SELECT v_names || coalesce(array_agg(p.debit_account_id), '{{}}')
                || coalesce(array_agg(p.credit_account_id), '{{}}') INTO v_names
            FROM ledger.pending_transfers p WHERE p.id = ANY (p_pendings);
    END IF;
    SELECT array_agg(x.id), array_agg(x.ledger), array_agg(x.flags::integer),
            array_agg(x.last_timestamp), array_agg(x.debits_pending), array_agg(x.debits_posted),
            array_agg(x.credits_pending), array_agg(x.credits_posted)
        INTO v_ids, v_ledgers, v_flags, v_lasts, v_dp, v_dq, v_cp, v_cq
        FROM (
            SELECT * FROM ledger.accounts a WHERE a.id = ANY (v_names) ORDER BY a.id
            FOR NO KEY UPDATE
        ) x;
    IF EXISTS (SELECT FROM ledger.transfers t WHERE t.id = ANY (p_ids)) THEN
        RETURN;
    END IF;
    IF v_resolves THEN
        SELECT array_agg(p.id), array_agg(p.debit_account_id), array_agg(p.credit_account_id),
                array_agg(p.amount), array_agg(p.ledger), array_agg(p.code),
                array_agg(p.state::integer), array_agg(p.expires_at_ns),
                array_agg(t.user_data_128), array_agg(t.user_data_64), array_agg(t.user_data_32)
            INTO w_ids, w_debits, w_credits, w_amounts, w_ledgers, w_codes, w_states, w_expiries,
                w_128, w_64, w_32
            FROM ledger.pending_transfers p JOIN ledger.transfers t ON t.id = p.id
            WHERE p.id = ANY (p_pendings);
    END IF;
    FOR i IN 1 .. cardinality(p_ids) LOOP
        v_kind := p_kinds[i];
        v_amount := p_amounts[i];
        IF v_kind > 1 THEN
            w := array_position(w_ids, p_pendings[i]);
            IF w IS NULL OR w_states[w] <> 0
                OR (w_expiries[w] > 0 AND w_expiries[w] <= v_now_ns)
            THEN
                RETURN;
            END IF;
            IF v_kind = 3 OR v_amount = 340282366920938463463374607431768211455 THEN
                v_amount := w_amounts[w];
            ELSIF v_amount > w_amounts[w] THEN
                RETURN;
            END IF;
            p_debits[i] := w_debits[w];
            p_credits[i] := w_credits[w];
            p_amounts[i] := v_amount;
            p_ledgers[i] := w_ledgers[w];
            p_codes[i] := w_codes[w];
            p_data_128[i] := coalesce(p_data_128[i], w_128[w]);
            p_data_64[i] := coalesce(nullif(p_data_64[i], 0), w_64[w]);
            p_data_32[i] := coalesce(nullif(p_data_32[i], 0), w_32[w]);
            w_states[w] := v_kind - 1;
        END IF;
        d := array_position(v_ids, p_debits[i]);
        c := array_position(v_ids, p_credits[i]);
        IF d IS NULL OR c IS NULL OR v_ledgers[d] <> p_ledgers[i] OR v_ledgers[c] <> p_ledgers[i]
        THEN
            RETURN;
        END IF;
        IF v_kind <= 1 AND (
            (v_flags[d] & 2 <> 0 AND v_dp[d] + v_dq[d] + v_amount > v_cq[d])
            OR (v_flags[c] & 4 <> 0 AND v_cp[c] + v_cq[c] + v_amount > v_dq[c])
            OR (v_flags[d] & 4 <> 0
                AND v_dp[d] + v_dq[d] + v_amount - v_cq[d] > 18446744073709551615)
        ) THEN
            RETURN;
        END IF;
        IF v_kind = 1 THEN
            v_dp[d] := v_dp[d] + v_amount;
            v_cp[c] := v_cp[c] + v_amount;
        ELSIF v_kind > 1 THEN
            v_dp[d] := v_dp[d] - w_amounts[w];
            v_cp[c] := v_cp[c] - w_amounts[w];
        END IF;
        IF v_kind = 0 OR v_kind = 2 THEN
            v_dq[d] := v_dq[d] + v_amount;
            v_cq[c] := v_cq[c] + v_amount;
        END IF;
        v_last := 1 + greatest(v_now_ns - 1, v_last, v_lasts[d], v_lasts[c]);
        v_lasts[d] := v_last;
        v_lasts[c] := v_last;
        v_stamps[i] := v_last;
    END LOOP;
    PERFORM ledger.store_batch(
        v_ids, v_dp, v_dq, v_cp, v_cq, v_lasts, p_ids, p_debits, p_credits, p_amounts, p_ledgers,
        p_codes, p_kinds, p_pendings, p_timeouts_s, p_data_128, p_data_64, p_data_32, v_stamps,
        w_ids, w_states
    );
    RETURN QUERY SELECT v_stamps, v_ids, v_dp, v_dq, v_cp, v_cq;
END $$
"""  # noqa: S608 - put together from constants of this file


def upgrade() -> None:
    op.execute(APPLY_BATCH)


def downgrade() -> None:
    op.execute("DROP FUNCTION ledger.apply_batch")
