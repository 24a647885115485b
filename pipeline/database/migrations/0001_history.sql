-- The history of movement: facts in the schema pose_raw, views for people in the schema pose.
--
-- One source for plain PostgreSQL (>= 15) and for TimescaleDB: the tier is found here and stays as it was found.
-- Facts come from the record alone (never now(), never a sequence): their keys make a replay harmless.
-- One row a pose with smallint arrays, not one a keypoint: a seventh of the bytes, seven times the speed of COPY.

-- TimescaleDB, where the server has loaded it. CREATE EXTENSION without the loader ends the connection, and no
-- exception handler sees it; the loader's own setting tells, and every role may read it.
DO $$
BEGIN
    IF current_setting('timescaledb.disable_load', true) IS NOT NULL
       AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') THEN
        CREATE EXTENSION IF NOT EXISTS timescaledb;
    END IF;
    -- Before 2.18.1, ON CONFLICT DO NOTHING into a compressed chunk loses the rest of the batch at the first conflict.
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb'
               AND string_to_array(regexp_replace(extversion, '[^0-9.].*$', ''), '.')::int[] < '{2,18,1}') THEN
        RAISE EXCEPTION 'TimescaleDB >= 2.18.1 is required'
            USING HINT = 'ALTER EXTENSION timescaledb UPDATE, or use a database without it';
    END IF;
END $$;

CREATE SCHEMA pose;

CREATE FUNCTION pose.tier() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    -- What is partitioned stays plain: an extension that arrives later does not change it.
    SELECT CASE WHEN EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('pose_raw.poses') AND relkind = 'p') THEN 'plain'
                WHEN NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN 'plain'
                WHEN current_setting('timescaledb.license', true) = 'timescale' THEN 'ts-full'
                ELSE 'ts-apache' END
$$;
COMMENT ON FUNCTION pose.tier() IS 'plain, ts-apache or ts-full: what the schema was built for. SELECT pose.tier();';

CREATE FUNCTION pose.chosen_run() RETURNS int
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(nullif(current_setting('posebus.run', true), '')::int, 0)
$$;
COMMENT ON FUNCTION pose.chosen_run() IS
    'The run that the views show: 0, the live one, unless chosen. SET posebus.run = 3;';

-- ----------------------------------------------------------------------------------------------------------------
-- Words: what numbers in the facts stand for. Filled from the program at each migration, only ever appended.
-- ----------------------------------------------------------------------------------------------------------------
CREATE TABLE pose_raw.cameras (
    camera_no smallint PRIMARY KEY CHECK (camera_no > 0),
    name      text NOT NULL UNIQUE
);
CREATE TABLE pose_raw.skeletons (
    skeleton_no smallint PRIMARY KEY,
    name        text NOT NULL UNIQUE
);
CREATE TABLE pose_raw.keypoints (
    skeleton_no smallint NOT NULL REFERENCES pose_raw.skeletons,
    idx         smallint NOT NULL CHECK (idx > 0),       -- the array subscript, from 1
    name        text NOT NULL,
    PRIMARY KEY (skeleton_no, idx),
    UNIQUE (name, skeleton_no)
);
CREATE TABLE pose_raw.angles (
    idx  smallint PRIMARY KEY CHECK (idx > 0),
    name text NOT NULL UNIQUE
);
CREATE TABLE pose_raw.measure_names (
    idx     smallint PRIMARY KEY CHECK (idx > 0),
    name    text NOT NULL UNIQUE,
    unit    text NOT NULL,
    meaning text NOT NULL
);
CREATE TABLE pose_raw.postures (
    posture_no smallint PRIMARY KEY,
    name       text NOT NULL UNIQUE
);

-- ----------------------------------------------------------------------------------------------------------------
-- Facts by the frame: partitions of a day, or hypertables. Columns stand in the order of their alignment.
-- ----------------------------------------------------------------------------------------------------------------
DO $$
DECLARE
    part text := CASE WHEN pose.tier() = 'plain' THEN ' PARTITION BY RANGE (ts)' ELSE '' END;
    extension text;
