-- What an export is made of, for readers who see some cameras only: the facts themselves, behind the same barrier as the
-- views in pose_held. Numbers of cameras, not names: a condition on camera_no, track_id and ts reaches the indexes.
CREATE FUNCTION pose_held.my_camera_numbers() RETURNS smallint[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(g.camera_no), '{}') FROM pose_raw.camera_grants g WHERE g.login = session_user
$$;
COMMENT ON FUNCTION pose_held.my_camera_numbers() IS
    'Numbers of the cameras that this login may see. SELECT pose_held.my_camera_numbers();';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['cameras', 'poses', 'measures', 'frame_outcomes', 'tracks'] LOOP
        EXECUTE format('CREATE VIEW pose_held.%I WITH (security_barrier) AS SELECT t.* FROM pose_raw.%I t'
                       ' WHERE t.camera_no = ANY(pose_held.my_camera_numbers())', 'raw_' || name, name);
    END LOOP;
END $$;

REVOKE ALL ON FUNCTION pose_held.my_camera_numbers() FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'posebus_guest') THEN
        GRANT EXECUTE ON FUNCTION pose_held.my_camera_numbers() TO posebus_guest;
        GRANT SELECT ON pose_held.raw_cameras, pose_held.raw_poses, pose_held.raw_measures, pose_held.raw_frame_outcomes,
            pose_held.raw_tracks TO posebus_guest;
    END IF;
END $$;

-- The highest numbers that a camera's rows have: whoever goes on without a memory of its own (states lost, or rows that
-- came from elsewhere) begins behind them. 47 bits of a track_id are a tracker's counter; imported tracks have the next.
CREATE FUNCTION pose_raw.last_numbers(of_run int, of_camera smallint, OUT last_session int, OUT last_person bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT f.session FROM pose_raw.frame_outcomes f WHERE f.run = of_run AND f.camera_no = of_camera
                     ORDER BY f.ts DESC LIMIT 1), 0),
           coalesce((SELECT t.track_id & ((1::bigint << 47) - 1) FROM pose_raw.tracks t
                     WHERE t.run = of_run AND t.track_id >= of_camera::bigint << 48
                       AND t.track_id < (of_camera::bigint << 48) + (1::bigint << 47)
                     ORDER BY t.track_id DESC LIMIT 1), 0)
$$;
COMMENT ON FUNCTION pose_raw.last_numbers(int, smallint) IS
    'The last session and the highest number of a person of a camera. SELECT * FROM pose_raw.last_numbers(0, 1::smallint);';

REVOKE ALL ON FUNCTION pose_raw.last_numbers(int, smallint) FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'posebus_writer') THEN
        GRANT EXECUTE ON FUNCTION pose_raw.last_numbers(int, smallint) TO posebus_writer;
    END IF;
END $$;

-- As in 0006, but each track looks its pose up: a join of the two would read all poses of all times to find the last ones
-- (measured on compressed chunks, 24 of 168 tracks among 500,000 poses: 270 ms to 9 ms).
CREATE OR REPLACE VIEW pose.last_pose AS
SELECT t.last_seen AS ts, c.name AS camera, t.track_id, p.frame_no,
       nullif(p.x1, -32768)::real / p.q::real AS box_x,
       nullif(p.y1, -32768)::real / p.q::real AS box_y,
       (nullif(p.x2, -32768)::int - nullif(p.x1, -32768)::int)::real / p.q::real AS box_w,
       (nullif(p.y2, -32768)::int - nullif(p.y1, -32768)::int)::real / p.q::real AS box_h,
       nullif(p.score, -32768)::real / 1000::real AS score
FROM pose_raw.tracks t
CROSS JOIN LATERAL (
    SELECT p.frame_no, p.x1, p.y1, p.x2, p.y2, p.q, p.score FROM pose_raw.poses p
    WHERE p.run = t.run AND p.track_id = t.track_id AND p.ts = t.last_seen LIMIT 1
) p
LEFT JOIN pose_raw.cameras c ON c.camera_no = t.camera_no
WHERE t.run = pose.chosen_run();

-- The budget is kept between two rounds of upkeep too: room is made for twice of what came in since the last round, before
-- any of it was compressed, and for three hundredths at least.
ALTER TABLE pose_raw.history ADD COLUMN kept_bytes bigint, ADD COLUMN grown_bytes bigint;

-- The first of a round: what came in since the end of the last one.
CREATE OR REPLACE FUNCTION pose_raw.keep_retention() RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    cut timestamptz := pose_raw.retention_cut();
BEGIN
    UPDATE pose_raw.history SET grown_bytes = pose_raw.used_bytes() - kept_bytes WHERE budget_bytes IS NOT NULL;
    IF cut IS NULL THEN RETURN '{}'; END IF;
    RETURN pose_raw.drop_raw(cut);
END $$;

CREATE OR REPLACE FUNCTION pose_raw.budget_cut() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT min(u.ends) FROM pose_raw.raw_units() u, pose_raw.history h
    WHERE h.budget_bytes IS NOT NULL
      AND pose_raw.used_bytes() > h.budget_bytes - greatest(0.03 * h.budget_bytes, 2 * h.grown_bytes)
$$;

-- The last of a round, called until nothing is left to drop.
CREATE OR REPLACE FUNCTION pose_raw.keep_budget() RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    cut timestamptz := pose_raw.budget_cut();
BEGIN
    IF cut IS NULL THEN
        UPDATE pose_raw.history SET kept_bytes = pose_raw.used_bytes() WHERE budget_bytes IS NOT NULL;
        RETURN '{}';
    END IF;
    RETURN pose_raw.drop_raw(cut);
END $$;
