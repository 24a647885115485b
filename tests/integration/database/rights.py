"""What a login could read or change, tried on every table and view that there is."""

from __future__ import annotations

import psycopg
from psycopg import errors, sql

WRITES = [
    "INSERT INTO pose_raw.cameras VALUES (9, 'x')",
    "UPDATE pose_raw.poses SET score = 0",
    "DELETE FROM pose_raw.poses",
    "TRUNCATE pose_raw.poses",
    "DROP VIEW pose.keypoints",
    "CREATE TABLE public.mine (n int)",
    "SELECT pose_raw.camera_number('x')",
    "SELECT pose_raw.ensure_days('{2026-01-01}')",
    "UPDATE pose_raw.camera_specs SET paused = true",
    "DELETE FROM pose_raw.camera_now",
    "INSERT INTO pose_raw.camera_grants VALUES (session_user, 2)",
    "UPDATE pose_raw.history SET retention = interval '1 s'",
    "SELECT pose_raw.keep_budget()",
    "SELECT pose_raw.note_growth()",
]

UNSEEN = (
    "camera_specs",
    "camera_now",
    "sources",
    "cuts",
    "cut_snapshots",
    "stream_offsets",
    "camera_grants",
    "erasures",
)
"""Tables of pose_raw that no reader may look into."""

_SECRETS = """
INSERT INTO pose_raw.cameras VALUES (1, 'gym') ON CONFLICT DO NOTHING;
INSERT INTO pose_raw.camera_specs (camera_no, source, mode, fps, start_us, transport, username, password, paused,
                                   deadline_ms, weight, zones, rules)
VALUES (1, 'rtsp://hidden.example/1', 'live', 5, 0, 'tcp', 'hidden-user', 'sealed:hidden', false, 0, 1, '', '');
INSERT INTO pose_raw.camera_now VALUES (1, now(), 'failed', 'hidden reason', 0, NULL, 0);
INSERT INTO pose_raw.sources VALUES (1, 'hidden fingerprint', 0);
INSERT INTO pose_raw.stream_offsets (consumer, topic, part, next_offset) VALUES ('hidden consumer', 't', 0, 1);
ANALYZE pose_raw.camera_specs, pose_raw.camera_now, pose_raw.sources, pose_raw.stream_offsets;
"""

_RELATIONS = """
SELECT c.oid::regclass::text, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_schema_privilege(c.relnamespace, 'USAGE')
  AND (c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema') OR c.relname LIKE 'pg\\_stats%')
  AND has_column_privilege(c.oid, a.attnum, 'SELECT')
GROUP BY c.oid ORDER BY 1
"""
"""Everything that may be read, and what the planner knows of the values in it."""


def hide_secrets(owner: psycopg.Connection) -> None:
    """Put the word "hidden" wherever readers must not look."""
    owner.execute(_SECRETS.encode())


def telling(login: psycopg.Connection, words: str) -> dict[str, bool]:
    """Whether any row holds one of the words (`one|other`), by each table or view that the login may read."""
    found = {}
    for relation, columns in login.execute(_RELATIONS.encode()).fetchall():
        query = sql.SQL("SELECT coalesce(bool_or(r::text ~ {}), false) FROM (SELECT {} FROM {}) r").format(
            sql.Literal(words), sql.SQL(", ").join(map(sql.Identifier, columns)), sql.SQL(relation)
        )
        try:
            found[relation] = login.execute(query).fetchone() == (True,)
        except errors.InsufficientPrivilege:
            continue  # a view that asks itself who reads it
    return found
