from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.types import F64
from pipeline.video.simulate import Simulation, parse_scene
from pipeline.video.simulate.body import draw_body
from pipeline.video.simulate.kinematics import POINT, figures
from pipeline.video.simulate.posture import FIELDS, INDEX, mirrored, placed
from pipeline.video.simulate.script import Drop, Movement, minimum_jerk

SEGMENTS = {
    ("hip", "knee"): "thigh_m",
    ("knee", "ankle"): "shank_m",
    ("shoulder", "elbow"): "upper_arm_m",
    ("elbow", "wrist"): "forearm_m",
}
postures = st.lists(st.floats(-3, 3), min_size=len(FIELDS), max_size=len(FIELDS)).map(np.array)


def points_of(clip: Simulation) -> F64:
    """(T, N, M, 3) all points of all people over the clip."""
    times = [clip.spec.time_s(k) for k in range(clip.spec.frames)]
    postures = np.stack([actor.script.posture(t) for t in times for actor in clip.actors])
    points = figures(postures, np.stack([actor.body.lengths for _ in times for actor in clip.actors])).points
    return points.reshape(len(times), len(clip.actors), *points.shape[1:])


def activities_of(clip: Simulation, person: int) -> list[str]:
    script = clip.actors[person].script
    return [script.activity(clip.spec.time_s(k)) for k in range(clip.spec.frames)]


@settings(max_examples=25)
@given(posture=postures)
def test_segments_keep_their_lengths_in_any_posture(posture: F64) -> None:
    body = draw_body(np.random.default_rng(3))
    points = figures(posture[None], body.lengths[None]).points[0]

    for (upper, lower), name in SEGMENTS.items():
        for side in ("left", "right"):
            reach = points[POINT[f"{side}_{upper}"]] - points[POINT[f"{side}_{lower}"]]
            assert np.linalg.norm(reach) == pytest.approx(getattr(body, name), rel=1e-3)
    assert np.all(np.isfinite(points))


@settings(max_examples=25)
@given(posture=postures)
def test_mirroring_twice_is_nothing(posture: F64) -> None:
    assert np.array_equal(mirrored(mirrored(posture)), posture)


@settings(max_examples=25)
@given(posture=postures)
def test_a_mirrored_posture_has_mirrored_points(posture: F64) -> None:
    lengths = draw_body(np.random.default_rng(1)).lengths[None]
    own = figures(posture[None], lengths).points[0]
    other = figures(mirrored(posture)[None], lengths).points[0]

    for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel"):
        expected = own[POINT[f"left_{name}"]] * (1, -1, 1)
        assert np.allclose(other[POINT[f"right_{name}"]], expected, atol=1e-6)


@settings(max_examples=25)
@given(posture=postures, heading=st.floats(-4, 4), x=st.floats(-5, 5))
def test_placing_moves_and_turns_the_whole_body(posture: F64, heading: float, x: float) -> None:
    lengths = draw_body(np.random.default_rng(1)).lengths[None]
    own = figures(posture[None], lengths).points[0]
    there = figures(placed(posture, 1.0, (x, 2.0), heading)[None], lengths).points[0]
    c, s = np.cos(heading), np.sin(heading)

    assert np.allclose(there, own @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) + (x, 2.0, 0), atol=1e-6)


@given(share=st.floats(0, 1), later=st.floats(0, 1))
def test_minimum_jerk_goes_from_0_to_1_without_turning_back(share: float, later: float) -> None:
    assert 0 <= minimum_jerk(share) <= 1
    assert minimum_jerk(min(share, later)) <= minimum_jerk(max(share, later)) + 1e-12


@settings(max_examples=30)
@given(values=st.lists(st.floats(-2, 2), min_size=3, max_size=6))
def test_a_movement_passes_its_keys_without_a_jump(values: list[float]) -> None:
    times = np.arange(len(values), dtype=np.float64)
    movement = Movement("test", times, np.array(values)[:, None])
    path = np.array([movement.posture(t)[0] for t in np.linspace(0, times[-1], 400)])

    assert np.allclose([movement.posture(float(t))[0] for t in times], values)
    assert np.abs(np.diff(path)).max() <= 4 * 2.0 * times[-1] / 399 + 1e-9


def test_a_drop_speeds_up_until_the_floor() -> None:
    drop = Drop("fall", 1.0, 2.0, np.array([0.0, 0.4, 1.0]), np.array([[1.0], [0.7], [0.0]]))
    heights = np.array([drop.posture(t)[0] for t in np.linspace(1, 2, 60)])
    speed = -np.diff(heights)

    assert (heights[0], heights[-1]) == (1.0, 0.0)
    assert speed[0] < 0.1 * speed[-1]
    assert speed[-1] > 0.8 * speed.max()


@pytest.mark.parametrize("url", ["sim://gym?people=3&seed=7&fps=10", "sim://ward?seed=1&fps=10&people=2"])
def test_feet_stand_on_the_floor_and_do_not_slide(url: str) -> None:
    clip = Simulation(parse_scene(url))
    points = points_of(clip)
    toes = [POINT["left_foot_index"], POINT["right_foot_index"]]
    soles = [*toes, POINT["left_heel"], POINT["right_heel"]]
    speed = np.linalg.norm(np.diff(points[:, :, toes], axis=0), axis=-1).min(axis=-1) * clip.spec.fps
    for person in range(clip.spec.people):
        upright = np.isin(activities_of(clip, person), ["stand", "walk", "turn", "squat", "sit", "rest"])
        lowest = points[upright][:, person, soles, 2].min(axis=1)
        assert np.all(np.abs(lowest) < 0.03)
        assert np.quantile(speed[upright[:-1], person], 0.95) < 0.45


@pytest.mark.parametrize("seed", [0, 4, 7, 10])
def test_no_one_sinks_into_the_floor_and_hips_land_no_faster_than_in_free_fall(seed: int) -> None:
    clip = Simulation(parse_scene(f"sim://ward?seed={seed}&fps=30&seconds=40"))
    points = points_of(clip)[:, 0]
    fall = clip.actors[0].script.falls[0]
    hips = points[:, [POINT["left_hip"], POINT["right_hip"]], 2].mean(axis=1)
    impact = round(fall.impact_s * 30)
    speed = -np.diff(hips)[impact - 4 : impact - 1].mean() * 30

    assert points[..., 2].min() > -0.06
    # Free fall from the height of the hips ends at 4.3 m/s; a person who sits down slowly stays under 1 m/s.
    assert 1.5 < speed < 4.3


def test_gaze_and_trunk_never_rest() -> None:
    clip = Simulation(parse_scene("sim://gym?people=1&seed=2&fps=15&seconds=10"))
    nose = points_of(clip)[:, 0, POINT["nose"]]

    assert np.all(np.linalg.norm(nose[15:] - nose[:-15], axis=1) > 1e-5)
    assert INDEX["sway"] == FIELDS.index("sway")
