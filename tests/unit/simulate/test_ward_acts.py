from __future__ import annotations

import numpy as np
import pytest

from pipeline.video.simulate import Simulation, parse_scene
from pipeline.video.simulate.kinematics import POINT
from pipeline.video.simulate.parameters import FALLS, LOOK_ALIKES
from tests.unit.simulate.test_motion import points_of

SMALL = "width=160&height=120&fps=15&seconds=60"


def simulate(url: str) -> Simulation:
    return Simulation(parse_scene(url))


def hips_of(clip: Simulation) -> np.ndarray:
    return points_of(clip)[:, 0, [POINT["left_hip"], POINT["right_hip"]], 2].mean(axis=1) / clip.actors[0].body.height_m


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("act", FALLS)
def test_falls_end_on_the_floor_when_truth_says(act: str, seed: int) -> None:
    clip = simulate(f"sim://ward?act={act}&seed={seed}&{SMALL}")
    hips = hips_of(clip)
    told = clip.annotations()[0].falls

    assert len(told) >= 2
    for fall in told:
        assert (fall.label, fall.direction) == (("slide", "down") if act == "slide" else ("fall", act[5:]))
        assert hips[round(fall.start_s * 15)] > 0.47
        assert hips[round(fall.impact_s * 15) + 1] < 0.12
        seconds = fall.impact_s - fall.start_s
        assert 2.4 < seconds < 5.1 if act == "slide" else 0.65 < seconds < 1.21
        if fall.end_s is not None:
            assert hips[min(round(fall.end_s * 15) + 1, len(hips) - 1)] > 0.45


@pytest.mark.parametrize("act", [*LOOK_ALIKES, "daily"])
def test_look_alikes_are_seen_and_are_no_falls(act: str) -> None:
    clip = simulate(f"sim://ward?act={act}&seed=2&{SMALL}")
    told = clip.annotations()[0]
    done = {action.activity for action in told.actions}

    assert told.falls == ()
    assert "walk" in done
    assert act in done or act == "daily"
    assert told.present[0].start_s < 5


# Heights of the hips, in body heights: standing 0.52, on a chair or kneeling some 0.3.
@pytest.mark.parametrize(
    ("act", "low", "high"), [("kneel", 0.26, 0.32), ("tie-shoes", 0.26, 0.48), ("bend", 0.42, 0.48), ("lie", 0.3, 0.42)]
)
def test_hips_are_as_high_as_the_act_asks(act: str, low: float, high: float) -> None:
    clip = simulate(f"sim://ward?act={act}&seed=4&{SMALL}")
    doing = [a == act for k in range(clip.spec.frames) for a in [clip.actors[0].script.activity(clip.spec.time_s(k))]]

    assert low < hips_of(clip)[doing].min() < high


@pytest.mark.parametrize("seed", range(4))
def test_acts_of_all_kinds_keep_people_on_the_floor_without_jumps(seed: int) -> None:
    clip = simulate(f"sim://ward?act=random&seed={seed}&{SMALL}".replace("seconds=60", "seconds=120"))
    points = points_of(clip)[:, 0, :33]

    assert points[..., 2].min() > -0.06
    step = np.linalg.norm(np.diff(points, axis=0), axis=-1)
    # The tip of a rod of 1.9 m that topples comes down at 7.5 m/s; hands are thrown forward on top of that.
    assert step[:, :13].max() < 8.0 / 15
    assert step.max() < 10.5 / 15
    assert {"slide", "fall"} & {fall.label for fall in clip.annotations()[0].falls}


def test_hands_tie_the_shoe() -> None:
    clip = simulate(f"sim://ward?act=tie-shoes&seed=3&{SMALL}")
    points = points_of(clip)[:, 0]
    middle = next(a for a in clip.annotations()[0].actions if a.activity == "tie-shoes")
    at = points[round((middle.start_s + middle.end_s) / 2 * 15)]
    hands = at[[POINT["left_fingers"], POINT["right_fingers"]]].mean(axis=0)
    feet = at[[POINT["left_ankle"], POINT["right_ankle"]]]

    assert np.linalg.norm(feet - hands, axis=1).min() < 0.3
