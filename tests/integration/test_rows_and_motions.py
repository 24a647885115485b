"""What lies in SQL is what the stages made, frame by frame."""

from __future__ import annotations

import numpy as np

from pipeline.cli.embedded_run import run_sources
from pipeline.cli.take_up import Wishes
from pipeline.config import Config
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32
from pipeline.database import Database
from pipeline.database.query import ask
from pipeline.video.simulate import SimulatedSource
from pipeline.video.simulate.scene import parse_scene
from tests.quality.chain import chain

SCENE = "sim://gym?people=2&seed=1000&seconds=2&fps=10&width=480&height=360"
COLUMNS = "x, y, z, score, world_x, world_y, world_z"


def test_rows_of_keypoints_are_the_motions_of_the_same_frames(database: Database) -> None:
    source = SimulatedSource(parse_scene(SCENE))
    names = SKELETONS["blazepose33"].keypoints

    outcome = run_sources(Config(), database, [("gym", source)], Wishes())
    rows = ask(database.address, f"SELECT frame_no, track_id & 65535, keypoint, {COLUMNS} FROM keypoints").rows

    assert outcome.tallies["gym"].frames == 20
    stored = {row[:3]: np.array(row[3:], dtype=np.float32) for row in rows}  # NULL becomes NaN
    assert len(stored) == len(rows)
    expected: dict[tuple[int, int, str], F32] = {}
    for frame in chain(source):
        poses = frame.motions.poses
        values = np.concatenate((poses.keypoints, poses.keypoint_score[:, :, None], poses.world), axis=2)
        for row, track_id in enumerate(frame.motions.track_id.tolist()):
            expected |= {(frame.seq, track_id & 65535, name): values[row, k] for k, name in enumerate(names)}
    assert len(expected) > 30 * len(names)
    assert stored.keys() == expected.keys()
    assert all(np.array_equal(stored[key], expected[key], equal_nan=True) for key in expected)
