from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest

from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F64
from pipeline.video.simulate import Simulation, parse_scene
from pipeline.video.simulate.measured import LOW, MEASURED, UPRIGHT
from pipeline.video.simulate.noise import EXACT, GROUPS, Noise, Spread, gaussian
from pipeline.video.simulate.scripts import Scripted, keypoints

SKELETON = SKELETONS["blazepose33"]
GYM = "sim://gym?people=1&seed=3&seconds=30"


def frames_of(url: str, noise: Noise, fps: float = 15, seed: int = 0) -> list[Scripted]:
    return list(keypoints(url, fps, noise, seed))


def errors(frames: list[Scripted], metres: float) -> F64:
    """(T, 33, 3) world errors of the first person in body heights, sides as they are."""
    return np.stack([(f.poses.world[0] - f.truth.world[0]) / metres for f in frames if len(f.person)])


def height_of(url: str) -> float:
    return Simulation(parse_scene(url)).actors[0].body.height_m


@pytest.mark.parametrize("url", [GYM, "sim://street?people=5&seed=2&seconds=12", "sim://ward?act=random&seed=1"])
def test_without_noise_the_script_is_the_truth_of_the_pictures(url: str) -> None:
    clip = Simulation(parse_scene(url))
    for k, frame in islice(enumerate(keypoints(url)), 30, 150, 17):
        truth = clip.truth(k)
        assert np.array_equal(frame.truth.person, truth.person)
        assert np.allclose(frame.truth.keypoints, truth.keypoints, atol=1e-3)
        assert np.allclose(frame.truth.world, truth.world, atol=1e-5)
        assert np.array_equal(frame.truth.visible, truth.visible)
        assert (frame.truth.activity, frame.truth.phase) == (truth.activity, truth.phase)
        tall = truth.xyxy[:, 3] - truth.xyxy[:, 1]
        assert np.all(np.abs(frame.truth.xyxy - truth.xyxy) <= 0.05 * tall[:, None] + 2)
        rows = [list(truth.person).index(n) for n in frame.person]
        assert np.allclose(frame.poses.keypoints[..., :2], truth.keypoints[rows], atol=1e-2)
        assert np.array_equal(frame.poses.keypoint_score > 0.5, truth.visible[rows])


def test_the_same_arguments_give_the_same_frames_and_other_seeds_do_not() -> None:
    one, same = (frames_of(GYM, MEASURED, fps=10)[50:60] for _ in range(2))
    other = frames_of(GYM, MEASURED, fps=10, seed=1)[50:60]

    for a, b in zip(one, same, strict=True):
        assert a.t_us == b.t_us
        assert np.array_equal(a.poses.keypoints, b.poses.keypoints, equal_nan=True)
    assert not np.array_equal(one[0].poses.keypoints, other[0].poses.keypoints)


@pytest.mark.parametrize("fps", [30, 10, 5])
def test_time_runs_at_the_rate_asked_for(fps: float) -> None:
    frames = frames_of(GYM, EXACT, fps)

    assert len(frames) == 30 * fps
    assert {b.t_us - a.t_us for a, b in pairwise(frames)} <= {round(1e6 / fps) + d for d in (-1, 0, 1)}


def test_gaussian_noise_is_as_strong_as_asked_in_metres_and_pixels() -> None:
    frames, metres = frames_of(GYM, gaussian(0.02, depth=0.05)), height_of(GYM)
    world = errors(frames, metres)
    shift = np.concatenate([(f.poses.keypoints[0, :, :2] - f.truth.keypoints[0]).ravel() for f in frames])
    tall = np.median([np.ptp(f.truth.keypoints[0, :, 1]) for f in frames if f.truth.activity == ("stand",)])

    assert np.std(world[..., :2]) == pytest.approx(0.02, rel=0.05)
    assert np.std(world[..., 2]) == pytest.approx(0.05, rel=0.35)
    # From nose to heels a person measures about 0.93 of the height; those who lean or come nearer vary it.
    assert np.std(shift) == pytest.approx(0.02 * tall / 0.93, rel=0.15)


@pytest.mark.parametrize("spreads", [UPRIGHT, LOW])
def test_measured_noise_errs_as_measured(spreads: Mapping[str, Spread]) -> None:
    calm = Noise(spread={name: replace(own, outliers=0.0) for name, own in spreads.items()})
    url = GYM.replace("seconds=30", "seconds=250")
    world = errors(frames_of(url, calm), height_of(url))
    scores = np.stack([f.poses.keypoint_score[0] for f in frames_of(GYM, calm) if f.truth.visible[0].all()])
    for name, columns in GROUPS.items():
        own = spreads[name]
        total = np.sqrt(own.steady**2 + own.slow**2 + own.white**2)
        assert np.std(world[:, columns, :2]) == pytest.approx(total, rel=0.12)
        jitter = np.std(np.diff(world[:, columns, :2], axis=0)) / np.sqrt(2)
        assert own.white < jitter < np.hypot(own.white, own.slow) + 0.001
        assert np.median(scores[:, columns]) == pytest.approx(own.seen, abs=0.03)


