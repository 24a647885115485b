"""Stored poses as tables, for files: read as binary COPY, an hour of one camera at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg

from pipeline.core.errors import DatabaseError, PosebusError
from pipeline.core.skeletons import SKELETONS
from pipeline.core.tables import CameraSpan, PoseTable, Selection, TrackSpan
from pipeline.core.types import F32
from pipeline.core.units import ANGLE_UNIT_DEG, SCORE_UNIT, WORLD_UNIT_M, from_int16
from pipeline.core.vocabulary import ANGLES
from pipeline.database import failures
from pipeline.database.connect import Address, Connection, cancel, is_held
from pipeline.database.copy import PG_EPOCH_US
from pipeline.database.rows import moment
from pipeline.database.unpack import unpacked

_WINDOW_US = 3_600_000_000
"""The server sorts and joins one window at a time: an hour is 90,000 frames of a fast camera."""

_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The years 1 to 9999."""

_CAMERAS = """
SELECT c.name, c.camera_no, s.first, s.last
FROM pose_raw.cameras c
CROSS JOIN LATERAL (
    SELECT min(p.ts) AS first, max(p.ts) AS last FROM pose_raw.poses p
    WHERE p.run = %(run)s AND p.camera_no = c.camera_no AND p.ts >= %(from)s AND p.ts < %(to)s
      AND (%(tracks)s::bigint[] IS NULL OR p.track_id = ANY(%(tracks)s::bigint[]))
) s
WHERE (%(cameras)s::text[] IS NULL OR c.name = ANY(%(cameras)s::text[])) AND s.first IS NOT NULL
ORDER BY c.name
"""
_TRACKS = """
SELECT c.name, t.camera_no, t.track_id, t.first_seen, t.last_seen
FROM pose_raw.tracks t JOIN pose_raw.cameras c USING (camera_no)
WHERE t.run = %(run)s AND t.last_seen >= %(from)s AND t.first_seen < %(to)s
  AND (%(cameras)s::text[] IS NULL OR c.name = ANY(%(cameras)s::text[]))
  AND (%(tracks)s::bigint[] IS NULL OR t.track_id = ANY(%(tracks)s::bigint[]))
ORDER BY c.name, t.first_seen, t.track_id
"""
_NEXT = """
SELECT min(ts) FROM pose_raw.poses
WHERE run = %(run)s AND camera_no = %(camera)s AND ts >= %(from)s AND ts < %(to)s
  AND (%(tracks)s::bigint[] IS NULL OR track_id = ANY(%(tracks)s::bigint[]))
"""

# What is missing in some rows only is filled up here, so that rows have one shape: see `unpack`.
_POSES = """
COPY (
    SELECT p.ts, p.track_id, p.session, p.frame_no, p.skeleton_no, p.q, coalesce(f.width, 0::smallint),
           coalesce(f.height, 0::smallint), p.x1, p.y1, p.x2, p.y2, p.score, p.x, p.y, p.z, p.kscore, p.wx, p.wy, p.wz,
           coalesce(p.flags, decode(repeat('00', cardinality(p.x)), 'hex')), coalesce(m.posture_no, 0::smallint),
           coalesce(m.angles, {unknown}::smallint[])
    FROM pose_raw.poses p
    LEFT JOIN pose_raw.measures m ON m.run = p.run AND m.track_id = p.track_id AND m.ts = p.ts
          AND m.run = {run} AND m.camera_no = {camera} AND m.ts >= {begin} AND m.ts < {end} {measured}
    LEFT JOIN pose_raw.frame_outcomes f ON f.run = p.run AND f.camera_no = p.camera_no AND f.session = p.session
          AND f.frame_no = p.frame_no AND f.ts = p.ts AND f.run = {run} AND f.camera_no = {camera}
          AND f.ts >= {begin} AND f.ts < {end}
    WHERE p.run = {run} AND p.camera_no = {camera} AND p.ts >= {begin} AND p.ts < {end} {tracks}
    ORDER BY p.ts, p.track_id
) TO STDOUT (FORMAT binary)
"""
_KINDS = "qqiihhhhhhhhhHHHHHHHshH"


