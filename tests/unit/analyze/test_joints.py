from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from pipeline.core.records import Record
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F64
from pipeline.core.values import Motions, Poses, Tracks
from pipeline.core.vocabulary import ANGLES, FLEXIONS
from stages.analyze.body import measure_bodies, stand
from stages.analyze.joints import joint_angles
from stages.analyze.kinematics import measure_joints
from stages.analyze.layout import FEET, POINTS, layout_of
from stages.analyze.middles import middles_of
from stages.analyze.options import AnalyzeOptions
from stages.smooth import SmoothStage
from tests.unit.analyze.figures import BLAZEPOSE, Clip, Pose, hold, turned
from tests.unit.analyze.jointed import NAMES, jointed, knee_between, leaned, tracks_of
from tests.unit.analyze.run import analyze

TOLD = [angle.name for angle in ANGLES[len(FLEXIONS) :]]
INDEX = BLAZEPOSE.indices(*POINTS, *(name.replace("toe", "foot_index") for name in FEET))
UP = np.array([0.0, 1.0, 0.0])
MIRRORED = {"trunk_lateral", "thorax_rotation", "pelvis_tilt"}

Motion = Callable[[float], Mapping[str, float]]


def measured(body: F64, up: F64 = UP) -> dict[str, float]:
    points = np.ascontiguousarray(body[INDEX][:, None, :])
    degrees = joint_angles(points, middles_of(points), up, 0.05)[:, 0]
    return dict(zip(TOLD, degrees.tolist(), strict=True))


def limbs(side: str) -> dict[str, st.SearchStrategy[float]]:
    ranges = {
        "ankle": (-50, 35),
        "shoulder_flexion": (-55, 55),
        "shoulder_abduction": (-30, 55),
        "hip_flexion": (-30, 130),
        "hip_abduction": (-30, 50),
        "knee": (0, 130),
        "knee_valgus": (-25, 25),
    }
    return {f"{side}_{name}": st.floats(low, high) for name, (low, high) in ranges.items()}


POSED = st.fixed_dictionaries(
    {
        **limbs("left"),
        **limbs("right"),
        "thorax_rotation": st.floats(-60, 60),
        "neck_flexion": st.floats(-60, 60),
        "trunk_flexion": st.floats(-95, 150),
        "pelvis_tilt": st.floats(-45, 45),
    }
)


@given(angles=POSED, seed=st.integers(0, 2**31))
def test_angles_are_those_that_were_posed_however_the_camera_is_turned(angles: dict[str, float], seed: int) -> None:
    body = leaned(jointed(angles), angles["trunk_flexion"], angles["pelvis_tilt"])
    camera = Rotation.random(random_state=seed).as_matrix()

    found = measured(body @ camera.T, camera @ UP)

    assert found == pytest.approx({name: angles.get(name, 0.0) for name in TOLD}, abs=1e-6)


@pytest.mark.parametrize("degrees", [-30.0, 25.0])
def test_bending_sideways_is_seen_in_the_trunk_and_about_the_hips(degrees: float) -> None:
    found = measured(jointed({"trunk_lateral": degrees}))

    assert found["trunk_lateral"] == pytest.approx(degrees)
    assert found["right_hip_abduction"] == pytest.approx(degrees)
    assert found["left_hip_abduction"] == pytest.approx(-degrees)
    assert found["thorax_rotation"] == pytest.approx(0)


@given(angles=POSED)
def test_a_mirrored_body_has_its_sides_exchanged(angles: dict[str, float]) -> None:
    body = leaned(jointed(angles), angles["trunk_flexion"], angles["pelvis_tilt"])
    mirrored = body[BLAZEPOSE.mirrored] * np.array([1.0, 1.0, -1.0])

    left, right = measured(body), measured(mirrored)

    for name, value in left.items():
        other = name.replace("left", "!").replace("right", "left").replace("!", "right")
        assert right[other] == pytest.approx(-value if name in MIRRORED else value, abs=1e-6)


@pytest.mark.parametrize(
    ("angles", "grows"),
    [
        ({"left_ankle": 20.0}, "left_ankle"),
        ({"right_shoulder_flexion": 30.0}, "right_shoulder_flexion"),
        ({"left_shoulder_abduction": 40.0}, "left_shoulder_abduction"),
        ({"right_hip_flexion": 90.0, "right_knee": 90.0}, "right_hip_flexion"),
        ({"left_hip_abduction": 30.0}, "left_hip_abduction"),
        ({"right_knee_valgus": 15.0}, "right_knee_valgus"),
    ],
)
def test_each_angle_moves_alone(angles: dict[str, float], grows: str) -> None:
    found = measured(jointed(angles))

    assert found.pop(grows) == pytest.approx(angles[grows])
    assert found == pytest.approx(dict.fromkeys(found, 0.0), abs=1e-6)


