from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import ConfigError, InvalidRecord
from pipeline.core.records import Record
from pipeline.core.stage import KeyedStage
from pipeline.core.types import F32
from pipeline.core.units import SCORE_UNIT, WORLD_UNIT_M, from_int16, rounded, to_int16, units_per_pixel
from pipeline.core.values import Tracks
from stages.smooth import SmoothOptions, SmoothStage
from tests.builders import Person, clip, figure, poses_record, stand, tick, tracked, walk
from tests.unit.smooth.smoothing import smooth, steps

FIRST = 1 << 48 | 1


def nobody(at_s: float) -> Record[Tracks]:
    record = poses_record(np.empty((0, 33, 3)), at_s=at_s)
    return Record(record.stamp, Tracks(record.value, np.empty(0, np.int64)))


def state_bytes(state: object) -> int:
    arrays = (getattr(state, field.name) for field in fields(state))  # type: ignore[arg-type]
    return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))


def test_is_a_keyed_stage() -> None:
    assert isinstance(SmoothStage(), KeyedStage)


def test_one_output_for_each_record_also_without_people() -> None:
    motions = smooth([nobody(0.0), nobody(0.04)])

    assert [len(m.track_id) for m in motions] == [0, 0]
    assert motions[0].flags.shape == (0, 33)


@pytest.mark.parametrize("skeleton", ["blazepose33", "coco17", "halpe26", "body25", "coco133"])
@pytest.mark.parametrize("with_world", [True, False])
@pytest.mark.parametrize("with_z", [True, False])
def test_every_value_reads_back_from_storage_to_the_bit(skeleton: str, with_world: bool, with_z: bool) -> None:
    filmed = clip([Person(x=-30, speed=200), Person(x=700)], seconds=0.6, noise=0.01, skeleton=skeleton)
    records = []
    for record in tracked(filmed):
        p = record.value.poses
        points = p.keypoints if with_z else p.keypoints[:, :, :2]
        plain = poses_record(points, p.keypoint_score * 0.777, world=p.world if with_world else None, skeleton=skeleton)
        records.append(Record(record.stamp, Tracks(plain.value, record.value.track_id)))

    for motions in smooth(records):
        p = motions.poses
        pixel = 1 / units_per_pixel(p.width, p.height)
        assert bool(np.isfinite(p.keypoints[:, :, 2]).any()) == with_z
        assert p.world.shape[1] == (p.keypoints.shape[1] if with_world else 0)
        for array, unit in (
            (p.keypoints, pixel),
            (p.xyxy, pixel),
            (p.score, SCORE_UNIT),
            (p.keypoint_score, SCORE_UNIT),
            (p.world, WORLD_UNIT_M),
        ):
            assert from_int16(to_int16(array, unit), unit).tobytes() == array.tobytes()


@given(st.lists(st.floats(-4000, 4000, width=32) | st.just(float("nan")), min_size=1, max_size=20))
@settings(max_examples=60)
@pytest.mark.parametrize("unit", [1 / 8, 1 / 4])
def test_rounding_twice_is_rounding_once(unit: float, values: list[float]) -> None:
    once: F32 = rounded(np.array(values, np.float32), unit)

    assert rounded(once, unit).tobytes() == once.tobytes()
    assert from_int16(to_int16(once, unit), unit).tobytes() == once.tobytes()


def test_what_lies_outside_the_range_is_clipped_to_it() -> None:
    points = figure() * 400 + [9000, 300, 0]
    record = poses_record(points[None])

    motions = smooth([Record(record.stamp, Tracks(record.value, np.array([FIRST])))])

    assert motions[0].poses.keypoints[0, 0, 0] == 32767 / 8


def test_state_of_a_person_is_at_most_four_kilobytes() -> None:
    for skeleton, limit in (("blazepose33", 2300), ("coco17", 1200)):
        records = tracked(clip([Person(x=200), Person(x=600)], seconds=0.2, skeleton=skeleton))
        _, state = steps(SmoothStage(), SmoothStage().initial_state("door"), records)
        assert state_bytes(state) / 2 <= limit

    flat = [
        Record(
            r.stamp, Tracks(poses_record(r.value.poses.keypoints[:, :, :2], skeleton="coco133").value, r.value.track_id)
        )
        for r in tracked(clip([Person(x=200)], seconds=0.2, skeleton="coco133"))
    ]
    _, state = steps(SmoothStage(), SmoothStage().initial_state("door"), flat)
    assert state_bytes(state) <= 4096


def test_people_out_of_sight_are_forgotten_by_frames_and_ticks() -> None:
    stage = SmoothStage()
    _, state = steps(stage, stage.initial_state("door"), tracked(walk(people=3, seconds=1)))

    _, later = steps(stage, state, [nobody(3.0)])
    assert len(later.track_id) == 3
    _, later = steps(stage, later, [nobody(7.0)])
    assert state_bytes(later) == 0

    ticked, outputs = stage.tick(state, tick(7.0))
    assert (state_bytes(ticked), outputs) == (0, ())


def test_same_time_twice_is_safe() -> None:
    record = tracked(stand(people=2))[0]

    motions = smooth([record] * 4)

    assert all(np.isfinite(m.poses.keypoints).all() for m in motions)
    np.testing.assert_allclose(motions[3].poses.keypoints, motions[0].poses.keypoints, atol=1 / 8)


def test_frame_of_another_size_moves_everyone_with_it() -> None:
    big = tracked(clip([Person(x=400, y=360, stature=400)], seconds=1))
    small = tracked(clip([Person(x=200, y=180, stature=200)], seconds=0.4, start_s=1.0))
    shrunk = [
        Record(
            r.stamp,
            Tracks(
                poses_record(r.value.poses.keypoints, world=r.value.poses.world, size=(640, 360)).value,
                r.value.track_id,
            ),
        )
        for r in small
    ]

    motions = smooth([*big, *shrunk])

    np.testing.assert_allclose(
        motions[25].poses.keypoints[..., :2], small[0].value.poses.keypoints[..., :2], atol=1 / 8
    )
    assert not any(m.flags.any() for m in motions)


def test_another_skeleton_begins_anew() -> None:
    first = tracked(clip([Person(x=400)], seconds=0.2, skeleton="coco17"))
    rest = tracked(clip([Person(x=400)], seconds=0.2, start_s=0.2))

    motions = smooth([*first, *rest])

    assert [m.flags.shape[1] for m in motions] == [17] * 5 + [33] * 5


def test_unknown_skeleton_is_refused() -> None:
    record = tracked(stand())[0]
    p = record.value.poses
    odd = type(p)("centaur", 10, 10, p.xyxy, p.score, p.keypoints, p.keypoint_score, p.world)

    with pytest.raises(InvalidRecord, match="centaur"):
        steps(
            SmoothStage(),
            SmoothStage().initial_state("door"),
            [Record(record.stamp, Tracks(odd, record.value.track_id))],
        )


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"filter": "butterworth"}, "butterworth"),
        ({"min_cutoff_hz": 0.0}, "min_cutoff_hz"),
        ({"fill_s": 1.0}, "fill_s"),
        ({"bone_excess": 0.9}, "bone_excess"),
        ({"doubt_trust": 1.5}, "doubt_trust"),
    ],
)
def test_impossible_options_are_named(options: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        SmoothOptions(**options)  # type: ignore[arg-type]
