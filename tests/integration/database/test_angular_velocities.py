from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.core.records import Record
from pipeline.core.values import Measures, Motions
from pipeline.core.vocabulary import ANGLES, MEASURES
from pipeline.database import Database
from pipeline.database.connect import Connection
from pipeline.database.history import stored_frames
from tests import samples

KNEE, ANKLE = ([angle.name for angle in ANGLES].index(name) for name in ("left_knee", "left_ankle"))
AT_US = samples.stamp().captured_at_us


def measures(columns: int = len(ANGLES), scalars: int = len(MEASURES), **angles: float) -> Measures:
    """One person whose angles are unknown but for those named."""
    degrees = np.full((1, columns), np.nan, np.float32)
    for name, value in angles.items():
        degrees[0, [angle.name for angle in ANGLES].index(name)] = value
    return Measures(samples.track_ids(1), np.ones(1, np.uint8), degrees, np.zeros((1, scalars), np.float32))


def record(n: int, at_s: float, value: Any) -> Record[Any]:
    return Record(samples.stamp(n, at_us=AT_US + round(at_s * 1e6)), value)


def velocities(database: Database, angle: str) -> list[float | None]:
    rows = database.query(f"SELECT degrees_per_s FROM angular_velocities WHERE angle = '{angle}' ORDER BY ts").rows
    return [value for (value,) in rows]


@pytest.mark.parametrize("fps", [30, 15, 10])
def test_the_velocity_is_the_slope_about_each_frame(database: Database, fps: int) -> None:
    times = np.arange(2 * fps) / fps
    steady = [record(n, t, measures(left_knee=10 + 40 * t, left_ankle=-30 * t)) for n, t in enumerate(times)]
    database.sink().write(steady)

    # At both ends there may be less than three frames.
    assert velocities(database, "left_knee")[1:-1] == pytest.approx([40.0] * (len(times) - 2), abs=1.5)
    assert velocities(database, "left_ankle")[1:-1] == pytest.approx([-30.0] * (len(times) - 2), abs=1.5)


def test_of_a_motion_at_1_hz_94_percent_are_left_and_it_is_not_late(database: Database) -> None:
    times = np.arange(90) / 30
    database.sink().write(
        [record(n, t, measures(left_knee=45 + 40 * np.sin(2 * np.pi * t))) for n, t in enumerate(times)]
    )

    found = np.array(velocities(database, "left_knee"), float)[8:-8]

    true = 2 * np.pi * 40 * np.cos(2 * np.pi * times)[8:-8]
    assert np.abs(found - 0.94 * true).max() < 0.03 * 2 * np.pi * 40


def test_unknown_angles_have_no_velocity_and_few_frames_tell_none(database: Database) -> None:
    values = [measures(left_knee=10.0 * n) if n != 20 else measures() for n in range(40)]
    database.sink().write([record(n, n / 30 if n < 39 else 9.0, value) for n, value in enumerate(values)])

    found = velocities(database, "left_knee")

    assert len(found) == 39
    assert found[:-1] == pytest.approx([300.0] * 38, abs=1)
    assert found[-1] is None
    assert velocities(database, "right_knee") == []


def test_people_and_runs_are_not_mixed(database: Database) -> None:
    for n in range(30):
        two = Measures(
            samples.track_ids(2),
            np.ones(2, np.uint8),
            np.full((2, len(ANGLES)), np.nan, np.float32),
            np.zeros((2, len(MEASURES)), np.float32),
        )
        degrees = two.angles.copy()
        degrees[:, KNEE] = n, 100 - 2 * n
        database.sink().write([record(n, n / 30, replace(two, angles=degrees))])

    rows = database.query(
        "SELECT min(degrees_per_s), max(degrees_per_s) FROM angular_velocities GROUP BY track_id ORDER BY 1"
    ).rows

    assert [pytest.approx(list(row), abs=0.1) for row in rows] == [[-60, -60], [30, 30]]


def test_rows_from_before_an_angle_was_known_stand_beside_new_ones(database: Database, owner: Connection) -> None:
    old, new = measures(8, 6, left_knee=20.0), measures(left_knee=30.0, left_ankle=-12.5)
    database.sink().write([record(0, 0.0, old)])
    database.sink().write([record(1, 0.1, new), record(2, 0.2, old)])

    angles = "SELECT degrees FROM angles WHERE angle = '{}' ORDER BY ts"
    assert [v for (v,) in database.query(angles.format("left_knee")).rows] == [20.0, 30.0, 20.0]
    assert [v for (v,) in database.query(angles.format("left_ankle")).rows] == [None, -12.5, None]


def test_history_reads_old_and_new_rows_of_one_frame(database: Database) -> None:
    poses = samples.poses(2)
    motions = Motions(poses, samples.track_ids(2), np.zeros(poses.keypoint_score.shape, np.uint8))
    older, newer = measures(8, 6, left_knee=20.0), measures(left_knee=30.0, left_ankle=-12.5)
    second = replace(newer, track_id=samples.track_ids(2)[1:])
    database.sink().write([record(0, 0.0, motions), record(0, 0.0, older)])
    database.sink().write([record(0, 0.0, second)])
    stamp = samples.stamp()

    (frame,) = stored_frames(database.address, stamp.camera_no, stamp.session)

    assert frame.measures is not None
    assert frame.measures.angles[:, KNEE].tolist() == [20.0, 30.0]
    assert np.isnan(frame.measures.angles[0, ANKLE])
    assert frame.measures.angles[1, ANKLE] == -12.5
    assert frame.measures.scalars.shape == (2, len(MEASURES))
