"""Rows of every kind as an older schema holds them, and what its views say of them."""

from __future__ import annotations

import psycopg
from psycopg import sql

_ROWS = """
INSERT INTO pose_raw.cameras VALUES (1, 'gym');
SELECT pose_raw.ensure_days('{2026-01-31}');
INSERT INTO pose_raw.poses (ts, track_id, run, session, frame_no, camera_no, skeleton_no, q, x1, y1, x2, y2, score,
                            x, y, z, kscore, wx, wy, wz, flags)
SELECT timestamptz '2026-01-31 08:00+00' + n * interval '1 s', 1 + n % 2, run, 1, n, 1, s.skeleton_no, 8,
       80, 160, 800 + n, 1600, 900, k.some, k.some, k.some, k.some, k.some, k.some, k.some, NULL
FROM generate_series(0, 9) n
CROSS JOIN (VALUES (0), (3)) r (run)
CROSS JOIN (SELECT skeleton_no FROM pose_raw.skeletons WHERE name = 'blazepose33') s
CROSS JOIN LATERAL (SELECT array_agg((100 * i + n)::smallint) AS some FROM generate_series(1, 33) i) k;
INSERT INTO pose_raw.measures (ts, track_id, run, session, frame_no, camera_no, posture_no, angles, scalars)
SELECT ts, track_id, run, session, frame_no, camera_no, 1, '{100,200,1700,1700}', '{5.5}' FROM pose_raw.poses;
INSERT INTO pose_raw.frame_outcomes (ts, run, session, frame_no, camera_no, people, width, height, outcome)
SELECT ts, run, session, frame_no, camera_no, 1, 1280, 720, 'stored' FROM pose_raw.poses;
INSERT INTO pose_raw.tracks (track_id, first_seen, last_seen, run, camera_no)
SELECT track_id, min(ts), max(ts), run, 1 FROM pose_raw.poses GROUP BY track_id, run;
INSERT INTO pose_raw.events (ts, ts_end, event_id, value, track_id, run, camera_no, kind, label, payload)
SELECT '2026-01-31 08:00:01+00', '2026-01-31 08:00:03+00', gen_random_uuid(), 1, 1, 0, 1, kind, label,
       '{"knee_deg": 90}'
FROM (VALUES ('rep', 'squat'), ('fall', 'fall'), ('zone', 'till:enter'), ('zone', 'till:count')) k (kind, label);
INSERT INTO pose_raw.incidents
    (ts, started, ended, incident_id, event_id, track_id, run, version, camera_no, rule, severity, state, text, payload)
SELECT '2026-01-31 08:00:33+00', ts, '2026-01-31 08:00:33+00', gen_random_uuid(), event_id, 1, 0, 2, 1, 'fall',
       'critical', 'end', 'a person fell', '{}'
FROM pose_raw.events WHERE kind = 'fall';
INSERT INTO pose_raw.incident_steps (ts, incident_id, event_id, run, version, camera_no, state, severity, text, payload)
SELECT i.started + v.after, i.incident_id, i.event_id, 0, v.version, 1, v.state, 'critical', 'a person fell', '{}'
FROM pose_raw.incidents i, (VALUES (1, 'new', interval '0'), (2, 'end', interval '30 s')) v (version, state, after);
INSERT INTO pose_raw.dead_letters (ts, letter_id, topic_offset, run, session, frame_no, topic_part, camera_no, stage,
                                   reason, error, topic, key, sha256, content)
VALUES ('2026-01-31 08:00:05+00', gen_random_uuid(), 12, 0, 1, 5, 0, 1, 'sink', 'refused', 'of a test', 'motions@1',
        '\\x00ff', '\\x01', '\\x0203');
"""

_SINCE = {
    3: "INSERT INTO pose_raw.deliveries (incident_id, run, version, channel, key, state)"
    " SELECT incident_id, run, version, 'mail', 'k', 'delivered' FROM pose_raw.incident_steps",
    5: "INSERT INTO pose_raw.camera_status VALUES ('2026-01-31 08:00+00', 1, 'live', '', 25, 12, 0)",
    6: "SELECT pose_raw.mark_due('{0,3}', '{1,1}', '{2026-01-31 08:00+00,2026-01-31 08:00+00}')",
    10: "INSERT INTO pose_raw.camera_grants VALUES (session_user, 1)",
    11: "UPDATE pose_raw.dead_letters SET handled = 'dropped', handled_at = ts",
}
"""What a schema holds besides from this migration on."""

_COMPRESSES_SINCE = 8


def put_rows(owner: psycopg.Connection, number: int) -> int:
    """Into a schema of this version; compressed where it can be. How many parts of the history were compressed."""
    owner.execute(_ROWS.encode())
    for since, statement in _SINCE.items():
        if number >= since:
            owner.execute(statement.encode())
    compressed = 0
    while number >= _COMPRESSES_SINCE and owner.execute("SELECT pose_raw.compress_next()").fetchone() != (None,):
        compressed += 1
    return compressed


def columns_of_views(owner: psycopg.Connection) -> dict[str, list[str]]:
    """Of all views for people, those of held readers too."""
    found = owner.execute(
        "SELECT c.oid::regclass::text, array_agg(a.attname::text ORDER BY a.attnum)"
        " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
        " WHERE c.relkind = 'v' AND c.relnamespace::regnamespace::text IN ('pose', 'pose_held') GROUP BY 1"
    )
    return dict(found.fetchall())


def rows_of_views(owner: psycopg.Connection, columns: dict[str, list[str]], run: int) -> dict[str, list[str]]:
    """What the views say in these columns, in an order of their own."""
    owner.execute(f"SET posebus.run = {run}".encode())
    return {
        view: sorted(
            str(row)
            for row in owner.execute(
                sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(map(sql.Identifier, names)), sql.SQL(view))
            )
        )
        for view, names in columns.items()
    }
