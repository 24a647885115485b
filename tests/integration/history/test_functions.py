from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import DatabaseError
from pipeline.core.records import Record
from pipeline.core.values import Motions
from pipeline.database import Database
from tests import samples

START_US = 1_700_000_000_000_000
TRACK = int(samples.track_ids(1)[0])
floats = st.floats(-4000, 4000, allow_nan=False).map(lambda value: round(value, 3))


def value(database: Database, expression: str) -> Any:
    return database.query(f"SELECT {expression}").rows[0][0]


@settings(max_examples=25, deadline=None)
@given(st.lists(floats, min_size=6, max_size=6))
def test_angle_and_distance_are_those_of_the_points(known_days: Database, points: list[float]) -> None:
    a, b, c = np.array(points).reshape(3, 2)
    listed = ", ".join(f"{each}::float8" for each in points)
    norm = np.linalg.norm(a - b) * np.linalg.norm(c - b)

    angle = value(known_days, f"angle_deg({listed})")
    if norm == 0:
        assert angle is None
    else:
        true = np.degrees(np.arctan2(abs(np.linalg.det(np.stack([a - b, c - b]))), np.dot(a - b, c - b)))
        assert angle == pytest.approx(true, abs=1e-4)
    first = ", ".join(f"{each}::float8" for each in points[:4])
    assert value(known_days, f"distance({first})") == pytest.approx(float(np.linalg.norm(a - b)), abs=1e-9)


def test_speed_is_distance_over_time(known_days: Database) -> None:
    assert value(known_days, "speed(3, 4, '2026-01-01 00:00:02', 0, 0, '2026-01-01 00:00:00')") == 2.5
    assert value(known_days, "speed(3, 4, '2026-01-01', 0, 0, '2026-01-01')") is None
    assert value(known_days, "speed(3, 4, '2026-01-01', NULL, 0, '2026-01-01')") is None


def wrist(at_s: float, x: float, n: int) -> Record[Any]:
    poses = samples.poses(1)
    points = poses.keypoints.copy()
    points[0, 15, :2] = x, 2 * x
    stamp = samples.stamp(n, at_us=START_US + round(at_s * 1e6))
    flags = np.zeros(poses.keypoint_score.shape, np.uint8)
    return Record(stamp, Motions(replace(poses, keypoints=points), samples.track_ids(1), flags))


def resampled(database: Database, hz: float, seconds: float, gap_s: float = 0.5) -> list[tuple[float, float, float]]:
    rows = database.query(
        f"SELECT extract(epoch FROM ts - to_timestamp({START_US / 1e6}))::float8, x, y FROM resample({TRACK},"
        f" 'left_wrist', to_timestamp({START_US / 1e6}), to_timestamp({START_US / 1e6}) + interval '{seconds} s',"
        f" {hz}, {gap_s})"
    ).rows
    return [(row[0], row[1], row[2]) for row in rows]


def test_resampling_is_linear_between_frames(database: Database) -> None:
    times = [0.0, 0.11, 0.19, 0.34, 0.4, 0.55, 0.7]
    database.sink().write([wrist(at, 8 * i, i) for i, at in enumerate(times)])

    found = resampled(database, 20, 0.7)

    assert [at for at, _, _ in found] == pytest.approx([i / 20 for i in range(15)], abs=1e-6)
    expected = np.interp([at for at, _, _ in found], times, [8.0 * i for i in range(len(times))])
    assert [x for _, x, _ in found] == pytest.approx(expected.tolist(), abs=1e-3)
    assert [y for _, _, y in found] == pytest.approx((2 * expected).tolist(), abs=2e-3)


def test_nothing_is_made_up_within_long_gaps(database: Database) -> None:
    database.sink().write([wrist(at, 8, i) for i, at in enumerate((0, 0.2, 1.2, 1.4))])

    times = [at for at, _, _ in resampled(database, 10, 2.0)]

    assert times == pytest.approx([0, 0.1, 0.2, 1.2, 1.3, 1.4], abs=1e-6)
    assert len(resampled(database, 10, 2.0, gap_s=2.0)) == 15


@pytest.mark.parametrize("hz", [0, -1, 5000, "'NaN'"])
def test_a_rate_that_makes_no_sense_is_refused(database: Database, hz: Any) -> None:
    with pytest.raises(DatabaseError, match="resample: hz"):
        resampled(database, hz, 1.0)
