-- What a person did about a dead letter. One that was sent again and could not be used again is open again (write.py).
ALTER TABLE pose_raw.dead_letters
    ADD COLUMN handled text CHECK (handled IN ('dropped', 'replayed')),
    ADD COLUMN handled_at timestamptz;

CREATE OR REPLACE VIEW pose.dead_letters AS
SELECT d.ts, c.name AS camera, d.session, d.frame_no, d.stage, d.reason, d.error, d.topic, d.topic_part, d.topic_offset,
       d.key, d.sha256, d.content, d.letter_id, d.handled, d.handled_at
FROM pose_raw.dead_letters d
LEFT JOIN pose_raw.cameras c ON c.camera_no = d.camera_no
WHERE d.run = pose.chosen_run();
COMMENT ON VIEW pose.dead_letters IS
'Records that a stage could not use. content is empty for records with pixels. handled: dropped or replayed by
`posebus dead-letters`, NULL as long as nobody did anything. ts is 1970 where a record did not tell its time.
Example: SELECT stage, reason, count(*) FROM dead_letters WHERE handled IS NULL GROUP BY 1, 2;';

-- The roles are missing where the owner could not make them: see 0002.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'posebus_writer') THEN
        GRANT SELECT (run, letter_id, topic_offset, handled), UPDATE (topic_offset, handled, handled_at)
            ON pose_raw.dead_letters TO posebus_writer;
    END IF;
END $$;
