-- What became of telling people: a row for each step of an incident and channel that needs nothing more. Steps without
-- one are pending. Unlike the facts this is no function of the records: it says what was done, and when by our clock.
CREATE TABLE pose_raw.deliveries (
    at          timestamptz NOT NULL DEFAULT now(),
    incident_id uuid NOT NULL,
    run         int  NOT NULL,
    version     int  NOT NULL,
    channel     text NOT NULL,
    key         text NOT NULL,
    state       text NOT NULL CHECK (state IN ('delivered', 'refused')),
    error       text,
    PRIMARY KEY (run, incident_id, version, channel)
);

-- The steps of one camera from some time on, which is what is asked for after each new step.
CREATE INDEX incident_steps_camera_ts ON pose_raw.incident_steps (run, camera_no, ts);

CREATE VIEW pose.deliveries AS
SELECT d.at, c.name AS camera, d.incident_id, d.version, d.channel, d.state, d.error, d.key
FROM pose_raw.deliveries d
LEFT JOIN pose_raw.incident_steps s USING (run, incident_id, version)
LEFT JOIN pose_raw.cameras c ON c.camera_no = s.camera_no
WHERE d.run = pose.chosen_run();
COMMENT ON VIEW pose.deliveries IS
'What was told to whom: one row a step of an incident and channel, delivered or refused by the receiver (error says
why), at by the clock of the database. key is what the receiver got as Idempotency-Key.
Example: SELECT d.at, d.channel, d.state, s.text FROM deliveries d JOIN incident_steps s USING (incident_id, version);';

-- The roles are missing where the owner could not make them: see 0002.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'posebus_writer') THEN
        GRANT SELECT, INSERT ON pose_raw.deliveries TO posebus_writer;
        GRANT SELECT ON pose_raw.incident_steps TO posebus_writer;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'posebus_reader') THEN
        GRANT SELECT ON pose.deliveries, pose_raw.deliveries TO posebus_reader;
    END IF;
END $$;