def test_people_on_the_floor_err_more_than_those_who_stand() -> None:
    calm = replace(MEASURED, swaps_per_s=0, outlier=0.0)
    lying, standing = [], []
    for seed in range(6):
        url = f"sim://ward?act=fall-left&seed={seed}&seconds=60"
        for frame in keypoints(url, 10, calm, seed):
            if len(frame.person) and frame.truth.activity[0] in ("lie", "stand") and frame.truth.visible[0].all():
                wrong = (frame.poses.world[0] - frame.truth.world[0])[GROUPS["ankles"], :2]
                (lying if frame.truth.activity[0] == "lie" else standing).append(wrong)

    # 0.020 and 0.013 body heights.
    assert np.std(lying) > 1.3 * np.std(standing)


def test_swaps_come_as_often_and_as_long_as_asked_and_are_told() -> None:
    noise = Noise(swaps_per_s=0.5, swap_s=0.4)
    frames = [f for f in frames_of(GYM.replace("seconds=30", "seconds=200"), noise, fps=25) if len(f.person)]
    told = np.array([bool(f.swapped[0]) for f in frames])
    mirrored = np.array([
        np.allclose(f.poses.keypoints[0, :, :2], f.truth.keypoints[0][SKELETON.mirrored], atol=0.01) for f in frames
    ])  # fmt: skip

    in_space = np.array([np.allclose(f.poses.world[0], f.truth.world[0][SKELETON.mirrored], atol=1e-4) for f in frames])

    assert np.array_equal(told, mirrored)
    assert np.array_equal(told, in_space)
    # On for 0.4 s and off for 2 s on average.
    assert told.mean() == pytest.approx(0.4 / 2.4, rel=0.3)


def test_parts_of_swaps_are_of_arms_or_legs_alone() -> None:
    noise = Noise(swaps_per_s=1.0, swap_s=0.5, swaps_whole=0.0)
    frames = [f for f in frames_of(GYM, noise) if len(f.person) and f.swapped[0]]
    moved = [np.linalg.norm(f.poses.keypoints[0, :, :2] - f.truth.keypoints[0], axis=1) > 0.01 for f in frames]

    assert len(frames) > 50
    for own in moved:
        assert own[GROUPS["wrists"]].any() != own[GROUPS["ankles"]].any()
        assert not own[GROUPS["shoulders"]].any()


def test_missing_legs_have_no_scores_and_others_keep_theirs() -> None:
    frames = frames_of(GYM, replace(MEASURED, no_legs=True))
    scores = np.stack([f.poses.keypoint_score[0] for f in frames if len(f.person)])

    for name in ("knees", "ankles", "feet"):
        assert np.quantile(scores[:, GROUPS[name]], 0.98) < 0.1
    assert np.median(scores[:, GROUPS["shoulders"]]) > 0.99


def test_dropouts_are_not_a_number_and_losses_leave_people_out() -> None:
    frames = frames_of(GYM, Noise(dropout=0.1, losses_per_s=0.5, loss_s=0.5))
    seen = [f for f in frames if len(f.person)]
    dropped = np.stack([np.isnan(f.poses.keypoints[0, :, 0]) for f in seen])

    assert dropped.mean() == pytest.approx(0.1, rel=0.3)
    for frame, gone in zip(seen, dropped, strict=True):
        assert np.all(frame.poses.keypoint_score[0, gone] == 0)
        assert np.all(np.isfinite(frame.poses.xyxy))
    assert 1 - len(seen) / len(frames) == pytest.approx(0.2, rel=0.5)
    assert all(len(frame.truth) == 1 for frame in frames)


def test_who_is_hidden_behind_furniture_is_not_found() -> None:
    gone = 0
    for frame in keypoints("sim://street?people=6&seed=2&seconds=30", 10, MEASURED):
        share = dict(zip(frame.truth.person.tolist(), frame.truth.visible.mean(axis=1), strict=True))
        assert all(share[n] >= MEASURED.least_seen for n in frame.person.tolist())
        gone += len(frame.truth) - len(frame.person)
    assert gone > 20
