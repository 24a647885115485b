-- What months are asked for: minutes of each track and of each posture. They stay when the poses behind them go.
--
-- The same tables on every tier, kept exact by a list of minutes that are due: a writer puts the minutes of its batch on it
-- in the transaction of the rows, and the views compute these minutes from the rows themselves until `refresh_rollups`
-- has taken them up. So a view never waits for a refresh, and late or replayed rows are in it as soon as they are
-- committed. (Continuous aggregates of TimescaleDB show late rows only after a refresh, and a refresh after raw chunks
-- were dropped takes the aggregate with them: docs/adr/0009.)

-- One row: what of the history is kept. NULL: no end. `raw_floor`: facts by the frame from before it were dropped, and
-- the minutes before it are final.
CREATE TABLE pose_raw.history (
    one            boolean PRIMARY KEY DEFAULT true CHECK (one),
    raw_floor      timestamptz NOT NULL DEFAULT '-infinity',
    retention      interval CHECK (retention > interval '0'),
    compress_after interval NOT NULL DEFAULT '12 hours',
    budget_bytes   bigint CHECK (budget_bytes > 0),
    applied_at     timestamptz NOT NULL DEFAULT now(),
    kept_at        timestamptz
);
INSERT INTO pose_raw.history DEFAULT VALUES;

CREATE TABLE pose_raw.track_minutes (
    minute    timestamptz NOT NULL,
    hour      timestamptz NOT NULL,
    first_ts  timestamptz NOT NULL,
    last_ts   timestamptz NOT NULL,
    track_id  bigint   NOT NULL,
    run       int      NOT NULL,
    poses     int      NOT NULL,
    camera_no smallint NOT NULL,
    PRIMARY KEY (run, camera_no, minute, track_id)
);
CREATE INDEX track_minutes_hour ON pose_raw.track_minutes (run, hour) INCLUDE (camera_no, track_id, poses);

-- Time runs to the next frame of the track, at most a second; the last frame of a track counts nothing. In whole
-- milliseconds, so that sums do not depend on their order.
CREATE TABLE pose_raw.posture_minutes (
    minute     timestamptz NOT NULL,
    hour       timestamptz NOT NULL,
    track_id   bigint   NOT NULL,
    run        int      NOT NULL,
    frames     int      NOT NULL,
    ms         int      NOT NULL,
    bent_20_ms int      NOT NULL,       -- trunk tilted more than 20 degrees, not lying
    bent_60_ms int      NOT NULL,       -- more than 60
    raised_ms  int      NOT NULL,       -- an upper arm more than 60 degrees from the trunk
    camera_no  smallint NOT NULL,
    posture_no smallint NOT NULL,
    PRIMARY KEY (run, camera_no, minute, track_id, posture_no)
);
CREATE INDEX posture_minutes_hour ON pose_raw.posture_minutes (run, hour);

