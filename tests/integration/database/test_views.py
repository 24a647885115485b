from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.core.records import Dropped, Record
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32
from pipeline.core.units import ANGLE_UNIT_DEG, SCORE_UNIT, WORLD_UNIT_M, from_int16, to_int16, units_per_pixel
from pipeline.core.values import DOUBTFUL, FILLED, Measures, Motions, Poses
from pipeline.core.vocabulary import ANGLES, MEASURES, POSTURES
from pipeline.database import Database
from pipeline.database.connect import Connection
from tests import samples

AT = samples.stamp().captured_at_us


def motions(poses: Poses, flags: int = 0) -> Motions:
    return Motions(poses, samples.track_ids(len(poses)), np.full(poses.keypoint_score.shape, flags, np.uint8))


def stored(values: Any, unit: float) -> Any:
    """What storing in these units leaves of the values, as a list with None for NaN."""
    return without_nan(from_int16(to_int16(np.asarray(values, np.float32), unit), unit))


def without_nan(values: F32) -> Any:
    result = values.astype(object)
    result[np.isnan(values)] = None
    return result.tolist()


def columns(database: Database, statement: str, *, run: int = 0) -> list[list[Any]]:
    """The columns of an answer, floats as the nearest float32."""
    rows = list(database.query(statement, run).rows)
    as_stored = [[np.float32(x) if isinstance(x, float) else x for x in row] for row in rows]
    return [list(column) for column in zip(*as_stored, strict=True)]


def odd_poses(people: int, size: tuple[int, int], skeleton: str = "blazepose33", *, world: bool = True) -> Poses:
    """People in and around a frame of this size: far off the picture, not seen, with scores of all kinds."""
    generator = np.random.default_rng(people)
    k = len(SKELETONS[skeleton])
    keypoints = generator.uniform(-0.2, 1.2, (people, k, 3)) * np.array([*size, 100])
    keypoints[generator.random((people, k)) < 0.1] = np.nan
    return Poses(
        skeleton=skeleton,
        width=size[0],
        height=size[1],
        xyxy=(generator.uniform(-0.2, 1.2, (people, 4)) * np.array([*size, *size])).astype(np.float32),
        score=generator.random(people).astype(np.float32),
        keypoints=keypoints.astype(np.float32),
        keypoint_score=generator.random((people, k)).astype(np.float32),
        world=generator.uniform(-2, 2, (people, k if world else 0, 3)).astype(np.float32),
    )


@pytest.mark.parametrize(
    "poses",
    [
        pytest.param(odd_poses(3, (1280, 720)), id="720p"),
        pytest.param(odd_poses(200, (1920, 1080)), id="200 people"),
        pytest.param(odd_poses(2, (7680, 4320)), id="8K"),
        pytest.param(odd_poses(2, (640, 480), "coco17", world=False), id="coco17 without metres"),
        pytest.param(odd_poses(0, (640, 480)), id="nobody"),
    ],
)
def test_keypoints_are_what_was_written_to_the_unit(database: Database, poses: Poses) -> None:
    database.registry().camera_no("gym")
    database.sink().write([Record(samples.stamp(7), motions(poses))])

    found = columns(
        database,
        "SELECT camera, track_id, frame_no, keypoint, x, y, z, score, world_x, world_y, world_z FROM keypoints"
        " JOIN pose_raw.keypoints k ON k.name = keypoint JOIN pose_raw.skeletons s USING (skeleton_no)"
        f" WHERE s.name = '{poses.skeleton}' ORDER BY track_id, k.idx",
    )

    n, k = poses.keypoint_score.shape
    if n == 0:
        assert found == []
        return
    unit = 1 / units_per_pixel(poses.width, poses.height)
    keypoints = stored(poses.keypoints.reshape(-1, 3), unit)
    world = stored(poses.world.reshape(-1, 3), WORLD_UNIT_M) or [[None] * 3] * (n * k)
    assert found[:4] == [
        ["gym"] * n * k,
        np.repeat(samples.track_ids(n), k).tolist(),
        [7] * n * k,
        list(SKELETONS[poses.skeleton].keypoints) * n,
    ]
    assert [list(row) for row in zip(*found[4:7], strict=True)] == keypoints
    assert found[7] == stored(poses.keypoint_score.ravel(), SCORE_UNIT)
    assert [list(row) for row in zip(*found[8:], strict=True)] == world


