-- Dropping beside readers. A query without a time range locks every chunk while it is planned, and one that joins two
-- tables those of both, in its own order. Who drops several units in one transaction waits for such a reader while the
-- reader waits for him, and the server ends one of the two. So: one unit in a transaction.
-- drop_before: units before it are being dropped; whoever was interrupted goes on with them.
ALTER TABLE pose_raw.history ADD COLUMN drop_before timestamptz;

CREATE OR REPLACE FUNCTION pose_raw.drop_raw(cut timestamptz) RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    bound timestamptz; fresh boolean; of_table text; name text; other text; extension text := pose_raw.timescale();
BEGIN
    SELECT drop_before INTO bound FROM pose_raw.history;
    fresh := bound IS NULL OR NOT EXISTS (SELECT FROM pose_raw.raw_units() r WHERE r.ends <= bound);
    IF fresh THEN
        SELECT min(r.ends) INTO bound FROM pose_raw.raw_units() r WHERE r.ends <= cut;
        IF bound IS NULL THEN
            UPDATE pose_raw.history SET drop_before = NULL WHERE drop_before IS NOT NULL;
            RETURN '{}';
        END IF;
    END IF;
    SELECT r.parent, r.unit::text INTO of_table, name FROM pose_raw.raw_units() r WHERE r.ends <= bound
    ORDER BY r.parent <> 'poses', r.starts, r.parent LIMIT 1;
    -- The one lock that is waited for, with nothing held. To drop a partition its table is locked; of a compressed chunk
    -- drop_chunks would lock first what readers lock last.
    EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE',
                   CASE WHEN extension IS NULL THEN format('pose_raw.%I', of_table) ELSE name END);
    IF fresh THEN
        -- Who writes into one of these units has marked its minutes, and not committed yet.
        FOR other IN SELECT r.unit::text FROM pose_raw.raw_units() r WHERE r.ends <= bound AND r.unit::text <> name LOOP
            EXECUTE format('LOCK TABLE ONLY %s IN SHARE MODE NOWAIT', other);
        END LOOP;
        IF EXISTS (SELECT FROM pose_raw.rollup_due d
                   WHERE d.minute < bound AND d.minute >= coalesce((SELECT raw_floor FROM pose_raw.history), '-infinity')) THEN
            RETURN NULL;
        END IF;
        INSERT INTO pose_raw.history AS h (raw_floor, drop_before) VALUES (bound, bound)
        ON CONFLICT (one) DO UPDATE SET raw_floor = greatest(h.raw_floor, excluded.raw_floor), drop_before = excluded.drop_before;
    END IF;
    IF extension IS NULL THEN
        EXECUTE format('DROP TABLE %s', name);
    ELSE
        EXECUTE format('SELECT count(*) FROM %s.drop_chunks(''pose_raw.%I''::regclass, $1)', extension, of_table) USING bound;
    END IF;
    RETURN ARRAY[name];
END $$;
COMMENT ON FUNCTION pose_raw.drop_raw(timestamptz) IS
    'Drops one of the oldest units before this time; which, or none. NULL: minutes are due, refresh first.';

-- Retention is called until nothing is left to drop, so what came in since the last round is noted on its own.
CREATE FUNCTION pose_raw.begin_round() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE pose_raw.history SET grown_bytes = pose_raw.used_bytes() - kept_bytes WHERE budget_bytes IS NOT NULL
$$;
COMMENT ON FUNCTION pose_raw.begin_round() IS 'The first of a round of upkeep: notes what came in since the end of the last one.';

CREATE OR REPLACE FUNCTION pose_raw.keep_retention() RETURNS text[]
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pose_raw.drop_raw(pose_raw.retention_cut())
$$;
COMMENT ON FUNCTION pose_raw.keep_retention() IS
    'Drops one unit that is older than the retention, or none; NULL: minutes are due, refresh first.';

CREATE OR REPLACE FUNCTION pose_raw.keep_budget() RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone text[] := pose_raw.drop_raw(pose_raw.budget_cut());
BEGIN
    IF gone = '{}' THEN
        UPDATE pose_raw.history SET kept_bytes = pose_raw.used_bytes() WHERE budget_bytes IS NOT NULL;
    END IF;
    RETURN gone;
END $$;
COMMENT ON FUNCTION pose_raw.keep_budget() IS
    'Drops one of the oldest units while the budget is exceeded, or none; NULL: minutes are due, refresh first.';

REVOKE ALL ON FUNCTION pose_raw.begin_round() FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'posebus_writer') THEN
        GRANT EXECUTE ON FUNCTION pose_raw.begin_round() TO posebus_writer;
    END IF;
END $$;