CREATE TABLE pose_raw.rollup_due (
    minute    timestamptz NOT NULL,
    run       int      NOT NULL,
    camera_no smallint NOT NULL,
    PRIMARY KEY (run, camera_no, minute)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- The due minutes from the rows themselves. LATERAL with GROUP BY: one look into an index for each minute, whatever
-- the planner thinks of the size of the list.
CREATE VIEW pose_raw.track_minutes_due AS
SELECT d.minute, date_bin('1 hour', d.minute, '2000-01-01 00:00+00') AS hour, l.first_ts, l.last_ts, l.track_id,
       d.run, l.poses, d.camera_no
FROM pose_raw.rollup_due d
CROSS JOIN LATERAL (
    SELECT p.track_id, min(p.ts) AS first_ts, max(p.ts) AS last_ts, count(*)::int AS poses
    FROM pose_raw.poses p
    WHERE p.run = d.run AND p.camera_no = d.camera_no AND p.ts >= d.minute AND p.ts < d.minute + interval '1 minute'
    GROUP BY p.track_id
) l;

CREATE VIEW pose_raw.posture_minutes_due AS
SELECT d.minute, date_bin('1 hour', d.minute, '2000-01-01 00:00+00') AS hour, l.track_id, d.run, l.frames, l.ms,
       l.bent_20_ms, l.bent_60_ms, l.raised_ms, d.camera_no, l.posture_no
FROM pose_raw.rollup_due d
CROSS JOIN LATERAL (
    SELECT f.track_id, f.posture_no, count(*)::int AS frames, coalesce(sum(f.ms), 0)::int AS ms,
           coalesce(sum(f.ms) FILTER (WHERE f.tilt > 20 AND f.posture <> 'lie'), 0)::int AS bent_20_ms,
           coalesce(sum(f.ms) FILTER (WHERE f.tilt > 60 AND f.posture <> 'lie'), 0)::int AS bent_60_ms,
           coalesce(sum(f.ms) FILTER (WHERE f.lift < 120), 0)::int AS raised_ms
    FROM (
        SELECT m.ts, m.track_id, m.posture_no, w.name AS posture, nullif(m.scalars[1], 'NaN') AS tilt,
               -- 180 = the arm hangs, 0 = stretched up: 120 is 60 degrees from the trunk
               least(nullif(m.angles[3], -32768), nullif(m.angles[4], -32768)) / 10.0 AS lift,
               -- least() takes no notice of NULL: of the last frame of a track
               CASE WHEN lead(m.ts) OVER w IS NOT NULL
                    THEN round(1000 * least(extract(epoch FROM lead(m.ts) OVER w - m.ts), 1)) END AS ms
        FROM pose_raw.measures m
        LEFT JOIN pose_raw.postures w ON w.posture_no = m.posture_no
        WHERE m.run = d.run AND m.camera_no = d.camera_no
          AND m.ts >= d.minute AND m.ts < d.minute + interval '61 seconds'
        WINDOW w AS (PARTITION BY m.track_id ORDER BY m.ts)
    ) f
    WHERE f.ts < d.minute + interval '1 minute'
    GROUP BY f.track_id, f.posture_no
) l;

CREATE VIEW pose_raw.track_minutes_all AS
SELECT minute, hour, first_ts, last_ts, track_id, run, poses, camera_no FROM pose_raw.track_minutes t
WHERE NOT EXISTS (SELECT FROM pose_raw.rollup_due d
                  WHERE d.run = t.run AND d.camera_no = t.camera_no AND d.minute = t.minute)
UNION ALL
SELECT minute, hour, first_ts, last_ts, track_id, run, poses, camera_no FROM pose_raw.track_minutes_due;

CREATE VIEW pose_raw.posture_minutes_all AS
SELECT minute, hour, track_id, run, frames, ms, bent_20_ms, bent_60_ms, raised_ms, camera_no, posture_no
FROM pose_raw.posture_minutes t
WHERE NOT EXISTS (SELECT FROM pose_raw.rollup_due d
                  WHERE d.run = t.run AND d.camera_no = t.camera_no AND d.minute = t.minute)
UNION ALL
SELECT minute, hour, track_id, run, frames, ms, bent_20_ms, bent_60_ms, raised_ms, camera_no, posture_no
FROM pose_raw.posture_minutes_due;

-- Put minutes on the list. A minute that is there stays, locked until our end, so that a refresh leaves it to the next;
-- minutes from before the floor are final.
CREATE FUNCTION pose_raw.mark_due(runs int[], cameras smallint[], minutes timestamptz[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO pose_raw.rollup_due (run, camera_no, minute)
    SELECT m.run, m.camera_no, m.minute FROM unnest(runs, cameras, minutes) AS m (run, camera_no, minute)
    WHERE m.minute >= coalesce((SELECT raw_floor FROM pose_raw.history), '-infinity')
    ORDER BY 1, 2, 3
    ON CONFLICT (run, camera_no, minute) DO UPDATE SET minute = excluded.minute WHERE false
$$;

-- Take up at most `most` due minutes from before `closed`; how many it was. Minutes that somebody is writing to are left.
CREATE FUNCTION pose_raw.refresh_rollups(closed timestamptz, most int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    runs int[]; cameras smallint[]; minutes timestamptz[]; kept timestamptz;
BEGIN
    SELECT coalesce((SELECT raw_floor FROM pose_raw.history), '-infinity') INTO kept;
    DELETE FROM pose_raw.rollup_due WHERE minute < kept;
    SELECT array_agg(t.run), array_agg(t.camera_no), array_agg(t.minute) INTO runs, cameras, minutes
    FROM (SELECT run, camera_no, minute FROM pose_raw.rollup_due WHERE minute < closed
          ORDER BY run, camera_no, minute LIMIT most FOR UPDATE SKIP LOCKED) t;
    IF minutes IS NULL THEN RETURN 0; END IF;
    -- Each statement from here on sees what was committed before the rows of the list became ours.
    DELETE FROM pose_raw.track_minutes t USING unnest(runs, cameras, minutes) AS m (run, camera_no, minute)
    WHERE t.run = m.run AND t.camera_no = m.camera_no AND t.minute = m.minute;
    DELETE FROM pose_raw.posture_minutes t USING unnest(runs, cameras, minutes) AS m (run, camera_no, minute)
    WHERE t.run = m.run AND t.camera_no = m.camera_no AND t.minute = m.minute;
    INSERT INTO pose_raw.track_minutes (minute, hour, first_ts, last_ts, track_id, run, poses, camera_no)
    SELECT l.minute, l.hour, l.first_ts, l.last_ts, l.track_id, l.run, l.poses, l.camera_no
    FROM unnest(runs, cameras, minutes) AS m (run, camera_no, minute)
    JOIN pose_raw.track_minutes_due l USING (run, camera_no, minute);
    INSERT INTO pose_raw.posture_minutes
        (minute, hour, track_id, run, frames, ms, bent_20_ms, bent_60_ms, raised_ms, camera_no, posture_no)
    SELECT l.minute, l.hour, l.track_id, l.run, l.frames, l.ms, l.bent_20_ms, l.bent_60_ms, l.raised_ms, l.camera_no,
           l.posture_no
    FROM unnest(runs, cameras, minutes) AS m (run, camera_no, minute)
    JOIN pose_raw.posture_minutes_due l USING (run, camera_no, minute);
    DELETE FROM pose_raw.rollup_due d USING unnest(runs, cameras, minutes) AS m (run, camera_no, minute)
    WHERE d.run = m.run AND d.camera_no = m.camera_no AND d.minute = m.minute;
    RETURN cardinality(minutes);
END $$;
COMMENT ON FUNCTION pose_raw.refresh_rollups(timestamptz, int) IS
    'Takes up due minutes into the rollups. SELECT pose_raw.refresh_rollups(now() - interval ''2 min'', 1000);';

-- What was written before this version.
INSERT INTO pose_raw.rollup_due (run, camera_no, minute)
SELECT DISTINCT run, camera_no, date_bin('1 minute', ts, '2000-01-01 00:00+00') FROM pose_raw.frame_outcomes
ON CONFLICT DO NOTHING;

-- ----------------------------------------------------------------------------------------------------------------
-- Views for people
-- ----------------------------------------------------------------------------------------------------------------
CREATE VIEW pose.people_hourly AS
SELECT t.hour, c.name AS camera, count(DISTINCT t.track_id) AS people, sum(t.poses) AS poses
FROM pose_raw.track_minutes_all t
LEFT JOIN pose_raw.cameras c ON c.camera_no = t.camera_no
WHERE t.run = pose.chosen_run()
GROUP BY t.hour, c.name;
COMMENT ON VIEW pose.people_hourly IS
'How many people each camera followed in each hour (UTC), and the poses of them. It stays when the poses are dropped.
Example: SELECT camera, sum(people) FROM people_hourly WHERE hour > now() - interval ''30 days'' GROUP BY camera;';

CREATE VIEW pose.time_in_posture AS
SELECT t.hour, c.name AS camera, t.track_id, w.name AS posture, (sum(t.ms) / 1000.0)::real AS seconds, sum(t.frames) AS frames
FROM pose_raw.posture_minutes_all t
LEFT JOIN pose_raw.cameras c ON c.camera_no = t.camera_no
LEFT JOIN pose_raw.postures w ON w.posture_no = t.posture_no
WHERE t.run = pose.chosen_run()
GROUP BY t.hour, c.name, t.track_id, w.name;
COMMENT ON VIEW pose.time_in_posture IS
'How long each person was in each posture in each hour (UTC), seconds. It stays when the poses are dropped.
Example: SELECT posture, sum(seconds) / 60 AS minutes FROM time_in_posture WHERE camera = ''ward'' GROUP BY posture;';

CREATE VIEW pose.risk_minutes AS
SELECT t.minute, c.name AS camera, t.track_id, (sum(t.ms) / 1000.0)::real AS seconds, (sum(t.bent_20_ms) / 1000.0)::real AS bent_20_s,
       (sum(t.bent_60_ms) / 1000.0)::real AS bent_60_s, (sum(t.raised_ms) / 1000.0)::real AS raised_s,
       (coalesce(sum(t.ms) FILTER (WHERE w.name IN ('kneel', 'crouch')), 0) / 1000.0)::real AS low_s
FROM pose_raw.posture_minutes_all t
LEFT JOIN pose_raw.cameras c ON c.camera_no = t.camera_no
LEFT JOIN pose_raw.postures w ON w.posture_no = t.posture_no
WHERE t.run = pose.chosen_run()
GROUP BY t.minute, c.name, t.track_id;
COMMENT ON VIEW pose.risk_minutes IS
'Minutes of each person with the seconds in postures that ISO 11226:2000 limits (more than 20 degrees of trunk
inclination) or does not accept (bent_60_s: trunk more than 60; raised_s: an upper arm more than 60 from the trunk), and
low_s kneeling or crouching. It stays when the poses are dropped.
Example: SELECT camera, sum(bent_60_s) / 60 AS minutes FROM risk_minutes GROUP BY camera;';

CREATE VIEW pose.reps AS
SELECT e.ts, e.ts_end, c.name AS camera, e.track_id, e.label AS exercise, e.value::int AS number,
       extract(epoch FROM e.ts_end - e.ts)::real AS seconds, e.payload, e.event_id
FROM pose_raw.events e
LEFT JOIN pose_raw.cameras c ON c.camera_no = e.camera_no
WHERE e.run = pose.chosen_run() AND e.kind = 'rep';
COMMENT ON VIEW pose.reps IS
'One row a repetition: which exercise, its number in the set, how long it took; payload holds what was measured of it.
Example: SELECT exercise, count(*), avg(seconds) FROM reps WHERE camera = ''gym'' GROUP BY exercise;';

CREATE VIEW pose.zone_occupancy AS
SELECT date_bin('1 hour', e.ts, '2000-01-01 00:00+00') AS hour, c.name AS camera,
       left(e.label, -1 - length(substring(e.label FROM '[^:]*$'))) AS zone,
       count(*) FILTER (WHERE e.label LIKE '%:enter') AS entered,
       count(*) FILTER (WHERE e.label LIKE '%:leave') AS gone,
       coalesce(sum(e.value) FILTER (WHERE e.label LIKE '%:leave'), 0)::real AS person_seconds,
       max(e.value) FILTER (WHERE e.label LIKE '%:count')::int AS most_people
FROM pose_raw.events e
LEFT JOIN pose_raw.cameras c ON c.camera_no = e.camera_no
WHERE e.run = pose.chosen_run() AND e.kind = 'zone'
GROUP BY 1, 2, 3;
COMMENT ON VIEW pose.zone_occupancy IS
'Each zone by the hour (UTC): how many came and went, how long those who went had been in it, and the most people at once
(NULL: nobody came or went).
Example: SELECT hour, zone, most_people FROM zone_occupancy WHERE camera = ''shop'' ORDER BY hour;';

CREATE VIEW pose.last_pose AS
SELECT t.last_seen AS ts, c.name AS camera, t.track_id, p.frame_no,
       nullif(p.x1, -32768)::real / p.q::real AS box_x,
       nullif(p.y1, -32768)::real / p.q::real AS box_y,
       (nullif(p.x2, -32768)::int - nullif(p.x1, -32768)::int)::real / p.q::real AS box_w,
       (nullif(p.y2, -32768)::int - nullif(p.y1, -32768)::int)::real / p.q::real AS box_h,
       nullif(p.score, -32768)::real / 1000::real AS score
FROM pose_raw.tracks t
JOIN pose_raw.poses p ON p.run = t.run AND p.track_id = t.track_id AND p.ts = t.last_seen
LEFT JOIN pose_raw.cameras c ON c.camera_no = t.camera_no
WHERE t.run = pose.chosen_run();
COMMENT ON VIEW pose.last_pose IS
'Where each person was when last seen. Keypoints of it: JOIN keypoints USING (track_id, ts).
Example: SELECT camera, track_id, box_x, box_y FROM last_pose WHERE ts > now() - interval ''5 seconds'';';

-- The roles are missing where the owner could not make them: see 0002.
REVOKE ALL ON FUNCTION pose_raw.mark_due(int[], smallint[], timestamptz[]), pose_raw.refresh_rollups(timestamptz, int) FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'posebus_writer') THEN
        GRANT EXECUTE ON FUNCTION pose_raw.mark_due(int[], smallint[], timestamptz[]),
                                  pose_raw.refresh_rollups(timestamptz, int) TO posebus_writer;
        GRANT SELECT ON pose_raw.history TO posebus_writer;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'posebus_reader') THEN
        GRANT SELECT ON pose.people_hourly, pose.time_in_posture, pose.risk_minutes, pose.reps, pose.zone_occupancy,
                        pose.last_pose TO posebus_reader;
    END IF;
END $$;
