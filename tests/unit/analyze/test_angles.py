from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import InvalidRecord
from pipeline.core.records import Record
from pipeline.core.types import F64
from pipeline.core.values import DOUBTFUL, Motions, Poses
from pipeline.core.vocabulary import ANGLES, MEASURES
from stages.analyze import AnalyzeStage
from tests.unit.analyze.figures import BLAZEPOSE, SQUAT, STAND, Camera, Clip, Pose, body, hold, turned
from tests.unit.analyze.run import analyze

NAMES = [angle.name for angle in ANGLES]
ALONE = [i for i, name in enumerate(NAMES) if name not in ("trunk_flexion", "pelvis_tilt")]
LEVEL = Camera(height=1.0, pitch=0.0)


def angles_of(pose: Pose, **clip: object) -> dict[str, float]:
    done = analyze(Clip([hold((0.1, pose))], seconds=0.1, camera=LEVEL, **clip).records())  # type: ignore[arg-type]
    return dict(zip(NAMES, done.measures[-1].angles[0].tolist(), strict=True))


@given(thigh=st.floats(0, 110), shank=st.floats(-60, 0), trunk=st.floats(0, 40), heading=st.floats(0, 360))
def test_flexion_is_the_one_that_was_posed_from_wherever_it_is_seen(
    thigh: float, shank: float, trunk: float, heading: float
) -> None:
    angles = angles_of(Pose(trunk=trunk, thigh=thigh, shank=shank, heading=heading))

    assert angles["left_knee"] == pytest.approx(thigh - shank, abs=1.0)
    assert angles["right_knee"] == pytest.approx(thigh - shank, abs=1.0)
    # The shoulders are wider than the hips: a straight hip reads up to 10 degrees.
    assert angles["left_hip"] == pytest.approx(thigh + trunk, abs=11.0)


def test_a_knee_that_points_at_the_camera_needs_metres() -> None:
    facing = Pose(thigh=85, shank=-30, trunk=40, heading=0)

    assert angles_of(facing)["left_knee"] == pytest.approx(115, abs=2)
    assert angles_of(facing, metric=False)["left_knee"] < 40


def test_straight_is_zero_and_an_arm_up_in_line_with_the_trunk_too() -> None:
    angles = angles_of(Pose(arm=175))  # the figure's upper arm adds 5

    assert angles["left_knee"] == pytest.approx(0, abs=1)
    assert angles["left_shoulder"] == pytest.approx(0, abs=12)
    assert angles["left_elbow"] == pytest.approx(10, abs=1)


def test_angles_come_in_units_of_storage() -> None:
    done = analyze(Clip([hold((1.0, STAND), (1.0, SQUAT))], noise=0.01).records())

    angles = np.concatenate([m.angles for m in done.measures]).astype(np.float64)
    assert np.allclose(angles * 10, np.rint(angles * 10), atol=1e-3, equal_nan=True)


@pytest.mark.parametrize("metric", [True, False])
def test_an_unseen_keypoint_gives_no_angle(metric: bool) -> None:
    angles = angles_of(STAND, hide=("left_knee",), metric=metric)

    assert np.isnan([angles["left_knee"], angles["left_hip"]]).all()
    assert np.isfinite([angles["right_knee"], angles["right_hip"], angles["left_elbow"]]).all()


def test_a_doubtful_keypoint_gives_no_angle() -> None:
    record = next(Clip([hold((1.0, STAND))]).records())
    flags = record.value.flags.copy()
    flags[0, BLAZEPOSE.index["left_knee"]] = DOUBTFUL

    done = analyze([Record(record.stamp, Motions(record.value.poses, record.value.track_id, flags))])

    assert np.isnan(done.measures[0].angles[0, NAMES.index("left_knee")])


def test_a_bone_too_short_gives_no_angle() -> None:
    far_away = Camera(height=1.0, pitch=0.0, focal=60.0)  # a person of 20 pixels
    done = analyze(Clip([hold((0.1, STAND))], seconds=0.1, camera=far_away, metric=False).records())

    assert np.isnan(done.measures[0].angles).all()


def test_people_are_measured_alone_as_together() -> None:
    scripts = [hold((1.0, STAND), (1.0, SQUAT)), turned(hold((0.5, STAND), (0.5, SQUAT), (1.0, STAND)), 200)]
    together = analyze(Clip(scripts).records())
    alone = analyze(Clip(scripts[:1]).records())

    for both, one in zip(together.measures, alone.measures, strict=True):
        # What is measured against gravity shares what is learned of the camera's tilt, as most scalars do.
        assert np.array_equal(both.angles[:1, ALONE], one.angles[:, ALONE], equal_nan=True)
        assert both.scalars[0, 5] == one.scalars[0, 5]


def test_a_frame_without_people_gives_measures_of_nobody() -> None:
    done = analyze(Clip([hold((1.0, STAND))], away=((0, 0.0, 9.0),)).records())

    assert all(m.angles.shape == (0, len(ANGLES)) and m.scalars.shape == (0, len(MEASURES)) for m in done.measures)
    assert done.events == []


def test_an_unknown_skeleton_is_an_invalid_record_and_leaves_the_state() -> None:
    record = next(Clip([hold((1.0, STAND))]).records())
    old = record.value.poses
    poses = Poses("hands21", old.width, old.height, old.xyxy, old.score, old.keypoints, old.keypoint_score, old.world)
    stage = AnalyzeStage()
    state = stage.initial_state("ward")

    with pytest.raises(InvalidRecord, match="hands21"):
        stage.step(state, Record(record.stamp, Motions(poses, record.value.track_id, record.value.flags)))
    assert state == stage.initial_state("ward")


def test_figures_keep_their_proportions() -> None:
    def bone(points: F64, a: str, b: str) -> float:
        i, j = BLAZEPOSE.indices(a, b)
        return float(np.linalg.norm(points[i] - points[j]))

    standing, squatting = body(STAND), body(SQUAT)
    for a, b in (("left_hip", "left_knee"), ("left_knee", "left_ankle"), ("left_hip", "left_shoulder")):
        assert bone(standing, a, b) == pytest.approx(bone(squatting, a, b), rel=1e-6)
