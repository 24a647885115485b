-- What is computed with keypoints. Written as SQL expressions, which the planner puts into the query that calls them.

CREATE FUNCTION pose.distance(ax float8, ay float8, bx float8, by float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sqrt((ax - bx) * (ax - bx) + (ay - by) * (ay - by));
COMMENT ON FUNCTION pose.distance(float8, float8, float8, float8) IS
'Distance of two points on the picture, in their unit. Example: SELECT distance(0, 0, 3, 4);';

CREATE FUNCTION pose.angle_deg(ax float8, ay float8, bx float8, by float8, cx float8, cy float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (ax = bx AND ay = by) OR (cx = bx AND cy = by) THEN NULL
    ELSE degrees(atan2(abs((ax - bx) * (cy - by) - (ay - by) * (cx - bx)), (ax - bx) * (cx - bx) + (ay - by) * (cy - by))) END;
COMMENT ON FUNCTION pose.angle_deg(float8, float8, float8, float8, float8, float8) IS
'Angle at b between a and c, degrees, [0, 180]; NULL where two points fall together. The view angles has flexions,
which are 180 less it. Example: SELECT angle_deg(0, 1, 0, 0, 1, 0);';

CREATE FUNCTION pose.speed(x float8, y float8, ts timestamptz, before_x float8, before_y float8, before_ts timestamptz)
RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sqrt((x - before_x) * (x - before_x) + (y - before_y) * (y - before_y))
    / nullif(abs(extract(epoch FROM ts - before_ts)::float8), 0);
COMMENT ON FUNCTION pose.speed(float8, float8, timestamptz, float8, float8, timestamptz) IS
'Speed between two points and their times, units a second; NULL at the same time.
Example: SELECT ts, speed(x, y, ts, lag(x) OVER w, lag(y) OVER w, lag(ts) OVER w) FROM keypoints
WHERE keypoint = ''left_wrist'' AND camera = ''gym'' WINDOW w AS (PARTITION BY track_id ORDER BY ts);';

-- Plain SQL, so that it asks as whoever calls it: who may see some cameras only has that keypoints view first in the
-- search path, and this function sees no more.
CREATE FUNCTION pose.resample(track bigint, point text, starts timestamptz, ends timestamptz, hz float8 DEFAULT 30,
                              gap_s float8 DEFAULT 0.5)
RETURNS TABLE (ts timestamptz, x float8, y float8)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF NOT (hz > 0 AND hz <= 1000) OR extract(epoch FROM ends - starts) * hz > 10000000 THEN
        RAISE EXCEPTION 'resample: hz is %, allowed are 0 to 1000 and 10,000,000 rows', hz USING ERRCODE = '22023';
    END IF;
    RETURN QUERY
    WITH known AS (
        SELECT k.ts AS t, k.x::float8 AS kx, k.y::float8 AS ky,
               lead(k.ts) OVER w AS next_t, lead(k.x::float8) OVER w AS next_x, lead(k.y::float8) OVER w AS next_y
        FROM keypoints k
        WHERE k.track_id = track AND k.keypoint = point AND k.x IS NOT NULL
          AND k.ts >= starts - make_interval(secs => gap_s) AND k.ts <= ends + make_interval(secs => gap_s)
        WINDOW w AS (ORDER BY k.ts)
    ), spans AS (
        -- The grid's numbers that fall into each span between two frames, so that no search is needed.
        SELECT n, known.*, starts + make_interval(secs => n / hz) AS at
        FROM known CROSS JOIN LATERAL generate_series(
            greatest(0, ceil(extract(epoch FROM t - starts)::float8 * hz - 1e-6))::bigint,
            CASE WHEN next_t IS NULL THEN floor(extract(epoch FROM t - starts)::float8 * hz + 1e-6)
                 ELSE ceil(extract(epoch FROM next_t - starts)::float8 * hz - 1e-6) - 1 END::bigint) AS n
        WHERE next_t IS NULL OR next_t - t <= make_interval(secs => gap_s) OR n * 1.0 / hz = extract(epoch FROM t - starts)
    )
    SELECT s.at,
           s.kx + coalesce((s.next_x - s.kx) * f.share, 0),
           s.ky + coalesce((s.next_y - s.ky) * f.share, 0)
    FROM spans s CROSS JOIN LATERAL (
        SELECT greatest(0, extract(epoch FROM s.at - s.t)::float8 / extract(epoch FROM s.next_t - s.t)::float8) AS share
    ) f
    WHERE s.at <= ends
    ORDER BY s.at;
END $$;
COMMENT ON FUNCTION pose.resample(bigint, text, timestamptz, timestamptz, float8, float8) IS
'One keypoint of one track at even times, linear between the frames around each; none within gaps longer than gap_s.
Example: SELECT ts, x, y FROM resample(281474976710657, ''left_wrist'', now() - interval ''10 s'', now(), 30);';

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['posebus_writer', 'posebus_reader'] LOOP
        CONTINUE WHEN NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role);
        EXECUTE format('GRANT EXECUTE ON FUNCTION pose.distance(float8, float8, float8, float8),
            pose.angle_deg(float8, float8, float8, float8, float8, float8),
            pose.speed(float8, float8, timestamptz, float8, float8, timestamptz),
            pose.resample(bigint, text, timestamptz, timestamptz, float8, float8) TO %I', role);
    END LOOP;
END $$;
