-- What the database itself sees to about the audit. Idempotent; run after the migrations, by the owner of the tables.

-- The grants keep every service from changing the audit; this keeps the owner from doing it by mistake.
CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('melanoma.audit_retention', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION '% is append-only: rows of it go by drop_audit_month alone', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;

-- Done once: each of these statements would wait for every open transaction that writes audit rows, and hold up all others meanwhile.
DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['predictions', 'prediction_seals', 'audit_anchors', 'audit_anchor_sequences'] LOOP
        IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = kept::regclass AND tgname = 'append_only') THEN
            EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()', kept);
        END IF;
    END LOOP;
END $$;

-- Drops the audit of a month (its first day, UTC) and keeps where the chain goes on; returns the number of rows. Nobody may delete audit rows, so this runs with the owner's
-- rights. What goes is the beginning of the chain up to the first row of a later month: the chain stays one, and a row that was sealed late goes with the next month.
CREATE OR REPLACE FUNCTION drop_audit_month(target date) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp
    SET melanoma.audit_retention = 'on'
AS $$
DECLARE
    month_end timestamptz := (target + interval '1 month') AT TIME ZONE 'UTC';
    oldest date;
    before bigint;
    last bigint;
    hash_of_last bytea;
    rows_dropped bigint;
BEGIN
    IF target IS NULL OR target <> date_trunc('month', target::timestamp) THEN
        RAISE EXCEPTION 'The month % is not named by its first day', target;
    END IF;
    IF month_end > now() - interval '1 month' THEN
        RAISE EXCEPTION 'The month % is not over for a month yet', target;
    END IF;

    -- AdvisoryLocks.Sealing: who seals reads where the chain ends, or where it was dropped.
    PERFORM pg_advisory_xact_lock(x'7365616C696E6773'::bit(64)::bigint);

    SELECT coalesce(max(a.last_position), 0) INTO before FROM audit_anchors a;
    SELECT date_trunc('month', p.time AT TIME ZONE 'UTC')::date INTO oldest
        FROM prediction_seals s JOIN predictions p ON p.id = s.prediction_id ORDER BY s.position LIMIT 1;
    IF oldest IS DISTINCT FROM target THEN
        RAISE EXCEPTION 'The month % is not the oldest that is kept, which is %', target, coalesce(oldest::text, 'none');
    END IF;
    IF EXISTS (SELECT FROM predictions p WHERE p.time < month_end AND NOT EXISTS (SELECT FROM prediction_seals s WHERE s.prediction_id = p.id)) THEN
        RAISE EXCEPTION 'The month % has rows that are not sealed', target;
    END IF;

    SELECT coalesce(
        (SELECT min(s.position) - 1 FROM prediction_seals s JOIN predictions p ON p.id = s.prediction_id WHERE p.time >= month_end),
        (SELECT max(s.position) FROM prediction_seals s)) INTO last;
    SELECT s.hash INTO hash_of_last FROM prediction_seals s WHERE s.position = last;
    IF hash_of_last IS NULL
        OR (SELECT count(*) FROM prediction_seals s JOIN predictions p ON p.id = s.prediction_id WHERE s.position <= last) <> last - before THEN
        RAISE EXCEPTION 'Rows or seals are missing up to position %: verify the audit before anything of it is dropped', last;
    END IF;

    INSERT INTO audit_anchors (month, last_position, last_hash, dropped) VALUES (target, last, hash_of_last, last - before);
    INSERT INTO audit_anchor_sequences (month, tenant, last_sequence)
        SELECT target, ends.tenant, max(ends.sequence)
        FROM (
            SELECT q.tenant, q.last_sequence AS sequence FROM audit_anchor_sequences q
            UNION ALL
            SELECT s.tenant, s.tenant_sequence FROM prediction_seals s WHERE s.position <= last) AS ends
        GROUP BY ends.tenant;
    DELETE FROM idempotency_keys k USING prediction_seals s WHERE s.position <= last AND s.prediction_id = k.prediction_id;
    DELETE FROM predictions p USING prediction_seals s WHERE s.position <= last AND s.prediction_id = p.id;
    GET DIAGNOSTICS rows_dropped = ROW_COUNT;
    DELETE FROM prediction_seals s WHERE s.position <= last;
    RETURN rows_dropped;
END $$;

REVOKE ALL ON FUNCTION drop_audit_month(date) FROM PUBLIC;
