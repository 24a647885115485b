-- Dropping beside readers. A query without a time range locks every chunk while it is planned, and one that joins two
-- tables those of both, in its own order. Who drops several units in one transaction waits for such a reader while the
-- reader waits for him, and the server ends one of the two. So: one unit in a transaction.
-- drop_before: units before it are being dropped; whoever was interrupted goes on with them.
ALTER TABLE pose_raw.history ADD COLUMN drop_before timestamptz;

-- zone_occupancy is asked by its hours: a year of events was read for each of them.
CREATE INDEX events_zone_hours ON pose_raw.events (run, date_bin('1 hour', ts, '2000-01-01 00:00+00')) WHERE kind = 'zone';

-- Partitions or chunks without their sizes, which take half a second where there are a thousand.
CREATE FUNCTION pose_raw.raw_spans()
RETURNS TABLE (parent text, unit regclass, starts timestamptz, ends timestamptz, compressed boolean, partial boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF pose_raw.timescale() IS NULL THEN
        RETURN QUERY
        SELECT p.relname::text, c.oid::regclass, d.day::timestamp AT TIME ZONE 'UTC', (d.day + 1)::timestamp AT TIME ZONE 'UTC',
               false, false
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
        CROSS JOIN LATERAL (SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day) d
        WHERE p.relnamespace = 'pose_raw'::regnamespace AND p.relname IN ('poses', 'measures', 'frame_outcomes')
          AND p.relkind = 'p';
        RETURN;
    END IF;
    RETURN QUERY EXECUTE $q$
        SELECT k.hypertable_name::text, format('%I.%I', k.chunk_schema, k.chunk_name)::regclass, k.range_start, k.range_end,
               k.is_compressed, (c.status & 8) <> 0
        FROM timescaledb_information.chunks k
        JOIN _timescaledb_catalog.chunk c ON c.schema_name = k.chunk_schema AND c.table_name = k.chunk_name
        WHERE k.hypertable_schema = 'pose_raw' AND k.hypertable_name IN ('poses', 'measures', 'frame_outcomes')
    $q$;
END $$;
COMMENT ON FUNCTION pose_raw.raw_spans() IS 'Partitions or chunks of the facts by the frame.';

CREATE OR REPLACE FUNCTION pose_raw.raw_units()
RETURNS TABLE (parent text, unit regclass, starts timestamptz, ends timestamptz, bytes bigint, compressed boolean, partial boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    extension text := pose_raw.timescale(); name text;
BEGIN
    IF extension IS NULL THEN
        RETURN QUERY SELECT s.parent, s.unit, s.starts, s.ends, pg_total_relation_size(s.unit), s.compressed, s.partial
                     FROM pose_raw.raw_spans() s;
        RETURN;
    END IF;
    FOREACH name IN ARRAY ARRAY['poses', 'measures', 'frame_outcomes'] LOOP
        RETURN QUERY EXECUTE format($q$
            SELECT s.parent, s.unit, s.starts, s.ends, d.total_bytes, s.compressed, s.partial
            FROM %s.chunks_detailed_size(%L) d
            JOIN pose_raw.raw_spans() s ON s.unit = format('%%I.%%I', d.chunk_schema, d.chunk_name)::regclass
        $q$, extension, 'pose_raw.' || name);
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION pose_raw.compress_next() RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    name text;
BEGIN
    IF pose.tier() <> 'ts-full' THEN RETURN NULL; END IF;
    PERFORM pose_raw.enable_compression();
    SELECT u.unit::text INTO name FROM pose_raw.raw_spans() u, pose_raw.history h
    WHERE u.ends <= now() - h.compress_after AND (NOT u.compressed OR u.partial) ORDER BY u.starts, u.parent LIMIT 1;
    IF name IS NULL THEN RETURN NULL; END IF;
    BEGIN
        PERFORM set_config('default_toast_compression', 'lz4', true);   -- as in 0008
    EXCEPTION WHEN invalid_parameter_value THEN NULL;
    END;
    EXECUTE format('SELECT %s.compress_chunk(%L::regclass, if_not_compressed => true)', pose_raw.timescale(), name);
    RETURN name;
END $$;

CREATE OR REPLACE FUNCTION pose_raw.drop_raw(cut timestamptz) RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    bound timestamptz; fresh boolean; of_table text; name text; other text; extension text := pose_raw.timescale();
BEGIN
    SELECT drop_before INTO bound FROM pose_raw.history;
    fresh := bound IS NULL OR NOT EXISTS (SELECT FROM pose_raw.raw_spans() r WHERE r.ends <= bound);
    IF fresh THEN
        SELECT min(r.ends) INTO bound FROM pose_raw.raw_spans() r WHERE r.ends <= cut;
        IF bound IS NULL THEN
            UPDATE pose_raw.history SET drop_before = NULL WHERE drop_before IS NOT NULL;
            RETURN '{}';
        END IF;
    END IF;
    SELECT r.parent, r.unit::text INTO of_table, name FROM pose_raw.raw_spans() r WHERE r.ends <= bound
    ORDER BY r.parent <> 'poses', r.starts, r.parent LIMIT 1;
    -- The one lock that is waited for, with nothing held. To drop a partition its table is locked; of a compressed chunk
    -- drop_chunks would lock first what readers lock last.
    EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE',
                   CASE WHEN extension IS NULL THEN format('pose_raw.%I', of_table) ELSE name END);
    IF fresh THEN
        -- Who writes into one of these units has marked its minutes, and not committed yet.
        FOR other IN SELECT r.unit::text FROM pose_raw.raw_spans() r WHERE r.ends <= bound AND r.unit::text <> name LOOP
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

CREATE OR REPLACE FUNCTION pose_raw.retention_cut() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT max(u.ends) FROM pose_raw.raw_spans() u, pose_raw.history h WHERE u.ends <= now() - h.retention
$$;

CREATE OR REPLACE FUNCTION pose_raw.budget_cut() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT min(u.ends) FROM pose_raw.raw_spans() u, pose_raw.history h
    WHERE h.budget_bytes IS NOT NULL
      AND pose_raw.used_bytes() > h.budget_bytes - greatest(0.03 * h.budget_bytes, 2 * h.grown_bytes)
$$;

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

REVOKE ALL ON FUNCTION pose_raw.begin_round(), pose_raw.raw_spans() FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'posebus_writer') THEN
        GRANT EXECUTE ON FUNCTION pose_raw.begin_round(), pose_raw.raw_spans() TO posebus_writer;
    END IF;
END $$;