def test_boxes_come_back_with_their_sizes(database: Database) -> None:
    poses = odd_poses(5, (1280, 720))
    database.sink().write([Record(samples.stamp(), motions(poses))])

    x, y, w, h, score = columns(database, "SELECT box_x, box_y, box_w, box_h, score FROM poses ORDER BY track_id")

    box = np.array(stored(poses.xyxy, 1 / 8), np.float32)
    assert [x, y, w, h] == [*box[:, :2].T.tolist(), *(box[:, 2:] - box[:, :2]).T.tolist()]
    assert score == stored(poses.score, SCORE_UNIT)


def test_flags_and_missing_depth_rest_beside_those_that_have_them(database: Database, owner: Connection) -> None:
    poses = odd_poses(3, (640, 480))
    keypoints = poses.keypoints.copy()
    keypoints[1, :, 2] = np.nan
    value = motions(replace(poses, keypoints=keypoints))
    flags = np.zeros_like(value.flags)
    flags[2, 4] = FILLED | DOUBTFUL
    database.sink().write([Record(samples.stamp(), replace(value, flags=flags))])

    rows = owner.execute("SELECT z IS NULL, flags FROM pose_raw.poses ORDER BY track_id").fetchall()

    assert rows == [(False, None), (True, None), (False, flags[2].tobytes())]


def test_measures_and_angles_are_what_was_measured(database: Database) -> None:
    generator = np.random.default_rng(1)
    angles = generator.uniform(0, 180, (2, len(ANGLES))).astype(np.float32)
    scalars = generator.normal(size=(2, len(MEASURES))).astype(np.float32)
    angles[0, 3] = scalars[1, 2] = np.nan
    value = Measures(samples.track_ids(2), np.array([1, 7], np.uint8), angles, scalars)
    database.sink().write([Record(samples.stamp(), value)])

    names = ", ".join(measure.name for measure in MEASURES)
    found = columns(database, f"SELECT posture, {names} FROM measures ORDER BY track_id")
    degrees = columns(
        database, "SELECT angle, degrees FROM angles JOIN pose_raw.angles a ON a.name = angle ORDER BY track_id, a.idx"
    )

    assert found[0] == [POSTURES[1], POSTURES[7]]
    assert found[1:] == without_nan(scalars.T)
    assert degrees == [[angle.name for angle in ANGLES] * 2, stored(angles.ravel(), ANGLE_UNIT_DEG)]


def test_outcomes_of_frames_tell_who_dropped_them_and_why(database: Database) -> None:
    database.sink().write(
        [
            Record(samples.stamp(0), motions(odd_poses(2, (640, 480)))),
            Record(samples.stamp(1), Dropped("detect", "late")),
            Record(samples.stamp(2), Dropped("pose", "invalid")),
            Record(samples.stamp(3), motions(odd_poses(0, (640, 480)))),
        ]
    )

    rows = database.query("SELECT frame_no, outcome, stage, reason, people FROM frame_outcomes ORDER BY 1").rows

    assert rows == [
        (0, "stored", None, None, 2),
        (1, "dropped", "detect", "late", None),
        (2, "dropped", "pose", "invalid", None),
        (3, "stored", None, None, 0),
    ]


def test_events_keep_their_numbers_to_the_last_bit(database: Database) -> None:
    event = replace(samples.event(), value=0.1 + 0.2, evidence={"a": 1 / 3, "b": float("nan")})
    leave = samples.values()["event"][1]
    database.sink().write([Record(samples.stamp(), event), Record(samples.stamp(1), leave)])

    rows = database.query("SELECT kind, label, value, payload, event_id, track_id, ts_end FROM events ORDER BY ts").rows

    assert rows[0] == ("leave", "", None, {}, str(leave.event_id), None, None)
    assert rows[1][:5] == ("rep", "squat", 0.1 + 0.2, {"a": 1 / 3, "b": None}, str(event.event_id))


def test_dead_letters_keep_what_was_refused(database: Database) -> None:
    (record,) = samples.records("dead_letter")
    database.sink().write([replace(record, value=replace(record.value, error="zero \0 byte"))])

    rows = database.query("SELECT stage, reason, error, topic_offset, key, content FROM dead_letters").rows

    assert rows == [("pose", "DecodeError", "zero \\x00 byte", 44, b"gym", b"content")]


def test_views_show_the_run_that_is_chosen(database: Database) -> None:
    for run in (0, 3):
        value = motions(odd_poses(run + 1, (640, 480)))
        database.sink().write([Record(replace(samples.stamp(), run=run), value)])

    assert database.query("SELECT count(*) FROM poses").rows == [(1,)]
    assert database.query("SELECT count(*) FROM poses", run=3).rows == [(4,)]
    assert database.query("SELECT count(*) FROM tracks", run=3).rows == [(4,)]
    assert database.query("SELECT count(*) FROM poses", run=7).rows == [(0,)]
