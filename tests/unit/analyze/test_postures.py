from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.analyze.figures import (
    BEND,
    FALLEN,
    KNEEL,
    ON_BED,
    SIT,
    SQUAT,
    STAND,
    TIE_SHOES,
    Camera,
    Clip,
    Pose,
    hold,
    stamp_at,
    turned,
)
from tests.unit.analyze.run import analyze, seconds

LEGS = tuple(f"{side}_{name}" for side in ("left", "right") for name in ("knee", "ankle", "heel", "foot_index"))
HIGH = Camera(height=2.5, pitch=25)


@pytest.mark.parametrize(("heading", "camera"), [(0, Camera()), (0, HIGH), (60, HIGH), (200, Camera())])
@pytest.mark.parametrize(
    ("pose", "posture"),
    [
        (STAND, "stand"),
        (SIT, "sit"),
        (SQUAT, "crouch"),
        (TIE_SHOES, "crouch"),
        (BEND, "bend"),
        (KNEEL, "kneel"),
        (ON_BED, "lie"),
        (FALLEN, "lie"),
        (replace(FALLEN, towards=90), "lie"),
        (replace(FALLEN, towards=180), "lie"),
    ],
)
def test_postures(pose: Pose, posture: str, heading: float, camera: Camera) -> None:
    script = turned(hold((2.0, STAND), (2.0, pose), (1.2, pose)), heading)

    done = analyze(Clip([script], fps=8, noise=0.008, camera=camera).records())

    assert done.last_posture() == posture


def walk(speed_m_s: float, seconds_: float = 3.0) -> list[object]:
    half = speed_m_s * seconds_ / 2
    start, end = replace(STAND, x=-half, heading=90), replace(STAND, x=half, heading=90)
    return list(hold((0.1, start), (seconds_, end, "even")))


@pytest.mark.parametrize(("speed", "posture"), [(1.2, "walk"), (2.6, "run"), (0.1, "stand")])
def test_speed_tells_stand_walk_and_run(speed: float, posture: str) -> None:
    done = analyze(Clip([walk(speed)], noise=0.005, seconds=3.0, camera=Camera(focal=600)).records())  # type: ignore[list-item]

    assert done.last_posture() == posture


def test_a_posture_is_told_once_when_it_holds() -> None:
    script = hold((2.0, STAND), (1.0, SIT), (3.0, SIT), (1.0, STAND), (1.0, STAND))

    done = analyze(Clip([script], noise=0.005).records())

    assert done.labels("posture") == ["stand", "sit", "stand"]
    sit = done.of("posture", "sit")
    assert 2.0 < seconds(sit.at_us) < 3.1


def test_a_short_stoop_is_no_posture() -> None:
    script = hold((2.0, STAND), (0.3, BEND), (0.3, STAND), (1.0, STAND))

    assert analyze(Clip([script]).records()).labels("posture") == ["stand"]


@pytest.mark.parametrize("metric", [True, False])
def test_without_a_lower_body_there_is_no_verdict(metric: bool) -> None:
    script = hold((2.0, STAND), (0.8, FALLEN, "fall"), (4.0, FALLEN))

    done = analyze(Clip([script], hide=LEGS, metric=metric).records())

    assert {int(m.posture[0]) for m in done.measures} == {0}
    assert {event.kind for event in done.events} == {"enter"}
    assert np.isnan(done.measures[-1].scalars[0, 1])


def test_a_lower_body_hidden_for_a_moment_changes_nothing() -> None:
    clip = Clip([hold((4.0, STAND))])
    hidden = replace(clip, hide=LEGS)
    records = [
        h if 2.0 <= r.stamp.captured_at_us / 1e6 - stamp_at(0).captured_at_us / 1e6 < 2.3 else r
        for r, h in zip(clip.records(), hidden.records(), strict=True)
    ]

    assert analyze(records).labels("posture") == ["stand"]


@pytest.mark.parametrize("metric", [True, False])
@pytest.mark.parametrize("heading", [0, 90])
def test_body_height_is_kept_while_not_upright(heading: float, metric: bool) -> None:
    script = turned(hold((2.0, STAND), (1.0, SQUAT), (3.0, SQUAT)), heading)

    done = analyze(Clip([script], noise=0.005, metric=metric, camera=Camera(pitch=0)).records())

    standing, squatting = done.measures[20].scalars[0, 5], done.measures[-1].scalars[0, 5]
    assert squatting == pytest.approx(standing, rel=0.08)


def test_body_height_follows_a_person_who_walks_away() -> None:
    script = hold((1.0, replace(STAND, z=3.0, heading=180)), (4.0, replace(STAND, z=7.0, heading=180)))

    done = analyze(Clip([script], seconds=7.0).records())

    assert done.measures[-1].scalars[0, 5] == pytest.approx(done.measures[10].scalars[0, 5] * 3 / 7, rel=0.08)


def test_the_cameras_tilt_is_learned_from_people_who_stand() -> None:
    done = analyze(Clip([hold((8.0, STAND))], noise=0.005, camera=HIGH).records())

    assert done.measures[0].scalars[0, 0] > 15
    assert done.measures[-1].scalars[0, 0] < 5


SLUMP = Pose(trunk=30, thigh=88, arm=30)
LEAN_BACK = Pose(trunk=-25, thigh=85, shank=20)
HALF_KNEEL = Pose(trunk=5, thigh=88, thigh_right=0, shank_right=-88)


@pytest.mark.parametrize("heading", [0, 45, 90, 180])
@pytest.mark.parametrize(
    ("pose", "posture"),
    [
        (STAND, "stand"),
        (SIT, "sit"),
        (LEAN_BACK, "sit"),
        (SQUAT, "crouch"),
        (BEND, "bend"),
        (HALF_KNEEL, "kneel"),
        (FALLEN, "lie"),
    ],
)
def test_postures_are_told_from_front_side_back_and_between_with_1_percent_noise(
    pose: Pose, posture: str, heading: float
) -> None:
    script = turned(hold((2.0, STAND), (1.5, pose), (1.2, pose)), heading)

    assert analyze(Clip([script], fps=10, noise=0.01).records()).last_posture() == posture


@pytest.mark.parametrize("seed", range(6))
def test_who_is_at_the_border_of_two_postures_is_in_one_of_them(seed: int) -> None:
    """Slumped on a chair, the trunk is nearly over the feet: sit or crouch, but not still standing."""
    script = turned(hold((2.0, STAND), (1.5, SLUMP), (2.0, SLUMP)), 45 * seed)

    assert analyze(Clip([script], fps=10, noise=0.01, seed=seed).records()).last_posture() in ("sit", "crouch")
