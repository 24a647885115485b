-- The registry of cameras where no broker keeps it, and how cameras are and were.
CREATE TABLE pose_raw.camera_specs (
    camera_no   smallint PRIMARY KEY REFERENCES pose_raw.cameras,
    source      text NOT NULL,
    mode        text NOT NULL CHECK (mode IN ('live', 'archive')),
    fps         double precision NOT NULL,
    start_us    bigint NOT NULL,
    transport   text NOT NULL CHECK (transport IN ('tcp', 'udp')),
    username    text NOT NULL,
    password    text NOT NULL CHECK (password = '' OR password LIKE 'sealed:%' OR password LIKE '${%}'),
    paused      boolean NOT NULL,
    deadline_ms int NOT NULL,
    weight      double precision NOT NULL,
    zones       text NOT NULL,
    rules       text NOT NULL,
    changed_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN pose_raw.camera_specs.password IS
'Sealed, or where it is found: ${env:NAME}, ${file:PATH}. The check refuses one in clear.';

-- The last word on each camera, overwritten again and again.
CREATE TABLE pose_raw.camera_now (
    camera_no smallint PRIMARY KEY REFERENCES pose_raw.cameras,
    ts        timestamptz NOT NULL,
    state     text NOT NULL,
    reason    text NOT NULL,
    fps       double precision NOT NULL,
    age_ms    bigint,
    restarts  int NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE pose_raw.camera_status (
    ts        timestamptz NOT NULL,
    camera_no smallint NOT NULL,
    state     text NOT NULL,
    reason    text NOT NULL,
    fps       double precision NOT NULL,
    age_ms    bigint,
    restarts  int NOT NULL
);
CREATE INDEX camera_status_camera_ts ON pose_raw.camera_status (camera_no, ts);

CREATE VIEW pose.camera_status AS
SELECT s.ts, c.name AS camera, s.state, s.reason, s.fps, s.age_ms, s.restarts
FROM pose_raw.camera_status s
LEFT JOIN pose_raw.cameras c ON c.camera_no = s.camera_no;
COMMENT ON VIEW pose.camera_status IS
'How live cameras were: one row at each change of state (connecting, live, stalled, waiting, unauthorized, failed, paused) or
reason, by our clock; age_ms since the last picture, restarts since its reader began.
Example: SELECT ts, camera, state, reason FROM camera_status ORDER BY ts DESC LIMIT 20;';

-- The roles are missing where the owner could not make them: see 0002.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'posebus_writer') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON pose_raw.camera_specs TO posebus_writer;
        GRANT SELECT, INSERT, UPDATE ON pose_raw.camera_now TO posebus_writer;
        GRANT SELECT, INSERT ON pose_raw.camera_status TO posebus_writer;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'posebus_reader') THEN
        GRANT SELECT ON pose.camera_status, pose_raw.camera_status TO posebus_reader;
    END IF;
END $$;
