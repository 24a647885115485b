from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F64
from pipeline.video.simulate import Simulation, parse_scene
from pipeline.video.simulate.kinematics import POINT
from pipeline.video.simulate.parameters import EXERCISES
from tests.unit.simulate.test_motion import points_of

SKELETON = SKELETONS["blazepose33"]
SMALL = "people=1&width=160&height=120&fps=15&seconds=40"


def simulate(url: str) -> Simulation:
    return Simulation(parse_scene(url))


def flexion(points: F64, a: str, b: str, c: str, side: str) -> F64:
    """(T,) degrees at b, 0 = straight."""
    p, q, r = (points[:, POINT[f"{side}_{name}"]] for name in (a, b, c))
    u, v = p - q, r - q
    cosine = np.sum(u * v, axis=1) / np.linalg.norm(u, axis=1) / np.linalg.norm(v, axis=1)
    return np.asarray(180 - np.rad2deg(np.arccos(np.clip(cosine, -1, 1))))


# The joint that tells each exercise, and its flexion at both ends, degrees: what a trainer would ask for.
ENDS = {
    "squat": ("hip", "knee", "ankle", (0, 25), (85, 140)),
    "curl": ("shoulder", "elbow", "wrist", (0, 25), (120, 145)),
    "press": ("hip", "shoulder", "elbow", (90, 160), (0, 30)),
    "lunge": ("hip", "knee", "ankle", (0, 20), (75, 115)),
    "push-up": ("shoulder", "elbow", "wrist", (0, 25), (90, 145)),
    "jumping-jack": ("hip", "shoulder", "elbow", (150, 180), (0, 35)),
    "deadlift": ("shoulder", "hip", "knee", (0, 20), (75, 130)),
    "sit-up": ("shoulder", "hip", "knee", (30, 70), (105, 150)),
}


@pytest.mark.parametrize("exercise", EXERCISES)
def test_repetitions_go_from_end_to_end_when_truth_says(exercise: str) -> None:
    clip = simulate(f"sim://gym?exercise={exercise}&seed=1&{SMALL}")
    points = points_of(clip)[:, 0]
    a, b, c, rest, effort = ENDS[exercise]
    repetitions = clip.annotations()[0].repetitions

    assert len(repetitions) >= 5
    for repetition in repetitions:
        side = repetition.side if repetition.side != "both" else "left"
        angle = flexion(points, a, b, c, side)
        start, deepest, end = (
            angle[round(t * 15)] for t in (repetition.start_s, repetition.deepest_s, repetition.end_s)
        )
        assert repetition.exercise == exercise
        assert rest[0] <= start <= rest[1]
        assert rest[0] <= end <= rest[1]
        assert effort[0] <= deepest <= effort[1]
        assert 0.83 <= repetition.depth <= 1.08
        within = angle[round(repetition.start_s * 15) : round(repetition.end_s * 15) + 1]
        farthest = within[np.argmax(np.abs(within - start))]
        # Movements rest at the effort: to the next picture the angle changes by half a degree, in 0.3 s by 4.
        assert abs(deepest - farthest) < 1.5


@pytest.mark.parametrize("exercise", EXERCISES)
def test_half_repetitions_are_told_apart_and_do_not_reach_the_effort(exercise: str) -> None:
    clip = simulate(f"sim://gym?exercise={exercise}&half=2&seed=2&{SMALL}&seconds=60".replace("&seconds=40", ""))
    points = points_of(clip)[:, 0]
    a, b, c, _rest, effort = ENDS[exercise]
    told = clip.annotations()[0]

    assert len(told.halves) >= 2
    assert len(told.repetitions) >= 5
    for half in told.halves:
        angle = flexion(points, a, b, c, half.side if half.side != "both" else "left")[round(half.deepest_s * 15)]
        assert half.depth <= 0.5
        assert not effort[0] <= angle <= effort[1]


@pytest.mark.parametrize("exercise", EXERCISES)
def test_nobody_sinks_into_the_floor_or_jumps_between_frames(exercise: str) -> None:
    clip = simulate(f"sim://gym?exercise={exercise}&seed=3&{SMALL}")
    points = points_of(clip)[:, 0, : len(SKELETON)]
    joints = SKELETON.indices(*(f"{s}_{n}" for s in ("left", "right") for n in ("elbow", "wrist", "knee", "ankle")))

    assert points[..., 2].min() > -0.06
    # In a jumping jack a hand swings 164 degrees on 0.6 m of arm in 0.4 s, at most at 1.9 times the mean speed.
    assert np.linalg.norm(np.diff(points[:, joints], axis=0), axis=-1).max() < 0.55


def test_hands_and_toes_of_push_ups_stay_where_they_are() -> None:
    clip = simulate(f"sim://gym?exercise=push-up&seed=1&{SMALL}")
    points = points_of(clip)[:, 0]
    first, last = clip.annotations()[0].repetitions[0], clip.annotations()[0].repetitions[-1]
    planted = [POINT[name] for name in ("left_wrist", "right_wrist", "left_foot_index", "right_foot_index")]
    inside = points[round(first.start_s * 15) : round(min(first.start_s + 8, last.end_s) * 15), planted]

    assert np.ptp(inside, axis=0).max() < 0.03


def test_phases_are_those_of_the_repetitions() -> None:
    clip = simulate(f"sim://gym?exercise=curl&seed=1&{SMALL}")
    for repetition in clip.annotations()[0].repetitions[:4]:
        middle = {
            "out": (repetition.start_s + repetition.deepest_s) / 2,
            "back": (repetition.deepest_s + 0.9 * (repetition.end_s - repetition.deepest_s)),
        }
        for phase, at in middle.items():
            assert clip.truth(round(at * 15)).phase == (phase,)
    assert clip.truth(0).phase == ("",)
    spoken = {action.phase for action in clip.annotations()[0].actions}
    assert {"out", "back", ""} <= spoken


def test_mixed_gives_neighbours_different_exercises() -> None:
    clip = simulate("sim://gym?exercise=mixed&people=8&seed=1&fps=5&width=160&height=120")

    done = [{r.exercise for r in told.repetitions} for told in clip.annotations()]

    assert all(len(own) == 1 for own in done)
    assert set.union(*done) == set(EXERCISES)


def test_walking_up_and_trying_the_position_is_no_repetition() -> None:
    clip = simulate(f"sim://gym?exercise=press&seed=1&{SMALL}")
    told = clip.annotations()[0]
    before = [a.activity for a in told.actions if a.end_s <= told.repetitions[0].start_s]

    assert "walk" in before
    assert "ready" in before
    assert told.repetitions[0].start_s > 4
