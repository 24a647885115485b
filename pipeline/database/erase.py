"""Erasing on request: all that is stored of a camera, of a person, or from before a time; with a receipt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from pipeline.core.errors import ConfigError
from pipeline.database import failures
from pipeline.database.connect import Address, Connection

_BY_FRAME = ("poses", "measures", "frame_outcomes")
_STEPS_OF = "incident_id IN (SELECT incident_id FROM pose_raw.incidents WHERE {})"

_CAMERA: Sequence[tuple[str, str]] = (
    *((table, "camera_no = %(camera_no)s") for table in _BY_FRAME),
    *((table, "camera_no = %(camera_no)s") for table in ("track_minutes", "posture_minutes", "rollup_due", "events")),
    ("deliveries", _STEPS_OF.format("camera_no = %(camera_no)s")),
    *((table, "camera_no = %(camera_no)s") for table in ("incident_steps", "incidents", "tracks", "dead_letters")),
    *((table, "camera_no = %(camera_no)s") for table in ("cut_snapshots", "cuts", "sources")),
    *((table, "camera_no = %(camera_no)s") for table in ("camera_status", "camera_now")),
)
_TRACK: Sequence[tuple[str, str]] = (
    *((table, "track_id = %(track_id)s") for table in ("poses", "measures")),
    *((table, "track_id = %(track_id)s") for table in ("track_minutes", "posture_minutes", "events")),
    ("deliveries", _STEPS_OF.format("track_id = %(track_id)s")),
    ("incident_steps", _STEPS_OF.format("track_id = %(track_id)s")),
    *((table, "track_id = %(track_id)s") for table in ("incidents", "tracks")),
)
_BEFORE: Sequence[tuple[str, str]] = (
    *((table, "ts < %(before)s") for table in _BY_FRAME),
    *((table, "minute < %(before)s") for table in ("track_minutes", "posture_minutes", "rollup_due")),
    ("events", "ts < %(before)s"),
    ("deliveries", _STEPS_OF.format("started < %(before)s")),
    ("incident_steps", _STEPS_OF.format("started < %(before)s")),
    ("incidents", "started < %(before)s"),
    ("tracks", "last_seen < %(before)s"),
    ("dead_letters", "ts < %(before)s"),
    ("camera_status", "ts < %(before)s"),
)
_CUT_TRACKS = "UPDATE pose_raw.tracks SET first_seen = %(before)s WHERE first_seen < %(before)s"
_DUE = """
INSERT INTO pose_raw.rollup_due (run, camera_no, minute)
SELECT DISTINCT run, camera_no, date_bin('1 minute', %(before)s, '2000-01-01 00:00+00') FROM pose_raw.tracks
WHERE first_seen <= %(before)s AND last_seen >= %(before)s ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was erased; it stays in the table pose_raw.erasures.

    Attributes:
        receipt_id: Its number.
        at: When, by the clock of the database.
        what: What was asked for.
        removed: Rows of each table.
    """

    receipt_id: str
    at: datetime
    what: str
    removed: dict[str, int]

    def as_json(self) -> str:
        """For the file of whoever asked."""
        said = {"receipt_id": self.receipt_id, "at": self.at.isoformat(), "what": self.what, "removed": self.removed}
        return json.dumps(said, indent=2, ensure_ascii=False)


def erase(
    address: Address, *, camera: str | None = None, track_id: int | None = None, before: datetime | None = None
) -> Receipt:
    """Erase in all runs what one of these names; in one transaction, then the space is swept.

    The number of a camera and its name stay, since numbers are never used again. What lies outside of the database
    (topics, exports, backups) is not touched, nor what a running worker has in its memory.

    Raises:
        ConfigError: Not exactly one is given, or the camera is unknown.
        DatabaseError, SinkUnavailable: Nothing was erased.
    """
    if [camera, track_id, before].count(None) != 2:
        raise ConfigError("say one thing to erase: a camera, a track or a time", hint="posebus db erase --help")
    connection = address.connect("owner")
    try:
        plan, parameters, what = _planned(connection, camera, track_id, before)
        with connection.transaction():
            lift_limits(connection)
            removed = {}
            if before is not None:
                connection.execute(_CUT_TRACKS, parameters)
                connection.execute(_DUE, parameters)
            for table, where in plan:
                found = connection.execute(f"DELETE FROM pose_raw.{table} WHERE {where}".encode(), parameters)
                removed[table] = found.rowcount
            row = connection.execute(
                "INSERT INTO pose_raw.erasures (what, removed) VALUES (%s, %s) RETURNING receipt_id, at",
                (what, json.dumps(removed)),
            ).fetchone()
        sweep(connection, [table for table, _ in plan])
    except psycopg.Error as error:
        raise failures.meaning(error, str(address)) from error
    finally:
        connection.close()
    assert row is not None
    return Receipt(str(row[0]), row[1], what, removed)


def _planned(
    connection: Connection, camera: str | None, track_id: int | None, before: datetime | None
) -> tuple[Sequence[tuple[str, str]], dict[str, object], str]:
    if camera is not None:
        named = camera.replace("\0", "").encode(errors="replace").decode()
        found = connection.execute("SELECT camera_no FROM pose_raw.cameras WHERE name = %s", (named,)).fetchone()
        if found is None:
            raise ConfigError(
                f"no camera of this database is named {camera!r}", hint='see posebus query "SELECT * FROM cameras"'
            )
        return _CAMERA, {"camera_no": found[0]}, f"camera {named}"
    if track_id is not None:
        if not -(2**63) <= track_id < 2**63:
            raise ConfigError(f"{track_id} is no track_id", hint='see posebus query "SELECT * FROM tracks"')
        return _TRACK, {"track_id": track_id}, f"track {track_id}"
    assert before is not None
    return _BEFORE, {"before": before}, f"before {before.isoformat()}"


def lift_limits(connection: Connection) -> None:
    """An erasure takes its time, and reaches into compressed batches however many they are."""
    connection.execute("SET LOCAL statement_timeout = 0")
    if connection.execute("SELECT pose_raw.timescale() IS NOT NULL").fetchone() == (True,):
        connection.execute("SET LOCAL timescaledb.max_tuples_decompressed_per_dml_transaction = 0")


def sweep(connection: Connection, tables: Sequence[str]) -> None:
    """Deleted rows leave the files, and take no place in the plans of readers."""
    for table in tables:
        connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier("pose_raw", table)))
