from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.types import Bool
from pipeline.video.simulate import Simulation, parse_scene
from pipeline.video.simulate.kinematics import POINT
from tests.unit.simulate.test_motion import points_of

SMALL = "width=320&height=240&fps=10"


def simulate(url: str) -> Simulation:
    return Simulation(parse_scene(url))


def visibility(clip: Simulation, person: int) -> tuple[Bool, np.ndarray]:
    """(T,) whether the person is in the picture, and the share of keypoints that are visible."""
    inside, share = np.zeros(clip.spec.frames, np.bool_), np.zeros(clip.spec.frames)
    for k in range(clip.spec.frames):
        truth = clip.truth(k)
        for row in np.flatnonzero(truth.person == person):
            x, y = truth.keypoints[row].T
            inside[k] = bool(np.all((x >= 0) & (x < 320) & (y >= 0) & (y < 240)))
            share[k] = truth.visible[row].mean()
    return inside, share


@pytest.mark.parametrize("seed", range(4))
def test_the_pair_meets_in_the_picture_and_is_hidden_for_some_two_seconds(seed: int) -> None:
    clip = simulate(f"sim://street?people=2&seed={seed}&seconds=40&{SMALL}")
    x = points_of(clip)[:, :, POINT["crotch"], 0]
    crossings = np.flatnonzero(np.diff(np.sign(x[:, 0] - x[:, 1])))

    assert len(crossings) >= 2
    for k in crossings:
        assert np.abs(x[k]).max() < 2.5
    longest = 0
    for person in (0, 1):
        inside, share = visibility(clip, person)
        run = 0
        for hidden in inside & (share < 0.2):
            run = run + 1 if hidden else 0
            longest = max(longest, run)
    assert 1.2 <= longest / 10 <= 3.5


def test_people_run_and_walk_at_human_speeds() -> None:
    clip = simulate(f"sim://street?people=8&seed=1&seconds=30&{SMALL}")
    hips = points_of(clip)[:, :, POINT["crotch"], :2]
    speed = np.linalg.norm(np.diff(hips, axis=0), axis=-1) * 10
    seen = set()
    for person, actor in enumerate(clip.actors):
        doing = np.array([actor.script.activity(clip.spec.time_s(k)) for k in range(clip.spec.frames - 1)])
        for activity, low, high in (("walk", 0.9, 1.7), ("run", 2.0, 3.2)):
            if np.sum(doing == activity) > 20:
                seen.add(activity)
                assert low < np.median(speed[doing == activity, person]) < high
    assert seen == {"walk", "run"}


def test_runners_leave_the_floor_and_walkers_do_not() -> None:
    clip = simulate(f"sim://street?people=8&seed=1&seconds=20&{SMALL}".replace("fps=10", "fps=30"))
    soles = [POINT[f"{side}_{part}"] for side in ("left", "right") for part in ("heel", "foot_index")]
    lowest = points_of(clip)[:, :, soles, 2].min(axis=2)
    for person, actor in enumerate(clip.actors):
        doing = np.array([actor.script.activity(clip.spec.time_s(k)) for k in range(clip.spec.frames)])
        if np.sum(doing == "run") > 30:
            assert np.quantile(lowest[doing == "run", person], 0.9) > 0.02
        if np.sum(doing == "walk") > 30:
            assert np.quantile(lowest[doing == "walk", person], 0.9) < 0.03


def test_gestures_are_told_and_hands_are_where_they_say() -> None:
    found = set()
    for seed in range(4):
        clip = simulate(f"sim://street?people=3&seed={seed}&seconds=60&{SMALL}")
        points = points_of(clip)
        for told in clip.annotations():
            for action in told.actions:
                if action.activity in ("wave", "point", "hands-up"):
                    found.add(action.activity)
                    at = points[round((action.start_s + action.end_s) / 2 * 10), told.person]
                    hands = at[[POINT["left_wrist"], POINT["right_wrist"]], 2]
                    shoulders = at[[POINT["left_shoulder"], POINT["right_shoulder"]], 2].mean()
                    raised = np.sum(hands > shoulders - 0.12)
                    assert raised == (2 if action.activity == "hands-up" else 1)
    assert found == {"wave", "point", "hands-up"}


def test_furniture_hides_what_is_behind_it_in_picture_and_truth_alike() -> None:
    clip = simulate(f"sim://street?people=6&seed=2&seconds=30&{SMALL}")
    empty = clip.background.astype(int)
    behind, unchanged = 0, 0
    for k in range(0, clip.spec.frames, 10):
        truth = clip.truth(k)
        changed = np.abs(clip.picture(k).astype(int) - empty).max(axis=2) > 0
        stands = clip.scenery.stands_m
        assert stands is not None
        depth = clip.bodies(k).points[truth.person, POINT["crotch"], 1]
        for keypoints, visible, y in zip(truth.keypoints, truth.visible, depth, strict=True):
            columns, rows = np.floor(keypoints).astype(int).T
            inside = (columns >= 0) & (columns < 320) & (rows >= 0) & (rows < 240)
            covered = stands[rows[inside], columns[inside]] < y
            assert not np.any(visible[inside] & covered)
            behind += int(covered.sum())
            # A nearer person may stand before the furniture; nobody else changes it.
            near = truth.person.size > 0 and np.any(depth < 6.0)
            unchanged += int(np.sum(~changed[rows[inside], columns[inside]] & covered)) if not near else 0
            behind -= int(covered.sum()) if near else 0
    assert behind > 30
    assert unchanged == behind


def test_alike_people_wear_the_same_and_others_do_not() -> None:
    alike = simulate(f"sim://street?people=4&alike=1&seed=3&{SMALL}")
    others = simulate(f"sim://street?people=4&seed=3&{SMALL}")

    assert len({actor.looks for actor in alike.actors}) == 1
    assert len({actor.looks for actor in others.actors}) == 4
    assert len({actor.body.height_m for actor in alike.actors}) == 4


def test_twenty_people_can_be_asked_for() -> None:
    clip = simulate(f"sim://street?people=20&seed=1&{SMALL}")

    assert max(len(clip.truth(k)) for k in range(0, 300, 30)) >= 10
