"""Reads stored frames back as the values that they were written from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, I16
from pipeline.core.units import ANGLE_UNIT_DEG, INT16_UNSEEN, SCORE_UNIT, WORLD_UNIT_M, from_int16
from pipeline.core.values import Event, Measures, Motions, Poses
from pipeline.core.vocabulary import ANGLES, MEASURES
from pipeline.database.connect import Address

_FRAMES = """
SELECT o.frame_no, (extract(epoch FROM o.ts) * 1000000)::bigint, o.width, o.height, o.outcome,
       p.track_id, k.name, p.q, ARRAY[p.x1, p.y1, p.x2, p.y2], p.score, p.x, p.y, p.z, p.kscore, p.wx, p.wy, p.wz,
       p.flags, m.posture_no, m.angles, m.scalars
FROM pose_raw.frame_outcomes o
LEFT JOIN pose_raw.poses p USING (run, camera_no, session, frame_no, ts)
LEFT JOIN pose_raw.skeletons k USING (skeleton_no)
LEFT JOIN pose_raw.measures m USING (run, camera_no, session, frame_no, ts, track_id)
WHERE o.run = %(run)s AND o.camera_no = %(camera)s AND o.session = %(session)s
ORDER BY o.frame_no, p.track_id
"""

# An event is shown where it was decided: at its end where it has one.
_EVENTS = """
SELECT (extract(epoch FROM coalesce(ts_end, ts)) * 1000000)::bigint AS decided,
       event_id, kind, label, track_id, (extract(epoch FROM ts) * 1000000)::bigint,
       (extract(epoch FROM ts_end) * 1000000)::bigint, value, payload
FROM pose_raw.events WHERE run = %(run)s AND camera_no = %(camera)s ORDER BY decided, event_id
"""


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """One frame of the history.

    Attributes:
        seq: Its number in the session.
        at_us: Event time, microseconds since the epoch.
        motions, measures: What is stored of it; None where it was dropped.
    """

    seq: int
    at_us: int
    motions: Motions | None
    measures: Measures | None


def stored_frames(address: Address, camera_no: int, session: int, run: int = 0) -> Iterator[StoredFrame]:
    """All frames of a session in order; the events decided up to a frame come with its measures."""
    parameters = {"run": run, "camera": camera_no, "session": session}
    connection = address.connect("owner")
    try:
        events = [(row[0], Event(*row[1:])) for row in connection.execute(_EVENTS, parameters)]
        with connection.transaction(), connection.cursor(name="history") as cursor:
            cursor.execute(_FRAMES, parameters)
            for (seq, at_us, *_), group in groupby(cursor, key=lambda row: row[:2]):
                rows = list(group)
                due = [event for decided, event in events if decided <= at_us]
                events = events[len(due) :]
                yield _frame(seq, at_us, rows, tuple(due))
    finally:
        connection.close()


def _frame(seq: int, at_us: int, rows: list[Any], events: tuple[Event, ...]) -> StoredFrame:
    _, _, width, height, outcome = rows[0][:5]
    if outcome != "stored":
        return StoredFrame(seq, at_us, None, None)
    people = [row[5:] for row in rows if row[5] is not None]
    if not people:
        k = len(SKELETONS["blazepose33"])
        nobody = Poses("blazepose33", width, height, _empty(4), _empty(), _empty(k, 3), _empty(k), _empty(k, 3))
        ids = np.zeros(0, np.int64)
        measures = Measures(ids, np.zeros(0, np.uint8), _empty(len(ANGLES)), _empty(len(MEASURES)), events)
        return StoredFrame(seq, at_us, Motions(nobody, ids, np.zeros((0, k), np.uint8)), measures)
    track_id, skeleton, q, box, score, x, y, z, kscore, wx, wy, wz, flags, posture, angles, scalars = zip(
        *people, strict=True
    )
    ids = np.array(track_id, dtype=np.int64)
    k, unit = len(x[0]), 1 / q[0]
    unseen = [INT16_UNSEEN] * k
    keypoints = np.stack([_floats(part, unit) for part in (x, y, [row or unseen for row in z])], axis=-1)
    world = (
        _empty(0, 3, people=len(ids))
        if wx[0] is None
        else np.stack([_floats(part, WORLD_UNIT_M) for part in (wx, wy, wz)], axis=-1)
    )
    poses = Poses(
        skeleton=skeleton[0],
        width=width,
        height=height,
        xyxy=_floats(box, unit),
        score=_floats(score, SCORE_UNIT),
        keypoints=keypoints,
        keypoint_score=_floats(kscore, SCORE_UNIT),
        world=world,
    )
    marks = np.stack([np.frombuffer(row if row is not None else bytes(k), dtype=np.uint8) for row in flags])
    measures = Measures(
        ids,
        np.array([no or 0 for no in posture], dtype=np.uint8),
        _floats(_filled_up(angles, len(ANGLES), INT16_UNSEEN), ANGLE_UNIT_DEG),
        np.array(_filled_up(scalars, len(MEASURES), np.nan), dtype=np.float32),
        events,
    )
    return StoredFrame(seq, at_us, Motions(poses, ids, marks), measures)


def _filled_up(rows: Sequence[list[Any] | None], width: int, unknown: float) -> list[list[Any]]:
    """Rows of one width; those from before a word was known end with unknowns, and so do missing ones."""
    width = max(width, *(len(row or ()) for row in rows))
    return [[*(row or ()), *[unknown] * (width - len(row or ()))] for row in rows]


def _floats(stored: Any, unit: float) -> F32:
    values: I16 = np.array(stored, dtype=np.int16)
    return from_int16(values, unit)


def _empty(*shape: int, people: int = 0) -> F32:
    return np.zeros((people, *shape), dtype=np.float32)
