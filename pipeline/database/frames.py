"""Stored frames as the records that were stored, to be worked on again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import psycopg

from pipeline.beside import ahead
from pipeline.core.records import Dropped, Record, Stamp
from pipeline.core.skeletons import SKELETONS
from pipeline.core.tables import PoseTable, Selection
from pipeline.core.values import Motions, Poses
from pipeline.database import failures
from pipeline.database.connect import Address, cancel
from pipeline.database.extract import PoseReader
from pipeline.database.rows import moment

_WINDOW_US = 300_000_000
"""Frames of five minutes at once, 9,000 at most of a fast camera; the next ones are read meanwhile."""

_OF_POSES, _OF_MOTIONS = ("xyxy", "score", "keypoints", "keypoint_score", "world"), ("track_id", "flags")
"""Arrays of a table of poses, in the order of `Poses` and `Motions`."""

_FRAMES = """
SELECT (extract(epoch FROM ts) * 1000000)::bigint, session, frame_no, width, height, outcome, stage, reason
FROM pose_raw.frame_outcomes
WHERE run = %(run)s AND camera_no = %(camera)s AND ts >= %(from)s AND ts < %(to)s
ORDER BY ts, session, frame_no
"""
_DEFAULT = "blazepose33"


class FrameReader:
    """Reads the frames of one camera of one run, in the order of event time, with the people in them.

    Args:
        address: Where.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._poses = PoseReader(address)
        self._connection = address.connect("reader")
        self._connection.execute("SET statement_timeout = 0")

    def frames(
        self, camera: str, camera_no: int, from_us: int, to_us: int, run: int = 0
    ) -> Generator[Record[Motions | Dropped]]:
        """Frames with an event time in [from_us, to_us). Raises DatabaseError, SinkUnavailable. To be closed where not
        all of them are taken: the next ones are being read.

        Their stamps are those of a recording: when they arrived is not stored.
        """
        skeleton = None
        with ahead(self._windows(camera, camera_no, from_us, to_us, run), self._cancel) as windows:
            for tables, outcomes in windows:
                people: dict[tuple[int, int], list[tuple[PoseTable, slice]]] = defaultdict(list)
                for table in tables:
                    skeleton = table.skeleton
                    for name in (*_OF_POSES, *_OF_MOTIONS):
                        getattr(table, name).setflags(write=False)  # once, and not for each frame's view
                    for part in _by_frame(table):
                        people[int(table.session[part.start]), int(table.seq[part.start])].append((table, part))
                for at_us, session, seq, width, height, outcome, stage, reason in outcomes:
                    stamp = Stamp(run, camera, camera_no, session, 0, seq, at_us, at_us, "file")
                    if outcome != "stored":
                        yield Record(stamp, Dropped(stage or "", reason or ""))
                        continue
                    found = people.pop((session, seq), [])
                    yield Record(stamp, _motions(found, skeleton or _DEFAULT, width or 0, height or 0))

    def close(self) -> None:
        """Close the connections."""
        self._poses.close()
        self._connection.close()

    def _cancel(self) -> None:
        self._poses.cancel()
        cancel(self._connection)

    def _windows(
        self, camera: str, camera_no: int, from_us: int, to_us: int, run: int
    ) -> Iterator[tuple[list[PoseTable], list[tuple[Any, ...]]]]:
        for begin in range(from_us, to_us, _WINDOW_US):
            end = min(begin + _WINDOW_US, to_us)
            poses = list(self._poses.poses(Selection(run, begin, end, (camera,))))
            yield poses, self._outcomes(run, camera_no, begin, end)

    def _outcomes(self, run: int, camera_no: int, begin: int, end: int) -> list[tuple[Any, ...]]:
        parameters = {"run": run, "camera": camera_no, "from": moment(begin), "to": moment(end)}
        try:
            return self._connection.execute(_FRAMES.encode(), parameters).fetchall()
        except psycopg.Error as error:
            raise failures.meaning(error, str(self._address)) from error


def _by_frame(table: PoseTable) -> Iterator[slice]:
    """The people of a frame lie side by side."""
    change = (np.diff(table.at_us) != 0) | (np.diff(table.seq) != 0)
    edges = [0, *(np.flatnonzero(change) + 1).tolist(), len(table)]
    for first, last in pairwise(edges):
        if last > first:
            yield slice(first, last)


def _motions(found: list[tuple[PoseTable, slice]], skeleton: str, width: int, height: int) -> Motions:
    """The people of one frame; a piece of a table for each shape of row that they had."""
    if not found:
        k = len(SKELETONS[skeleton])
        empty = np.zeros((0, k), np.float32)
        poses = Poses(
            skeleton,
            width,
            height,
            np.zeros((0, 4), np.float32),
            np.zeros(0, np.float32),
            np.zeros((0, k, 3), np.float32),
            empty,
            np.zeros((0, k, 3), np.float32),
        )
        return Motions(poses, np.zeros(0, np.int64), np.zeros((0, k), np.uint8))

    def of(name: str) -> Any:
        """Most frames are one piece: a view of it, not a copy."""
        parts = [getattr(table, name)[part] for table, part in found]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    return Motions(Poses(found[0][0].skeleton, width, height, *map(of, _OF_POSES)), *map(of, _OF_MOTIONS))
