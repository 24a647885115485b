"""Runs tracks through the smooth stage and sorts what comes out by person."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from pipeline.core.records import Record
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, F64, Floats
from pipeline.core.values import Motions, Poses, Tracks
from stages.smooth import SmoothStage, SmoothState
from tests.builders import figure, poses_record

FIRST = 1 << 48 | 1
"""Track id of the first person."""


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


def wave(frequency: float, amplitude: float, *, fps: float = 25, seconds: float = 10) -> list[Record[Tracks]]:
    """A person of 400 px whose left arm goes up and down on a sine; everything else is still."""
    records = []
    for seq in range(round(fps * seconds)):
        t = seq / fps
        points = figure() * 400 + [500, 300, 0]
        points[13:23:2, 1] += 400 * amplitude * np.cos(2 * np.pi * frequency * t)
        record = poses_record(points[None], at_s=t, seq=seq)
        records.append(Record(record.stamp, Tracks(record.value, np.array([FIRST]))))
    return records


def lag_s(raw: F64, smoothed: F64, frequency: float, fps: float = 25) -> float:
    """By the phase at the frequency, after the first 4 s."""
    t = np.arange(len(raw)) / fps
    rows = slice(int(4 * fps), None)
    turn = np.exp(-2j * np.pi * frequency * t[rows])
    return float(-np.angle((smoothed[rows] * turn).mean() / (raw[rows] * turn).mean()) / (2 * np.pi * frequency))
