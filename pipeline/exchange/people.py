"""People of one frame as other programs wrote them, and as records of the history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from pipeline.core.ids import TRACK_BITS, make_track_id
from pipeline.core.keypoints import box_of_keypoints
from pipeline.core.records import Record, Stamp
from pipeline.core.tables import PoseTable, joined
from pipeline.core.types import F32, I64, U8
from pipeline.core.units import SCORE_UNIT, rounded, units_per_pixel
from pipeline.core.values import Motions, Poses

_IMPORTED = 1 << 47
_SESSION_BITS, _PERSON_BITS = 16, 31


Read = Callable[[int], None]
"""Told how many bytes of a file are read so far."""


def unheard(_: int) -> None:
    """Nobody asks how far it is."""


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """The people of one frame of a file, N of them.

    Attributes:
        seq: Number of the frame.
        offset_us: Microseconds since the first frame of the file.
        skeleton: Name.
        width, height: Of the frame in pixels.
        person: (N,) int64, which number each has in the file.
        score: (N,) float32.
        keypoints: (N, K, 3) float32, pixels as in `values.Poses`; NaN = not seen.
        keypoint_score: (N, K) float32.
        flags: (N, K) uint8.
        xyxy: (N, 4) float32 or None: around the keypoints.
    """

    seq: int
    offset_us: int
    skeleton: str
    width: int
    height: int
    person: I64
    score: F32
    keypoints: F32
    keypoint_score: F32
    flags: U8
    xyxy: F32 | None = None


def imported_track_id(camera_no: int, session: int, person: int) -> int:
    """A track of a file: its counter has a bit that no tracker's counter reaches, so that the two never meet."""
    session, person = session & ((1 << _SESSION_BITS) - 1), person & ((1 << _PERSON_BITS) - 1)
    return make_track_id(camera_no, _IMPORTED | session << _PERSON_BITS | person)


def motions_of(people: People, camera_no: int, session: int) -> Motions:
    """The people in units of storage, as `smooth` would have sent them."""
    unit = 1 / units_per_pixel(people.width, people.height)
    keypoints = rounded(people.keypoints, unit)
    seen = np.isfinite(keypoints[:, :, 0] + keypoints[:, :, 1])
    box = box_of_keypoints(keypoints, seen) if people.xyxy is None else rounded(people.xyxy, unit)
    poses = Poses(
        skeleton=people.skeleton,
        width=people.width,
        height=people.height,
        xyxy=box,
        score=rounded(people.score, SCORE_UNIT),
        keypoints=keypoints,
        keypoint_score=rounded(people.keypoint_score, SCORE_UNIT),
        world=np.empty((len(people.person), 0, 3), np.float32),
    )
    ids = [imported_track_id(camera_no, session, person) for person in people.person.tolist()]
    return Motions(poses, np.array(ids, np.int64), people.flags)


def restored(tables: Iterable[PoseTable], run: int | None, number: dict[str, int]) -> Iterator[Record[Any]]:
    """The records that tables of the history were made of.

    Args:
        tables: In the order of time for each camera.
        run: Theirs instead of the one in the tables; None: that.
        number: Of each camera.
    """
    for table in _whole_frames(tables):
        camera_no = number[table.camera]
        ids = (table.track_id & ((1 << TRACK_BITS) - 1)) | (camera_no << TRACK_BITS)
        runs = table.run if run is None else np.full(len(table), run)
        edges = _edges(table)
        for first, last in pairwise(edges):
            at_us, seq = int(table.at_us[first]), int(table.seq[first])
            stamp = Stamp(
                *(int(runs[first]), table.camera, camera_no, int(table.session[first]), seq, seq, at_us, at_us, "file")
            )
            of = slice(first, last)
            poses = Poses(
                *(table.skeleton, int(table.width[first]), int(table.height[first])),
                *(table.xyxy[of], table.score[of], table.keypoints[of], table.keypoint_score[of], table.world[of]),
            )
            yield Record(stamp, Motions(poses, ids[of], table.flags[of]))


def _edges(table: PoseTable) -> list[int]:
    key = np.stack((table.run, table.session, table.seq, table.at_us), axis=1)
    return [0, *(np.flatnonzero((key[1:] != key[:-1]).any(axis=1)) + 1).tolist(), len(table)]


def _whole_frames(tables: Iterable[PoseTable]) -> Iterator[PoseTable]:
    """The same poses; those of one frame are in one table."""
    held: PoseTable | None = None
    for fresh in tables:
        table = fresh
        if held is not None:
            alike = (held.camera, held.skeleton, held.world.shape[1]) == (
                *(table.camera, table.skeleton, table.world.shape[1]),
            )
            if alike:
                table = joined((held, table))
            else:
                yield held
        last = _edges(table)[-2] if len(table) else 0
        if last:
            yield table.taken(slice(0, last))
        held = table.taken(slice(last, None))
    if held is not None and len(held):
        yield held


def renamed(tables: Iterable[PoseTable], camera: str | None, later_us: int) -> Iterator[PoseTable]:
    """The tables of a camera of another name, and of another time."""
    for table in tables:
        yield replace(table, camera=camera or table.camera, at_us=table.at_us + later_us)