BEGIN
    EXECUTE $ddl$ CREATE TABLE pose_raw.poses (
        ts          timestamptz NOT NULL,       -- event time of the frame
        track_id    bigint   NOT NULL,          -- camera_no << 48 | counter
        run         int      NOT NULL,
        session     int      NOT NULL,
        frame_no    int      NOT NULL,          -- seq: of the session
        camera_no   smallint NOT NULL,
        skeleton_no smallint NOT NULL,
        q           smallint NOT NULL,          -- units per pixel: 8 = 1/8 px, fewer above 4000 px
        x1 smallint NOT NULL, y1 smallint NOT NULL, x2 smallint NOT NULL, y2 smallint NOT NULL,    -- box, 1/q px
        score       smallint NOT NULL,          -- of the person, 1/1000
        x           smallint[] NOT NULL,        -- 1/q px; -32768 = not seen, in all arrays
        y           smallint[] NOT NULL,
        z           smallint[],                 -- 1/q px; NULL: the model gives none
        kscore      smallint[] NOT NULL,        -- 1/1000
        wx smallint[], wy smallint[], wz smallint[],     -- mm about the hips; NULL: the model gives none
        flags       bytea,                      -- a byte a keypoint: 1 filled, 2 doubtful; NULL: none has any
        PRIMARY KEY (run, track_id, ts)
    )$ddl$ || part;
    CREATE INDEX poses_camera_ts ON pose_raw.poses (run, camera_no, ts);
    -- "The last seconds of all cameras": rows come in the order of time, so a few kB stand for a tree.
    CREATE INDEX poses_ts ON pose_raw.poses USING brin (ts) WITH (pages_per_range = 32, autosummarize = on);

    EXECUTE $ddl$ CREATE TABLE pose_raw.measures (
        ts         timestamptz NOT NULL,
        track_id   bigint   NOT NULL,
        run        int      NOT NULL,
        session    int      NOT NULL,
        frame_no   int      NOT NULL,
        camera_no  smallint NOT NULL,
        posture_no smallint NOT NULL,
        angles     smallint[] NOT NULL,         -- 1/10 degree; -32768 = unknown
        scalars    real[] NOT NULL,             -- in the order of pose_raw.measure_names; NaN = unknown
        PRIMARY KEY (run, track_id, ts)
    )$ddl$ || part;
    CREATE INDEX measures_camera_ts ON pose_raw.measures (run, camera_no, ts);
    CREATE INDEX measures_ts ON pose_raw.measures USING brin (ts) WITH (pages_per_range = 32, autosummarize = on);

    EXECUTE $ddl$ CREATE TABLE pose_raw.frame_outcomes (
        ts        timestamptz NOT NULL,
        run       int      NOT NULL,
        session   int      NOT NULL,
        frame_no  int      NOT NULL,
        camera_no smallint NOT NULL,
        people    smallint,                     -- NULL: dropped before they were counted
        width     smallint,                     -- of the frame in pixels
        height    smallint,
        outcome   text NOT NULL,                -- stored or dropped
        stage     text,
        reason    text,
        PRIMARY KEY (run, camera_no, session, frame_no, ts)
    )$ddl$ || part;
    CREATE INDEX frame_outcomes_camera_ts ON pose_raw.frame_outcomes (run, camera_no, ts);

    -- Few rows: without TimescaleDB an ordinary table.
    CREATE TABLE pose_raw.events (
        ts        timestamptz NOT NULL,         -- when it began
        ts_end    timestamptz,
        event_id  uuid     NOT NULL,
        value     double precision,
        track_id  bigint,
        run       int      NOT NULL,
        camera_no smallint NOT NULL,
        kind      text     NOT NULL,
        label     text     NOT NULL,
        payload   jsonb    NOT NULL,
        PRIMARY KEY (run, event_id, ts)
    );
    CREATE INDEX events_camera_ts ON pose_raw.events (run, camera_no, kind, ts);
    CREATE INDEX events_track_ts ON pose_raw.events (run, track_id, ts);
    CREATE INDEX events_ts ON pose_raw.events (run, ts);

    IF pose.tier() <> 'plain' THEN
        SELECT quote_ident(n.nspname) INTO extension
        FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'timescaledb';
        EXECUTE format($ts$
            SELECT %1$s.create_hypertable(t.name::regclass, %1$s.by_range('ts', t.chunk), create_default_indexes => false)
            FROM (VALUES ('pose_raw.poses', interval '6 hours'), ('pose_raw.measures', interval '6 hours'),
                         ('pose_raw.frame_outcomes', interval '1 day'), ('pose_raw.events', interval '7 days')) t(name, chunk)
        $ts$, extension);
    END IF;