def test_the_knee_that_falls_in_is_valgus_also_in_a_deep_squat() -> None:
    squat = {"left_hip_flexion": 110.0, "left_knee": 115.0}
    body = jointed(squat)
    knee = BLAZEPOSE.index["left_knee"]
    body[knee] += (0.0, 0.0, 0.05)  # left is -z, so this is inward

    assert measured(body)["left_knee_valgus"] > 10
    assert measured(jointed(squat))["left_knee_valgus"] == pytest.approx(0, abs=1e-6)


def test_a_limb_along_the_axis_that_it_turns_about_has_no_angle_there() -> None:
    sideways, ahead = jointed({}), jointed({})
    shoulder, elbow = BLAZEPOSE.indices("right_shoulder", "right_elbow")
    sideways[elbow] = sideways[shoulder] + (0.02, 0.0, 0.3)
    ahead[elbow] = ahead[shoulder] + (0.3, 0.0, 0.02)

    assert np.isnan(measured(sideways)["right_shoulder_flexion"])
    assert measured(sideways)["right_shoulder_abduction"] == pytest.approx(90)
    assert np.isnan(measured(ahead)["right_shoulder_abduction"])
    assert measured(ahead)["right_shoulder_flexion"] == pytest.approx(90)


def test_who_lies_on_the_side_has_no_trunk_flexion_and_on_the_back_has_minus_90() -> None:
    on_side = leaned(jointed({}), 0.0, 90.0)
    on_back = leaned(jointed({}), -90.0)

    assert np.isnan(measured(on_side)["trunk_flexion"])
    assert measured(on_side)["pelvis_tilt"] == pytest.approx(90)
    assert measured(on_back)["trunk_flexion"] == pytest.approx(-90)


def test_an_arm_that_goes_all_the_way_round_never_jumps() -> None:
    shoulder, elbow = BLAZEPOSE.indices("left_shoulder", "left_elbow")
    told = []
    for degrees in range(0, 1080, 5):
        body, a = jointed({}), np.radians(degrees)
        body[elbow] = body[shoulder] + 0.3 * np.array([np.sin(a), -np.cos(a), -0.1])
        told.append(measured(body)["left_shoulder_flexion"])

    steps = np.abs(np.diff(told))
    assert np.nanmax(steps) == pytest.approx(5)
    assert np.isnan(told).mean() == pytest.approx(1 / 6, abs=0.02)  # the 60 degrees that no shoulder reaches


@pytest.mark.parametrize("hidden", ["left_shoulder", "right_hip"])
def test_without_a_shoulder_or_hip_its_frame_is_unknown(hidden: str) -> None:
    body = jointed({})
    body[BLAZEPOSE.index[hidden]] = np.nan

    found = measured(body)

    assert np.isnan([found["thorax_rotation"], found["trunk_lateral"], found["left_hip_flexion"]]).all()
    assert np.isfinite([found["left_ankle"], found["right_ankle"]]).all()


def test_one_ear_is_enough_for_the_neck() -> None:
    body = jointed({"neck_flexion": 30.0})
    body[BLAZEPOSE.index["left_ear"]] = np.nan

    assert measured(body)["neck_flexion"] == pytest.approx(30)


def test_a_skeleton_without_feet_has_all_but_the_ankles() -> None:
    points = np.ascontiguousarray(jointed({})[INDEX[: len(POINTS)]][:, None, :])
    degrees = joint_angles(points, middles_of(points), UP, 0.05)[:, 0]

    assert [name for name, value in zip(TOLD, degrees, strict=True) if np.isnan(value)] == ["left_ankle", "right_ankle"]


@pytest.mark.parametrize("skeleton", ["halpe26", "body25", "coco133"])
def test_big_toes_will_do(skeleton: str) -> None:
    assert len(layout_of(skeleton).points) == len(POINTS) + len(FEET)
    assert "left_big_toe" in [SKELETONS[skeleton].keypoints[i] for i in layout_of(skeleton).points]
    assert len(layout_of("coco17").points) == len(POINTS)


def on_picture(pose: Pose, heading: float) -> dict[str, float]:
    record = next(Clip([turned(hold((1.0, pose)), heading)], metric=False).records())
    bodies = measure_bodies([record.value], layout_of("blazepose33"), AnalyzeOptions())
    standing = stand(bodies, np.array([[0.0, -1.0, 0.0]]))
    angles, _ = measure_joints(bodies, standing, (1280, 720), AnalyzeOptions())
    return dict(zip(TOLD, angles[0].tolist(), strict=True))


def test_a_picture_alone_shows_the_ankles_from_the_side_and_nothing_else() -> None:
    pose = Pose(thigh=20, shank=-20)
    from_side, from_front = on_picture(pose, 90), on_picture(pose, 0)

    # The figure's sole is tilted by 3 degrees.
    assert from_side["left_ankle"] == pytest.approx(-3, abs=2)
    assert np.isnan([value for name, value in from_side.items() if "ankle" not in name]).all()
    assert np.isnan(list(from_front.values())).all()


