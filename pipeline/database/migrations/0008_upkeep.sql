-- Keeping the history within its policy (pose_raw.history): compression, retention, the byte budget. Each function does
-- one step in a transaction of its own; posebus calls them every minute, as the writer. What they may remove is said by
-- the policy, which only the owner can change.

CREATE FUNCTION pose_raw.timescale() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE extname = 'timescaledb' AND pose.tier() <> 'plain'
$$;

-- run and camera_no as segments: what one camera or one run has is removed as whole batches. By track, then time within:
-- short tracks do not break batches up (measured: a segment a track is larger than no compression at all with tracks of 2 s).
CREATE FUNCTION pose_raw.enable_compression() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part record; enabled boolean;
BEGIN
    IF pose.tier() <> 'ts-full' THEN RETURN; END IF;
    FOR part IN SELECT * FROM (VALUES ('poses', 'track_id, ts'), ('measures', 'track_id, ts'),
                                      ('frame_outcomes', 'session, frame_no, ts')) AS v (name, orderby) LOOP
        EXECUTE 'SELECT compression_enabled FROM timescaledb_information.hypertables'
                ' WHERE hypertable_schema = ''pose_raw'' AND hypertable_name = $1' INTO enabled USING part.name;
        CONTINUE WHEN enabled;
        EXECUTE format('ALTER TABLE pose_raw.%I SET (timescaledb.compress, timescaledb.compress_segmentby = ''run, camera_no'','
                       ' timescaledb.compress_orderby = %L)', part.name, part.orderby);
    END LOOP;
END $$;
SELECT pose_raw.enable_compression();