END $$;

-- Empty twins: they give a writer who may not read the facts the columns for a temporary table.
CREATE TABLE pose_raw.poses_shape (LIKE pose_raw.poses);
CREATE TABLE pose_raw.measures_shape (LIKE pose_raw.measures);
CREATE TABLE pose_raw.frame_outcomes_shape (LIKE pose_raw.frame_outcomes);

-- Partitions of the plain tier. The writer names the days of its batch when it meets new ones. Old days are welcome
-- (archives); a day before 1970 or more than a year ahead is a camera with a wrong clock and is refused. There is no
-- default partition: one that holds rows would stand in the way of a new day.
CREATE FUNCTION pose_raw.ensure_days(days date[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    day date; parent text; child text; made int := 0;
BEGIN
    FOREACH day IN ARRAY days LOOP
        IF day < '1970-01-01' OR day > (now() AT TIME ZONE 'UTC')::date + 366 THEN
            RAISE EXCEPTION 'event time % lies before 1970 or more than a year ahead', day USING ERRCODE = '22008';
        END IF;
    END LOOP;
    IF pose.tier() <> 'plain' THEN RETURN 0; END IF;
    PERFORM pg_advisory_xact_lock(hashtext('pose_raw.ensure_days'));        -- two writers, one new day
    FOREACH day IN ARRAY days LOOP
        FOREACH parent IN ARRAY ARRAY['poses', 'measures', 'frame_outcomes'] LOOP
            child := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
            -- A query, not to_regclass(): that may still answer from before the lock was ours.
            CONTINUE WHEN EXISTS (SELECT FROM pg_class WHERE relname = child AND relnamespace = 'pose_raw'::regnamespace);
            -- Made aside and attached: CREATE TABLE ... PARTITION OF would wait for every reader, and all behind it.
            EXECUTE format('CREATE TABLE pose_raw.%I (LIKE pose_raw.%I INCLUDING ALL)', child, parent);
            EXECUTE format('ALTER TABLE pose_raw.%I ATTACH PARTITION pose_raw.%I FOR VALUES FROM (%L) TO (%L)', parent, child,
                           day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION pose_raw.ensure_days(date[]) IS 'Makes the partitions of these days where the tier is plain.';

-- ----------------------------------------------------------------------------------------------------------------
-- Small tables
-- ----------------------------------------------------------------------------------------------------------------
-- Only columns that grow one way, so a replay cannot change it. No index on last_seen: each update would touch it.
CREATE TABLE pose_raw.tracks (
    track_id   bigint   NOT NULL,
    first_seen timestamptz NOT NULL,
    last_seen  timestamptz NOT NULL,
    run        int      NOT NULL,
    camera_no  smallint NOT NULL,
    PRIMARY KEY (run, track_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX tracks_camera_first ON pose_raw.tracks (run, camera_no, first_seen);

-- The latest step of each incident; it only goes forward.
CREATE TABLE pose_raw.incidents (
    ts          timestamptz NOT NULL,           -- of the latest step
    started     timestamptz NOT NULL,
    ended       timestamptz,
    incident_id uuid     NOT NULL,
    event_id    uuid,
    track_id    bigint,
    run         int      NOT NULL,
    version     int      NOT NULL,
    camera_no   smallint NOT NULL,
    rule        text     NOT NULL,
    severity    text     NOT NULL,
    state       text     NOT NULL,
    text        text     NOT NULL,
    payload     jsonb    NOT NULL,
    PRIMARY KEY (run, incident_id)
);
CREATE INDEX incidents_camera_ts ON pose_raw.incidents (run, camera_no, ts);
CREATE INDEX incidents_ts ON pose_raw.incidents (run, ts);

-- Every step of each incident.
CREATE TABLE pose_raw.incident_steps (
    ts          timestamptz NOT NULL,
    incident_id uuid     NOT NULL,
    event_id    uuid,
    run         int      NOT NULL,
    version     int      NOT NULL,
    camera_no   smallint NOT NULL,
    state       text     NOT NULL,
    severity    text     NOT NULL,
    text        text     NOT NULL,
    payload     jsonb    NOT NULL,
    PRIMARY KEY (run, incident_id, version)
);

CREATE TABLE pose_raw.dead_letters (
    ts           timestamptz NOT NULL,
    letter_id    uuid     NOT NULL,
    topic_offset bigint   NOT NULL,
    run          int      NOT NULL,
    session      int      NOT NULL,
    frame_no     int      NOT NULL,
    topic_part   int      NOT NULL,
    camera_no    smallint NOT NULL,
    stage        text     NOT NULL,
    reason       text     NOT NULL,
    error        text     NOT NULL,
    topic        text     NOT NULL,
    key          bytea    NOT NULL,
    sha256       bytea    NOT NULL,
    content      bytea    NOT NULL,
    PRIMARY KEY (run, letter_id)
);
CREATE INDEX dead_letters_ts ON pose_raw.dead_letters (run, ts);

-- When a file began, remembered by camera and content, so that a file read again has the same event times.
CREATE TABLE pose_raw.sources (
    camera_no   smallint NOT NULL REFERENCES pose_raw.cameras,
    fingerprint text     NOT NULL,
    start_us    bigint   NOT NULL,
    PRIMARY KEY (camera_no, fingerprint)
);

-- The latest consistent cut of each camera of an embedded run, committed together with the rows up to it.
CREATE TABLE pose_raw.cuts (
    run              int      NOT NULL,
    camera_no        smallint NOT NULL,
    number           bigint   NOT NULL,
    session          int      NOT NULL,
    next_seq         bigint   NOT NULL,
    last_captured_us bigint   NOT NULL,
    finished         boolean  NOT NULL,
    fingerprint      text     NOT NULL,
    PRIMARY KEY (run, camera_no)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
CREATE TABLE pose_raw.cut_snapshots (
    run       int      NOT NULL,
    camera_no smallint NOT NULL,
    stage     text     NOT NULL,
    content   bytea    NOT NULL,
    PRIMARY KEY (run, camera_no, stage)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
        toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 2000);

-- The sink's place in its topics, written in the transaction of the rows.
CREATE TABLE pose_raw.stream_offsets (
    consumer    text   NOT NULL,
    topic       text   NOT NULL,
    part        int    NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (consumer, topic, part)
) WITH (fillfactor = 50);

-- The camera registry. Numbers are issued once, in order, and never again; two who ask at once get one answer.
CREATE FUNCTION pose_raw.camera_number(wanted text) RETURNS smallint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_no smallint;
BEGIN
    SELECT camera_no INTO found_no FROM pose_raw.cameras WHERE name = wanted;
    IF found_no IS NULL THEN
        PERFORM pg_advisory_xact_lock(hashtext('pose_raw.camera_number'));
        SELECT camera_no INTO found_no FROM pose_raw.cameras WHERE name = wanted;
    END IF;
    IF found_no IS NULL THEN
        INSERT INTO pose_raw.cameras (camera_no, name)
        SELECT coalesce(max(camera_no), 0) + 1, wanted FROM pose_raw.cameras RETURNING camera_no INTO found_no;
    END IF;
    RETURN found_no;
END $$;
COMMENT ON FUNCTION pose_raw.camera_number(text) IS 'The number of a camera, issued when it is new.';

-- ----------------------------------------------------------------------------------------------------------------
-- Views for people. A filter on keypoint, camera or angle is applied to the small table of words, all others reach
-- the indexes of the facts. Never unnest(): it would build all keypoints of a pose to keep one.
-- The view pose.measures has a column a measure: it is built from pose_raw.measure_names after these files.
-- ----------------------------------------------------------------------------------------------------------------
CREATE VIEW pose.keypoints AS
SELECT p.ts, c.name AS camera, p.track_id, p.frame_no, k.name AS keypoint,
       nullif(p.x[k.idx], -32768)::real / p.q::real  AS x,
       nullif(p.y[k.idx], -32768)::real / p.q::real  AS y,
       nullif(p.z[k.idx], -32768)::real / p.q::real  AS z,
       nullif(p.kscore[k.idx], -32768)::real / 1000::real AS score,
       nullif(p.wx[k.idx], -32768)::real / 1000::real AS world_x,
       nullif(p.wy[k.idx], -32768)::real / 1000::real AS world_y,
       nullif(p.wz[k.idx], -32768)::real / 1000::real AS world_z
FROM pose_raw.poses p
JOIN pose_raw.keypoints k ON k.skeleton_no = p.skeleton_no
LEFT JOIN pose_raw.cameras c ON c.camera_no = p.camera_no
WHERE p.run = pose.chosen_run();
COMMENT ON VIEW pose.keypoints IS
'One row a keypoint: x, y, z in pixels of the frame (z about the hips, smaller = nearer), world_* in metres about the
hips (x right, y down, z away). NULL = not seen. frame_no is the number of the frame in its session.
Example: SELECT ts, x, y FROM keypoints WHERE keypoint = ''left_wrist'' AND camera = ''gym'' ORDER BY ts DESC LIMIT 10;';

CREATE VIEW pose.poses AS
SELECT p.ts, c.name AS camera, p.track_id, p.frame_no,
       nullif(p.x1, -32768)::real / p.q::real AS box_x,
       nullif(p.y1, -32768)::real / p.q::real AS box_y,
       (nullif(p.x2, -32768)::int - nullif(p.x1, -32768)::int)::real / p.q::real AS box_w,
       (nullif(p.y2, -32768)::int - nullif(p.y1, -32768)::int)::real / p.q::real AS box_h,
       nullif(p.score, -32768)::real / 1000::real AS score
FROM pose_raw.poses p
LEFT JOIN pose_raw.cameras c ON c.camera_no = p.camera_no
WHERE p.run = pose.chosen_run();
COMMENT ON VIEW pose.poses IS
'One row a person and frame, with the box around the keypoints in pixels.
Example: SELECT camera, count(DISTINCT track_id) FROM poses WHERE ts > now() - interval ''1 hour'' GROUP BY camera;';

CREATE VIEW pose.angles AS
SELECT m.ts, c.name AS camera, m.track_id, m.frame_no, a.name AS angle,
       nullif(m.angles[a.idx], -32768)::real / 10::real AS degrees
FROM pose_raw.measures m
CROSS JOIN pose_raw.angles a
LEFT JOIN pose_raw.cameras c ON c.camera_no = m.camera_no
WHERE m.run = pose.chosen_run();
COMMENT ON VIEW pose.angles IS
'One row a joint angle: 0 = straight, grows with flexion, degrees, [0, 180]; NULL = unknown.
Example: SELECT ts, degrees FROM angles WHERE angle = ''left_knee'' AND camera = ''gym'' ORDER BY ts;';

CREATE VIEW pose.tracks AS
SELECT c.name AS camera, t.track_id, t.first_seen, t.last_seen
FROM pose_raw.tracks t
LEFT JOIN pose_raw.cameras c ON c.camera_no = t.camera_no
WHERE t.run = pose.chosen_run();
COMMENT ON VIEW pose.tracks IS
'One row a person as followed by one camera, from the first to the last pose.
Example: SELECT camera, track_id, last_seen - first_seen AS seen FROM tracks ORDER BY seen DESC;';

CREATE VIEW pose.events AS
SELECT e.ts, c.name AS camera, e.track_id, e.kind, e.label, e.value, e.ts_end, e.payload, e.event_id
FROM pose_raw.events e
LEFT JOIN pose_raw.cameras c ON c.camera_no = e.camera_no
WHERE e.run = pose.chosen_run();
COMMENT ON VIEW pose.events IS
'What happened: repetitions, falls, changes of posture ... payload holds the numbers that decided it.
Example: SELECT ts, camera, label, value FROM events WHERE kind = ''rep'' ORDER BY ts;';

CREATE VIEW pose.incidents AS
SELECT i.ts, c.name AS camera, i.track_id, i.rule, i.severity, i.state, i.started, i.ended, i.text,
       i.incident_id, i.version, i.event_id, i.payload
FROM pose_raw.incidents i
LEFT JOIN pose_raw.cameras c ON c.camera_no = i.camera_no
WHERE i.run = pose.chosen_run();
COMMENT ON VIEW pose.incidents IS
'The alerts, one row each as of its latest step (ts): state new, update or end.
Example: SELECT started, camera, rule, text FROM incidents WHERE state <> ''end'' ORDER BY started;';

CREATE VIEW pose.incident_steps AS
SELECT s.ts, c.name AS camera, s.incident_id, s.version, s.state, s.severity, s.text, s.event_id, s.payload
FROM pose_raw.incident_steps s
LEFT JOIN pose_raw.cameras c ON c.camera_no = s.camera_no
WHERE s.run = pose.chosen_run();
COMMENT ON VIEW pose.incident_steps IS
'Every step in the life of each incident.
Example: SELECT ts, version, state, text FROM incident_steps ORDER BY incident_id, version;';

CREATE VIEW pose.cameras AS
SELECT name AS camera, camera_no FROM pose_raw.cameras;
COMMENT ON VIEW pose.cameras IS
'The cameras that were ever seen, and their numbers (the upper 16 bits of a track_id).
Example: SELECT camera FROM cameras;';

CREATE VIEW pose.frame_outcomes AS
SELECT f.ts, c.name AS camera, f.session, f.frame_no, f.outcome, f.stage, f.reason, f.people
FROM pose_raw.frame_outcomes f
LEFT JOIN pose_raw.cameras c ON c.camera_no = f.camera_no
WHERE f.run = pose.chosen_run();
COMMENT ON VIEW pose.frame_outcomes IS
'What became of each frame: stored (with so many people), or dropped by a stage for a reason.
Example: SELECT camera, outcome, reason, count(*) FROM frame_outcomes GROUP BY 1, 2, 3;';

CREATE VIEW pose.dead_letters AS
SELECT d.ts, c.name AS camera, d.session, d.frame_no, d.stage, d.reason, d.error, d.topic, d.topic_part, d.topic_offset,
       d.key, d.sha256, d.content, d.letter_id
FROM pose_raw.dead_letters d
LEFT JOIN pose_raw.cameras c ON c.camera_no = d.camera_no
WHERE d.run = pose.chosen_run();
COMMENT ON VIEW pose.dead_letters IS
'Records that a stage could not use. content is empty for records with pixels.
Example: SELECT stage, reason, count(*) FROM dead_letters GROUP BY 1, 2;';
