"""People who are stored, for files to be made of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from pipeline.core.ids import make_track_id
from pipeline.core.records import Record, Stamp
from pipeline.core.tables import PoseTable
from pipeline.core.units import ANGLE_UNIT_DEG, SCORE_UNIT, WORLD_UNIT_M, rounded, units_per_pixel
from pipeline.core.values import DOUBTFUL, FILLED, Measures, Motions, Poses
from pipeline.core.vocabulary import ANGLES, MEASURES
from tests.builders import walk

START_US = 1_700_000_000_000_000


def motions(
    *,
    camera: str = "gym",
    camera_no: int = 1,
    seconds: float = 4.0,
    fps: float = 25.0,
    skeleton: str = "blazepose33",
    people: int = 2,
    start_us: int = START_US,
    session: int = 1,
    run: int = 0,
    world: bool = True,
    hide: dict[int, tuple[float, float]] | None = None,
) -> list[Record[Any]]:
    """Frames of people who walk, as `smooth` sends them, each with its measures."""
    filmed = walk(people=people, seconds=seconds, fps=fps, skeleton=skeleton, noise=0.003, hide=hide)
    chance = np.random.default_rng(5)
    records: list[Record[Any]] = []
    for seq, (record, persons) in enumerate(zip(filmed.records, filmed.persons, strict=True)):
        at_us = start_us + round(seq * 1e6 / fps)
        stamp = Stamp(run, camera, camera_no, session, seq, seq, at_us, at_us, "file")
        order = np.argsort(persons)
        poses = record.value
        unit = 1 / units_per_pixel(poses.width, poses.height)
        keypoints = rounded(poses.keypoints[order], unit).copy()
        score = rounded(poses.keypoint_score[order], SCORE_UNIT).copy()
        flags = np.zeros(score.shape, np.uint8)
        if seq % 7 == 3 and len(order):
            keypoints[0, 3], score[0, 3] = np.nan, 0
            flags[0, 5] = FILLED
            flags[0, 6] = DOUBTFUL
        value = Poses(
            skeleton=skeleton,
            width=poses.width,
            height=poses.height,
            xyxy=rounded(poses.xyxy[order], unit),
            score=rounded(poses.score[order], SCORE_UNIT),
            keypoints=keypoints,
            keypoint_score=score,
            world=rounded(poses.world[order], WORLD_UNIT_M) if world else np.zeros((len(order), 0, 3), np.float32),
        )
        ids = np.array([make_track_id(camera_no, persons[i] + 1) for i in order], np.int64)
        records.append(Record(stamp, Motions(value, ids, flags)))
        angles = rounded(chance.uniform(0, 90, (len(order), len(ANGLES))).astype(np.float32), ANGLE_UNIT_DEG)
        angles[:, 3] = np.nan
        if seq % 5:  # some frames have none
            posture = np.full(len(order), 2, np.uint8)
            scalars = np.full((len(order), len(MEASURES)), np.nan, np.float32)
            records.append(Record(stamp, Measures(ids, posture, angles, scalars)))
    return records


def of(records: Sequence[Record[Any]], kind: type) -> Iterator[Record[Any]]:
    """Those of one kind."""
    return (record for record in records if isinstance(record.value, kind))


def table_of(records: Sequence[Record[Any]]) -> PoseTable:
    """The poses of these frames as the history would give them back, all of one camera and skeleton."""
    measures = {record.stamp.seq: record.value for record in of(records, Measures)}
    columns: dict[str, list[Any]] = {field.name: [] for field in fields(PoseTable)}
    for record in of(records, Motions):
        stamp, value, n = record.stamp, record.value, len(record.value.poses)
        poses, told = value.poses, measures.get(record.stamp.seq)
        whole = {"at_us": stamp.captured_at_us, "run": stamp.run, "session": stamp.session, "seq": stamp.seq}
        for name, number in (*whole.items(), ("width", poses.width), ("height", poses.height)):
            columns[name].append(np.full(n, number, np.int64))
        for name in ("xyxy", "score", "keypoints", "keypoint_score", "world"):
            columns[name].append(getattr(poses, name))
        columns["track_id"].append(value.track_id)
        columns["flags"].append(value.flags)
        columns["posture"].append(np.zeros(n, np.uint8) if told is None else told.posture)
        columns["angles"].append(np.full((n, len(ANGLES)), np.nan, np.float32) if told is None else told.angles)
    arrays = {name: np.concatenate(column) for name, column in columns.items() if column}
    first = records[0]
    return PoseTable(camera=first.stamp.camera, skeleton=first.value.poses.skeleton, **arrays)
