-- Dropping what is old never ends a reader or a writer: whoever reads poses and measures in one statement, and a drop of
-- both, could wait for each other, and the server ends the one that notices first (found by tests/.../test_mixed_load.py).

-- All locks at first: the wait for the first one, with nothing held, may be long; the others must come sooner than the
-- server looks for deadlocks, else this gives up (lock_not_available) and the next round of upkeep tries again.
CREATE FUNCTION pose_raw.lock_to_drop(tables regclass[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    name regclass; until timestamptz;
BEGIN
    FOREACH name IN ARRAY tables LOOP
        EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', name);
        until := coalesce(until, clock_timestamp() + 0.7 * current_setting('deadlock_timeout')::interval);
        PERFORM set_config('lock_timeout', greatest(1, ceil(1000 * extract(epoch FROM until - clock_timestamp())))::int::text, true);
    END LOOP;
END $$;

-- As in 0008, but with the locks; and what is due is looked up when nobody can add to it any more.
CREATE OR REPLACE FUNCTION pose_raw.drop_raw(cut timestamptz) RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
    gone text[] := '{}'; name text; extension text := pose_raw.timescale(); old regclass[];
BEGIN
    SELECT coalesce(array_agg(r.unit ORDER BY r.starts, r.parent), '{}') INTO old
    FROM pose_raw.raw_units() r WHERE r.ends <= cut;
    IF extension IS NULL THEN
        -- To drop a partition the whole table is locked.
        PERFORM pose_raw.lock_to_drop('{pose_raw.frame_outcomes,pose_raw.measures,pose_raw.poses}');
    ELSE
        PERFORM pose_raw.lock_to_drop(old);
    END IF;
    IF EXISTS (SELECT FROM pose_raw.rollup_due d
               WHERE d.minute < cut AND d.minute >= coalesce((SELECT raw_floor FROM pose_raw.history), '-infinity')) THEN
        RETURN NULL;
    END IF;
    INSERT INTO pose_raw.history AS h (raw_floor) VALUES (cut)
    ON CONFLICT (one) DO UPDATE SET raw_floor = greatest(h.raw_floor, excluded.raw_floor);
    IF extension IS NULL THEN
        FOREACH name IN ARRAY old LOOP
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

REVOKE ALL ON FUNCTION pose_raw.lock_to_drop(regclass[]) FROM PUBLIC;