-- Partitions or chunks of the facts by the frame.
CREATE FUNCTION pose_raw.raw_units()
RETURNS TABLE (parent text, unit regclass, starts timestamptz, ends timestamptz, bytes bigint, compressed boolean, partial boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    extension text := pose_raw.timescale(); name text;
BEGIN
    IF extension IS NULL THEN
        RETURN QUERY
        SELECT p.relname::text, c.oid::regclass, d.day::timestamp AT TIME ZONE 'UTC', (d.day + 1)::timestamp AT TIME ZONE 'UTC',
               pg_total_relation_size(c.oid), false, false
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
        CROSS JOIN LATERAL (SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day) d
        WHERE p.relnamespace = 'pose_raw'::regnamespace AND p.relname IN ('poses', 'measures', 'frame_outcomes')
          AND p.relkind = 'p';
        RETURN;
    END IF;
    FOREACH name IN ARRAY ARRAY['poses', 'measures', 'frame_outcomes'] LOOP
        RETURN QUERY EXECUTE format($q$
            SELECT %2$L::text, format('%%I.%%I', k.chunk_schema, k.chunk_name)::regclass, k.range_start, k.range_end,
                   s.total_bytes, k.is_compressed, (c.status & 8) <> 0
            FROM timescaledb_information.chunks k
            JOIN %1$s.chunks_detailed_size(%3$L) s USING (chunk_schema, chunk_name)
            JOIN _timescaledb_catalog.chunk c ON c.schema_name = k.chunk_schema AND c.table_name = k.chunk_name
            WHERE k.hypertable_schema = 'pose_raw' AND k.hypertable_name = %2$L
        $q$, extension, name, 'pose_raw.' || name);
    END LOOP;
END $$;
COMMENT ON FUNCTION pose_raw.raw_units() IS 'Partitions or chunks of the facts by the frame, with their sizes.';

-- All that posebus keeps here, with indexes.
CREATE FUNCTION pose_raw.used_bytes() RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    extension text := pose_raw.timescale(); total bigint; chunks bigint := 0;
BEGIN
    -- A relation may go between the list and the question: then its size is NULL.
    SELECT coalesce(sum(pg_total_relation_size(oid)), 0) INTO total
    FROM pg_class WHERE relnamespace = 'pose_raw'::regnamespace AND relkind IN ('r', 'm');
    IF extension IS NOT NULL THEN
        EXECUTE format('SELECT coalesce(sum(s.total_bytes), 0) FROM timescaledb_information.hypertables h'
                       ' CROSS JOIN LATERAL %s.chunks_detailed_size(format(''%%I.%%I'', h.hypertable_schema, h.hypertable_name)::regclass) s'
                       ' WHERE h.hypertable_schema = ''pose_raw''', extension) INTO chunks;
    END IF;
    RETURN total + chunks;
END $$;

-- Drop the facts by the frame from before `cut`; which units went. Their minutes must have been taken up: NULL says that
-- some are due still. Not for the writer.
CREATE FUNCTION pose_raw.drop_raw(cut timestamptz) RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    gone text[] := '{}'; name text; extension text := pose_raw.timescale();
BEGIN
    IF EXISTS (SELECT FROM pose_raw.rollup_due d
               WHERE d.minute < cut AND d.minute >= coalesce((SELECT raw_floor FROM pose_raw.history), '-infinity')) THEN
        RETURN NULL;
    END IF;
    INSERT INTO pose_raw.history AS h (raw_floor) VALUES (cut)
    ON CONFLICT (one) DO UPDATE SET raw_floor = greatest(h.raw_floor, excluded.raw_floor);
    IF extension IS NULL THEN
        FOR name IN SELECT r.unit::text FROM pose_raw.raw_units() r WHERE r.ends <= cut ORDER BY r.starts, r.parent LOOP
            EXECUTE format('DROP TABLE %s', name);
            gone := gone || name;
        END LOOP;
    ELSE
        FOREACH name IN ARRAY ARRAY['pose_raw.poses', 'pose_raw.measures', 'pose_raw.frame_outcomes'] LOOP
            EXECUTE format('SELECT $1 || coalesce(array_agg(c), ''{}'') FROM %s.drop_chunks(%L::regclass, $2) AS c', extension, name)
                INTO gone USING gone, cut;
        END LOOP;
    END IF;
    RETURN gone;
END $$;

-- What retention asks to drop now: the end of the newest unit that is wholly older, or NULL.
CREATE FUNCTION pose_raw.retention_cut() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT max(u.ends) FROM pose_raw.raw_units() u, pose_raw.history h WHERE u.ends <= now() - h.retention
$$;

-- What the budget asks to drop now: the end of the oldest unit while more is used than allowed, or NULL.
CREATE FUNCTION pose_raw.budget_cut() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT min(u.ends) FROM pose_raw.raw_units() u, pose_raw.history h
    WHERE h.budget_bytes IS NOT NULL AND pose_raw.used_bytes() > 0.97 * h.budget_bytes
$$;

CREATE FUNCTION pose_raw.keep_retention() RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    cut timestamptz := pose_raw.retention_cut();
BEGIN
    IF cut IS NULL THEN RETURN '{}'; END IF;
    RETURN pose_raw.drop_raw(cut);
END $$;
COMMENT ON FUNCTION pose_raw.keep_retention() IS 'Drops what is older than the retention; NULL: minutes are due, refresh first.';

CREATE FUNCTION pose_raw.keep_budget() RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    cut timestamptz := pose_raw.budget_cut();
BEGIN
    IF cut IS NULL THEN RETURN '{}'; END IF;
    RETURN pose_raw.drop_raw(cut);
END $$;
COMMENT ON FUNCTION pose_raw.keep_budget() IS 'Drops the oldest unit while the budget is exceeded; NULL: minutes are due, refresh first.';

-- Compress one unit that is due; its name, or NULL when none is. Rows that came late into a compressed one are taken in.
CREATE FUNCTION pose_raw.compress_next() RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    name text;
BEGIN
    IF pose.tier() <> 'ts-full' THEN RETURN NULL; END IF;
    PERFORM pose_raw.enable_compression();
    SELECT u.unit::text INTO name FROM pose_raw.raw_units() u, pose_raw.history h
    WHERE u.ends <= now() - h.compress_after AND (NOT u.compressed OR u.partial) ORDER BY u.starts, u.parent LIMIT 1;
    IF name IS NULL THEN RETURN NULL; END IF;
    BEGIN
        -- What is left of smoothed keypoints after batching hardly repeats itself: pglz, the server's default, gives such
        -- columns up and keeps 21 bytes of array header a row; lz4 takes these (measured: 606 to 501 bytes a pose).
        PERFORM set_config('default_toast_compression', 'lz4', true);
    EXCEPTION WHEN invalid_parameter_value THEN NULL;       -- a server built without lz4
    END;
    EXECUTE format('SELECT %s.compress_chunk(%L::regclass, if_not_compressed => true)', pose_raw.timescale(), name);
    RETURN name;
END $$;

REVOKE ALL ON FUNCTION pose_raw.timescale(), pose_raw.enable_compression(), pose_raw.raw_units(), pose_raw.used_bytes(),
    pose_raw.drop_raw(timestamptz), pose_raw.retention_cut(), pose_raw.budget_cut(), pose_raw.keep_retention(),
    pose_raw.keep_budget(), pose_raw.compress_next() FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'posebus_writer') THEN
        GRANT EXECUTE ON FUNCTION pose_raw.timescale(), pose_raw.raw_units(), pose_raw.used_bytes(), pose_raw.retention_cut(),
            pose_raw.budget_cut(), pose_raw.keep_retention(), pose_raw.keep_budget(), pose_raw.compress_next()
            TO posebus_writer;
    END IF;
END $$;