HELD = {
    "left_hip_flexion": 60.0,
    "right_hip_flexion": 20.0,
    "left_hip_abduction": 10.0,
    "right_hip_abduction": 15.0,
    "left_knee": 50.0,
    "right_knee": 30.0,
    "left_ankle": 10.0,
    "right_ankle": -15.0,
    "left_shoulder_flexion": 45.0,
    "right_shoulder_flexion": -20.0,
    "left_elbow": 60.0,
    "right_elbow": 90.0,
    "left_shoulder_abduction": 30.0,
    "right_shoulder_abduction": 40.0,
    "thorax_rotation": 20.0,
    "neck_flexion": 15.0,
    "trunk_flexion": 20.0,
}


def at_1_hz(t_s: float) -> dict[str, float]:
    """Left and right take turns, once a second."""
    u = 0.5 - 0.5 * np.cos(2 * np.pi * t_s)
    found = {"thorax_rotation": -20 + 40 * u, "neck_flexion": 40 * u, "trunk_flexion": 30 * u}
    for side, v in (("left", u), ("right", 1 - u)):
        found |= {f"{side}_hip_flexion": 60 * v, f"{side}_hip_abduction": 20 * v, f"{side}_knee": 80 * v}
        found |= {f"{side}_ankle": -20 + 40 * v, f"{side}_elbow": 90 * v}
        found |= {f"{side}_shoulder_flexion": -20 + 70 * v, f"{side}_shoulder_abduction": 50 * v}
    return found


# The flexions of shoulders and hips are of no one plane: their truth is in test_angles.
COMPARED = [name for name in NAMES if not name.endswith(("left_shoulder", "right_shoulder", "left_hip", "right_hip"))]


def unsmoothed(records: list[Record[Tracks]]) -> list[Record[Motions]]:
    flags = np.zeros((1, len(BLAZEPOSE)), np.uint8)
    return [Record(each.stamp, Motions(each.value.poses, each.value.track_id, flags)) for each in records]


def smoothed(records: list[Record[Tracks]]) -> list[Record[Motions]]:
    stage = SmoothStage()
    state, found = stage.initial_state("ward"), []
    for record in records:
        state, (motions,) = stage.step(state, record)
        found.append(Record(record.stamp, motions))
    return found


def noisy(records: list[Record[Tracks]], seed: int) -> list[Record[Tracks]]:
    """White noise of 0.5 % of the body height on all coordinates."""
    random, found = np.random.default_rng(seed), []
    for record in records:
        p = record.value.poses
        keypoints = p.keypoints + random.normal(0, 0.5e-2 * 320, p.keypoints.shape).astype(np.float32)
        world = p.world + random.normal(0, 0.5e-2 * 1.6, p.world.shape).astype(np.float32)
        poses = Poses(p.skeleton, p.width, p.height, p.xyxy, p.score, keypoints, p.keypoint_score, world)
        found.append(Record(record.stamp, Tracks(poses, record.value.track_id)))
    return found


def errors(records: list[Record[Motions]], motion: Motion, fps: float, lag_s: float = 0.0) -> F64:
    """(T, A) measured less true, after a second in which filters settle."""
    told = np.array([m.angles[0] for m in analyze(records).measures], np.float64)
    true = np.array([true_angles(motion(k / fps - lag_s)) for k in range(len(told))])
    return (told - true)[round(fps) :, [NAMES.index(name) for name in COMPARED]]


def true_angles(angles: Mapping[str, float]) -> list[float]:
    knees = {f"{side}_knee": knee_between(angles, side) for side in ("left", "right")}
    return [{**angles, **knees}.get(name, 0.0) for name in NAMES]


def rmse(difference: F64) -> F64:
    root: F64 = np.sqrt(np.mean(difference**2, axis=0))
    return root


@pytest.mark.parametrize("fps", [30, 15])
@pytest.mark.parametrize("heading", [0, 60, 90, 200])
def test_exact_keypoints_give_exact_angles_held_and_at_1_hz(fps: float, heading: float) -> None:
    for motion in (lambda t: HELD, at_1_hz):
        found = errors(unsmoothed(tracks_of(motion, fps, 2.5, heading=heading)), motion, fps)

        assert rmse(found).max() < 0.5  # keypoints come in millimetres


@pytest.mark.parametrize("fps", [30, 15])
def test_held_angles_are_within_2_degrees_through_noise_and_smoothing(fps: float) -> None:
    for seed, heading in enumerate((0, 60, 90)):
        found = errors(smoothed(noisy(tracks_of(lambda t: HELD, fps, 4, heading=heading), seed)), lambda t: HELD, fps)

        assert rmse(found).max() < 2.0
        assert np.abs(np.diff(found, axis=0)).max() < 5.0


@pytest.mark.parametrize(("fps", "most"), [(30, 6.0), (15, 8.0)])
def test_smoothing_makes_angles_at_1_hz_late_and_never_lets_them_jump(fps: float, most: float) -> None:
    records = smoothed(noisy(tracks_of(at_1_hz, fps, 4), 1))

    late = [errors(records, at_1_hz, fps, lag_s) for lag_s in np.arange(0.0, 0.1, 0.005)]

    best = np.min([rmse(each) for each in late], axis=0)
    assert best.max() < most
    assert np.median(best) < 4.0
    assert np.abs(np.diff(late[0], axis=0)).max() < 20.0