class PoseReader:
    """Reads as the reader; implements `tables.History`. Used by one thread at a time.

    A login that is held to some cameras is given theirs alone, as if there were no others.

    Args:
        address: Where.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection = address.connect("reader")
        # Whoever writes a file is not bound to the time of a query; each statement is of one hour of a camera.
        self._connection.execute("SET statement_timeout = 0")
        # Tables that were just filled have no statistics: a loop over what is taken to be one row would take hours.
        self._connection.execute("SET enable_nestloop = off")
        self._tables = "pose_held.raw_" if is_held(self._connection) else "pose_raw."

    def cameras(self, selection: Selection) -> Sequence[CameraSpan]:
        """Cameras with poses among those selected, by name."""
        rows = self._ask(_CAMERAS, _parameters(selection))
        return [CameraSpan(name, no, _us(first), _us(last)) for name, no, first, last in rows]

    def tracks(self, selection: Selection) -> Sequence[TrackSpan]:
        """Tracks that were seen in the time of the selection, by camera and first sight."""
        rows = self._ask(_TRACKS, _parameters(selection))
        return [TrackSpan(name, no, track, _us(first), _us(last)) for name, no, track, first, last in rows]

    def known_cameras(self) -> list[str]:
        """All names of cameras."""
        return [row[0] for row in self._ask("SELECT name FROM pose_raw.cameras ORDER BY name", {})]

    def poses(self, selection: Selection) -> Iterator[PoseTable]:
        """All poses selected, camera by camera, each in the order of time. Raises DatabaseError, SinkUnavailable."""
        for span in self.cameras(selection):
            begin = span.first_us
            while True:
                end = min(begin - begin % _WINDOW_US + _WINDOW_US, span.last_us + 1)
                yield from self._window(selection, span, begin, end)
                if end > span.last_us:
                    break
                parameters = _parameters(selection) | {"camera": span.camera_no}
                rows = self._ask(_NEXT, parameters | {"from": moment(end), "to": moment(span.last_us + 1)})
                if rows[0][0] is None:
                    break
                begin = _us(rows[0][0])

    def cancel(self) -> None:
        """End what another thread is reading; it raises there."""
        cancel(self._connection)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _ask(self, statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(self._of_mine(statement), parameters).fetchall()
        except psycopg.Error as error:
            raise self._refusal(error) from error

    def _of_mine(self, statement: str) -> bytes:
        """The statement about the tables, or about what a held login sees of them."""
        return statement.replace("pose_raw.", self._tables).encode()

    def _refusal(self, error: psycopg.Error) -> PosebusError:
        if error.sqlstate == "42501":
            return DatabaseError(
                f"{self._address}: this login may not read the tables of poses: {failures.first_line(error)}",
                hint="export as the owner, or as a login that was granted cameras (posebus db grant)",
            )
        return failures.meaning(error, str(self._address))

    def _window(self, selection: Selection, span: CameraSpan, begin: int, end: int) -> Iterator[PoseTable]:
        # COPY takes no parameters: these are all numbers of ours.
        chosen = ", ".join(str(int(track)) for track in selection.tracks)
        statement = _POSES.format(
            run=int(selection.run),
            camera=int(span.camera_no),
            begin=f"'{moment(begin).isoformat()}'::timestamptz",
            end=f"'{moment(end).isoformat()}'::timestamptz",
            tracks=f"AND p.track_id IN ({chosen})" if chosen else "",
            measured=f"AND m.track_id IN ({chosen})" if chosen else "",
            unknown="'{" + ",".join(["-32768"] * len(ANGLES)) + "}'",
        )
        try:
            for columns in unpacked(_blocks(self._connection, self._of_mine(statement)), _KINDS):
                yield from _tables(span.camera, selection.run, columns)
        except psycopg.Error as error:
            raise self._refusal(error) from error


def _blocks(connection: Connection, statement: bytes) -> Iterator[bytes | bytearray | memoryview]:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        yield from copy


def _tables(camera: str, run: int, columns: list[npt.NDArray[Any] | None]) -> Iterator[PoseTable]:
    """One table of rows of one shape; one for each skeleton and unit among them."""
    skeleton, q = _there(columns[4]), _there(columns[5])
    change = (np.diff(skeleton) != 0) | (np.diff(q) != 0)
    edges = [0, *(np.flatnonzero(change) + 1).tolist(), len(q)]
    for first, last in pairwise(edges):
        yield _table(camera, run, [None if c is None else c[first:last] for c in columns])


def _table(camera: str, run: int, columns: list[npt.NDArray[Any] | None]) -> PoseTable:
    ts, track, session, frame_no, skeleton_no, q, width, height = (_there(c) for c in columns[:8])
    x, y, z, kscore, wx, wy, wz = columns[13:20]
    flags, posture, angles = (_there(c) for c in columns[20:])
    n, k, unit = len(ts), _there(x).shape[1], 1 / int(q[0])
    unseen = np.full((n, k), np.nan, np.float32)
    keypoints = np.stack(
        [from_int16(_there(x), unit), from_int16(_there(y), unit), unseen if z is None else from_int16(z, unit)], axis=2
    )
    world: F32 = np.zeros((n, 0, 3), np.float32)
    if wx is not None:
        world = np.stack([from_int16(_there(part), WORLD_UNIT_M) for part in (wx, wy, wz)], axis=2)
    return PoseTable(
        camera=camera,
        skeleton=_SKELETON_NAMES[int(skeleton_no[0])],
        at_us=ts + PG_EPOCH_US,
        track_id=track,
        run=np.full(n, run, np.int64),
        session=session.astype(np.int64),
        seq=frame_no.astype(np.int64),
        width=width.astype(np.int64),
        height=height.astype(np.int64),
        xyxy=np.stack([from_int16(_there(c), unit) for c in columns[8:12]], axis=1),
        score=from_int16(_there(columns[12]), SCORE_UNIT),
        keypoints=keypoints,
        keypoint_score=from_int16(_there(kscore), SCORE_UNIT),
        world=world,
        flags=flags,
        posture=posture.astype(np.uint8),
        angles=_filled_up(from_int16(angles, ANGLE_UNIT_DEG)),
    )


_SKELETON_NAMES = {skeleton.number: name for name, skeleton in SKELETONS.items()}


def _filled_up(angles: F32) -> F32:
    """Rows from before an angle was known end with unknowns."""
    missing = max(0, len(ANGLES) - angles.shape[1])
    return np.pad(angles, ((0, 0), (0, missing)), constant_values=np.nan)[:, : len(ANGLES)]


def _there(column: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
    if column is None:
        raise ValueError("a column that is never NULL is NULL")
    return column


def _parameters(selection: Selection) -> dict[str, Any]:
    return {
        "run": selection.run,
        "from": moment(min(max(selection.from_us, _FIRST_US), _LAST_US)),
        "to": moment(max(min(selection.to_us, _LAST_US), _FIRST_US)),
        "cameras": list(selection.cameras) or None,
        "tracks": list(selection.tracks) or None,
    }


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1e6)
