from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.core.records import Record
from pipeline.core.values import Measures, Motions
from pipeline.core.vocabulary import ANGLES, MEASURES, POSTURES
from pipeline.database import Database
from pipeline.database.connect import Connection
from tests import samples

START_US = 1_700_000_000_000_000 // 3_600_000_000 * 3_600_000_000
VIEWS = ("people_hourly", "time_in_posture", "risk_minutes")


def frame(at_s: float, posture: str = "sit", *, n: int = 0, people: int = 1, **scalars: float) -> list[Record[Any]]:
    stamp = samples.stamp(n, at_us=START_US + round(at_s * 1e6))
    poses = samples.poses(people)
    track = samples.track_ids(people)
    values = np.zeros((people, len(MEASURES)), np.float32)
    for name, value in scalars.items():
        values[:, [measure.name for measure in MEASURES].index(name)] = value
    angles = np.full((people, len(ANGLES)), 170.0, np.float32)
    if "lift" in scalars:
        angles[:, 2:4] = scalars["lift"]
    flags = np.zeros(poses.keypoint_score.shape, np.uint8)
    number = np.full(people, POSTURES.index(posture), np.uint8)
    return [Record(stamp, Motions(poses, track, flags)), Record(stamp, Measures(track, number, angles, values))]


def all_rows(database: Database) -> dict[str, list[Any]]:
    return {view: sorted(map(str, database.query(f"SELECT * FROM {view}").rows)) for view in VIEWS}


def refresh(owner: Connection) -> int:
    found = owner.execute("SELECT pose_raw.refresh_rollups('infinity', 10000)").fetchone()
    assert found is not None
    return int(found[0])


def write(database: Database, frames: list[list[Record[Any]]]) -> None:
    database.sink().write([record for records in frames for record in records])


def test_a_refresh_changes_no_view(known_days: Database) -> None:
    before = all_rows(known_days)
    with known_days.address.connect("owner") as owner:
        assert refresh(owner) > 0
        assert refresh(owner) == 0

    assert all(before.values())
    assert all_rows(known_days) == before


def test_seconds_run_to_the_next_frame_and_over_the_minute(database: Database, owner: Connection) -> None:
    database.registry().camera_no("gym")
    # From 50 s to 70 s at 5 frames/s, with a gap of 4 s in it, which counts one.
    times = [50 + i / 5 for i in range(101) if not 55 < 50 + i / 5 < 59]
    frames = [frame(at, "sit", n=i) for i, at in enumerate(times)]
    write(database, frames[:20])
    refresh(owner)
    write(database, frames[20:])

    for _ in range(2):
        rows = database.query("SELECT posture, round(seconds::numeric, 3)::float, frames FROM time_in_posture").rows
        assert rows == [("sit", 20.0 - 4 + 1, len(times))]
        assert database.query("SELECT people, poses FROM people_hourly").rows == [(1, len(times))]
        refresh(owner)


def test_risk_is_told_by_the_angles_of_the_standard(database: Database) -> None:
    write(
        database,
        [frame(0.2 * i, "stand", n=i, trunk_tilt=65) for i in range(25)]
        + [frame(5 + 0.2 * i, "stand", n=25 + i, trunk_tilt=30) for i in range(25)]
        + [frame(10 + 0.2 * i, "lie", n=50 + i, trunk_tilt=85) for i in range(25)]
        + [frame(15 + 0.2 * i, "kneel", n=75 + i, trunk_tilt=5) for i in range(26)],
    )

    (row,) = database.query("SELECT seconds, bent_20_s, bent_60_s, raised_s, low_s FROM risk_minutes").rows

    assert [round(value, 3) for value in row] == [20, 10, 5, 0, 5]


@pytest.mark.parametrize(("shoulder", "seconds"), [(119, 1.0), (121, 0.0)])
def test_an_arm_is_raised_from_60_degrees_on(database: Database, shoulder: float, seconds: float) -> None:
    frames = [frame(0.2 * i, "stand", n=i) for i in range(6)]
    for records in frames:
        measures = records[1].value
        angles = measures.angles.copy()
        angles[:, 2] = shoulder
        records[1] = replace(records[1], value=replace(measures, angles=angles))
    write(database, frames)

    (row,) = database.query("SELECT raised_s FROM risk_minutes").rows
    assert round(row[0], 3) == seconds


def test_late_and_replayed_rows_are_counted_once_as_soon_as_they_are_in(database: Database, owner: Connection) -> None:
    frames = [frame(i, n=i) for i in range(100)]
    write(database, frames[50:])
    refresh(owner)
    write(database, frames)
    assert database.query("SELECT people, poses FROM people_hourly").rows == [(1, 100)]

    refresh(owner)
    write(database, frames)
    refresh(owner)

    assert database.query("SELECT people, poses FROM people_hourly").rows == [(1, 100)]
    assert database.query("SELECT round(sum(seconds)::numeric, 3)::float FROM time_in_posture").rows == [(99.0,)]


def test_a_minute_that_somebody_writes_to_is_left_for_later(database: Database, owner: Connection) -> None:
    write(database, [frame(0), frame(60, n=1)])
    with database.address.connect("writer") as writer, writer.transaction():
        runs, cameras = [0], [samples.stamp().camera_no]
        writer.execute(
            "SELECT pose_raw.mark_due(%s::int[], %s::smallint[], ARRAY[to_timestamp(%s)])",
            (runs, cameras, START_US / 1e6),
        )
        left = refresh(owner)
    assert left == owner.execute("SELECT count(*) FROM pose_raw.rollup_due").fetchone()[0] + left - 1  # type: ignore[index]
    assert refresh(owner) == 1
    assert database.query("SELECT people, poses FROM people_hourly").rows == [(1, 2)]


def test_runs_have_rollups_of_their_own(database: Database, owner: Connection) -> None:
    write(database, [frame(0), frame(1, n=1)])
    other = [replace(record, stamp=replace(record.stamp, run=4)) for record in frame(0)]
    database.sink().write(other)
    for _ in range(2):
        assert database.query("SELECT poses FROM people_hourly").rows == [(2,)]
        assert database.query("SELECT poses FROM people_hourly", run=4).rows == [(1,)]
        refresh(owner)


def test_repetitions_zones_and_last_poses_are_views(known_days: Database) -> None:
    reps = known_days.query("SELECT exercise, number, seconds FROM reps ORDER BY ts").rows
    assert {exercise for exercise, _, _ in reps} >= {"squat"}
    assert all(seconds > 0 for _, _, seconds in reps)

    rows = known_days.query("SELECT zone, entered, gone, person_seconds, most_people FROM zone_occupancy").rows
    assert {row[0] for row in rows} == {"till"}
    assert {(row[1], row[2], row[4]) for row in rows} == {(6, 6, 1)}
    assert all(row[3] == pytest.approx(6 * 18, rel=0.05) for row in rows)

    last = known_days.query(
        "SELECT l.track_id, t.last_seen = l.ts FROM last_pose l JOIN tracks t USING (track_id)"
    ).rows
    assert len(last) == 2 * 3 * 6
    assert all(same for _, same in last)
