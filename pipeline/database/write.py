"""Rows into the tables, within the transaction of the caller: the same rows twice leave them once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

from psycopg import errors

from pipeline.database.connect import Connection
from pipeline.database.copy import HEADER, TRAILER
from pipeline.database.rows import COLUMNS, Rows

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DUE = "SELECT pose_raw.mark_due(%s::int[], %s::smallint[], %s::timestamptz[])"
_TRACKS = """
INSERT INTO pose_raw.tracks AS t (run, track_id, camera_no, first_seen, last_seen)
SELECT * FROM unnest(%s::int[], %s::bigint[], %s::smallint[], %s::timestamptz[], %s::timestamptz[])
ON CONFLICT (run, track_id) DO UPDATE
SET first_seen = least(t.first_seen, excluded.first_seen), last_seen = greatest(t.last_seen, excluded.last_seen)
WHERE t.first_seen > excluded.first_seen OR t.last_seen < excluded.last_seen
"""
_EVENTS = """
INSERT INTO pose_raw.events (ts, ts_end, event_id, value, track_id, run, camera_no, kind, label, payload)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_STEPS = """
INSERT INTO pose_raw.incident_steps
    (ts, incident_id, event_id, run, version, camera_no, severity, state, text, payload)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_INCIDENTS = """
INSERT INTO pose_raw.incidents AS i
    (ts, started, ended, incident_id, event_id, track_id, run, version, camera_no, rule, severity, state, text, payload)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (run, incident_id) DO UPDATE
SET ts = excluded.ts, ended = excluded.ended, event_id = excluded.event_id, version = excluded.version,
    severity = excluded.severity, state = excluded.state, text = excluded.text, payload = excluded.payload
WHERE i.version < excluded.version
"""
_LETTERS = """
INSERT INTO pose_raw.dead_letters AS d
    (ts, letter_id, topic_offset, run, session, frame_no, topic_part, camera_no, stage, reason, error, topic,
     key, sha256, content)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (run, letter_id) DO UPDATE
SET topic_offset = excluded.topic_offset, handled = NULL, handled_at = NULL
WHERE d.handled = 'replayed' AND d.topic_offset < excluded.topic_offset
"""


def write_rows(connection: Connection, rows: Rows, repeated: set[str]) -> None:
    """Write all of `rows`. The partitions of its days must be there (`ensure_days`).

    Args:
        connection: In a transaction.
        rows: What to write.
        repeated: Tables some of whose last rows were there already. The caller keeps it from call to call: where one
            piece is repeated the next one is too, and need not fail first.
    """
    if rows.minutes:
        # First, and in order: of two who write the same, the second waits here, not in the middle of an index.
        _mark_due(connection, rows)
    for table, pieces in rows.packed.items():
        _copy(connection, table, pieces, repeated)
    if rows.tracks:
        connection.execute(_TRACKS, [list(column) for column in zip(*rows.tracks, strict=True)])
    if rows.events:
        _execute_all(connection, _EVENTS, rows.events)
    if rows.steps:
        _write_steps(connection, rows.steps)
    if rows.letters:
        _execute_all(connection, _LETTERS, rows.letters)


def ensure_days(connection: Connection, rows: Rows, known: set[Any]) -> None:
    """Make the partitions of days not in `known`, and add them to it. In autocommit mode, before the transaction."""
    if new := sorted(rows.days - known):
        connection.execute("SELECT pose_raw.ensure_days(%s)", (new,))
        known.update(new)


def _mark_due(connection: Connection, rows: Rows) -> None:
    runs, cameras, minutes = zip(*sorted(rows.minutes), strict=True)
    moments = [_EPOCH + timedelta(minutes=minute) for minute in minutes]
    connection.execute(_DUE, (list(runs), list(cameras), moments))


def _copy(connection: Connection, table: str, pieces: Sequence[bytes], repeated: set[str]) -> None:
    """Straight into the table; where a row is already there, by way of a temporary table that leaves it out."""
    if table not in repeated:
        try:
            with connection.transaction():
                _copy_into(connection, f"pose_raw.{table}", table, pieces)
        except errors.UniqueViolation:
            repeated.add(table)
        else:
            return
    stage = f"pg_temp.{table}_stage"
    shape = f"{table}_stage (LIKE pose_raw.{table}_shape)"
    connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {shape} ON COMMIT DELETE ROWS".encode())
    staged = _copy_into(connection, stage, table, pieces)
    # Without a target, ON CONFLICT asks for no right to read.
    listed = COLUMNS[table]
    insert = f"INSERT INTO pose_raw.{table} ({listed}) SELECT {listed} FROM {stage} ON CONFLICT DO NOTHING"
    if connection.execute(insert.encode()).rowcount == staged:
        repeated.discard(table)


def _copy_into(connection: Connection, target: str, table: str, pieces: Sequence[bytes]) -> int:
    """How many rows that were."""
    statement = f"COPY {target} ({COLUMNS[table]}) FROM STDIN (FORMAT binary)".encode()
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            copy.write(HEADER + b"".join(pieces) + TRAILER)
        return cursor.rowcount


def _write_steps(connection: Connection, steps: Sequence[tuple[Any, ...]]) -> None:
    latest: dict[tuple[Any, Any], tuple[Any, ...]] = {}
    history = []
    for step in steps:
        ts, _, _, incident_id, event_id, _, run, version, camera_no, _, severity, state, text, payload = step
        history.append((ts, incident_id, event_id, run, version, camera_no, severity, state, text, payload))
        if (run, incident_id) not in latest or latest[run, incident_id][7] < version:
            latest[run, incident_id] = step
    _execute_all(connection, _STEPS, history)
    _execute_all(connection, _INCIDENTS, [latest[key] for key in sorted(latest, key=str)])


def _execute_all(connection: Connection, statement: LiteralString, rows: Sequence[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)
