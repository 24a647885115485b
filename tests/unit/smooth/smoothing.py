"""Runs tracks through the smooth stage and sorts what comes out by person."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from pipeline.core.records import Record
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, F64, Floats
from pipeline.core.values import Motions, Poses, Tracks
from stages.smooth import SmoothStage, SmoothState


def smooth(records: Iterable[Record[Tracks]], stage: SmoothStage | None = None) -> list[Motions]:
    stage = stage or SmoothStage()
    return steps(stage, stage.initial_state("door"), records)[0]


def steps(
    stage: SmoothStage, state: SmoothState, records: Iterable[Record[Tracks]]
) -> tuple[list[Motions], SmoothState]:
    motions = []
    for record in records:
        state, outputs = stage.step(state, record)
        assert len(outputs) == 1
        motions.append(outputs[0])
    return motions, state


def of_person(values: Iterable[Motions | Tracks], track_id: int, get: Callable[[Poses], Floats] | None = None) -> F64:
    """(frames, K, ...) what `get` takes of the poses (default: x and y) for one person."""
    take = get or (lambda poses: poses.keypoints[:, :, :2])
    return np.array(
        [take(v.poses)[v.track_id.tolist().index(track_id)] for v in values if track_id in v.track_id.tolist()],
        dtype=np.float64,
    )


def changed(records: list[Record[Tracks]], change: Callable[[int, dict[str, F32]], None]) -> list[Record[Tracks]]:
    """The records after `change(i, arrays)` has worked on copies of keypoints, score, world of record i."""
    out = []
    for i, record in enumerate(records):
        poses = record.value.poses
        arrays = {name: getattr(poses, name).copy() for name in ("keypoints", "keypoint_score", "world")}
        change(i, arrays)
        value = Poses(poses.skeleton, poses.width, poses.height, poses.xyxy, poses.score, **arrays)
        out.append(Record(record.stamp, Tracks(value, record.value.track_id)))
    return out


def index(name: str, skeleton: str = "blazepose33") -> int:
    return SKELETONS[skeleton].index[name]
