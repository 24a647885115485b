-- Angles have signs and ranges of their own since there are more than flexions, and their velocities are a view.

COMMENT ON VIEW pose.angles IS
'One row an angle of a joint or of the trunk, degrees; NULL = unknown, also for rows from before the angle was known.
Elbow, shoulder, hip and knee: 0 = straight, grows with flexion, [0, 180]. The others have a sign: docs/angles.md.
Example: SELECT ts, degrees FROM angles WHERE angle = ''left_knee'' AND camera = ''gym'' ORDER BY ts;';

-- Computed where they are asked for: stored beside the angles they would double each message and row, and history
-- shows the frames after, so that the slope needs no lag. One look-up by the key for each row, so that conditions on
-- camera, time, track and angle hold for the outer rows.
CREATE VIEW pose.angular_velocities AS
SELECT m.ts, c.name AS camera, m.track_id, m.frame_no, a.name AS angle, v.degrees_per_s
FROM pose_raw.measures m
CROSS JOIN pose_raw.angles a
LEFT JOIN pose_raw.cameras c ON c.camera_no = m.camera_no
CROSS JOIN LATERAL (
    SELECT CASE WHEN count(nullif(w.angles[a.idx], -32768)) >= 3 THEN
               regr_slope(nullif(w.angles[a.idx], -32768) / 10.0::float8, extract(epoch FROM w.ts - m.ts)::float8)
           END::real AS degrees_per_s
    FROM pose_raw.measures w
    WHERE w.run = m.run AND w.track_id = m.track_id
      AND w.ts BETWEEN m.ts - interval '0.125 s' AND m.ts + interval '0.125 s'
) v
WHERE m.run = pose.chosen_run() AND m.angles[a.idx] <> -32768;
COMMENT ON VIEW pose.angular_velocities IS
'One row a known angle: how fast it changes, degrees/s, in the sign of the angle. It is the slope of the line of least
squares through the angles of the quarter of a second around it (Savitzky and Golay, 1964): no lag, 94 percent of a motion
at 1 Hz, 77 percent at 2 Hz; NULL where fewer than three frames are known there, so from 8 frames/s on.
Example: SELECT max(abs(degrees_per_s)) FROM angular_velocities WHERE angle = ''right_elbow'' AND camera = ''gym'';';

-- The roles are missing where the owner could not make them: see 0002.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'posebus_reader') THEN
        GRANT SELECT ON pose.angular_velocities TO posebus_reader;
    END IF;
END $$;
