from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import find_peaks

from pipeline.core.types import F64
from pipeline.video.simulate import Simulation, parse_scene
from pipeline.video.simulate.kinematics import SKELETON

HIPS = SKELETON.indices("left_hip", "right_hip")
SHOULDERS = SKELETON.indices("left_shoulder", "right_shoulder")
SOLID = SKELETON.indices(
    *(f"{side}_{name}" for side in ("left", "right") for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"))
)


def simulate(url: str) -> Simulation:
    return Simulation(parse_scene(url))


def hip_track(clip: Simulation, person: int) -> F64:
    """(frames,) height of the hips on the picture over the mean of all frames, pixels, upward."""
    rows = []
    for k in range(clip.spec.frames):
        truth = clip.truth(k)
        at = np.flatnonzero(truth.person == person)
        rows.append(-float(truth.keypoints[at[0], HIPS, 1].mean()) if len(at) else np.nan)
    return np.array(rows)


def trunk_tilt(clip: Simulation, t: float) -> float:
    """Degrees of the first person's trunk against the vertical of the picture at t seconds."""
    world = clip.truth(round(t * clip.spec.fps)).world[0]
    trunk = world[SHOULDERS].mean(axis=0) - world[HIPS].mean(axis=0)
    return float(np.rad2deg(np.arccos(-trunk[1] / np.linalg.norm(trunk))))


@pytest.mark.parametrize("url", ["sim://gym?people=1&seed=3", "sim://ward?seed=2"])
def test_visible_keypoints_lie_on_drawn_people(url: str) -> None:
    clip = simulate(url)
    empty = clip.background.astype(int)
    on, total = 0, 0
    for k in range(60, clip.spec.frames, 75):
        truth = clip.truth(k)
        # People change the colour of what is behind them; shadows, too, but those lie around the feet only.
        changed = np.abs(clip.picture(k).astype(int) - empty).max(axis=2) > 4
        near = changed | np.roll(changed, 1, 0) | np.roll(changed, -1, 0) | np.roll(changed, 1, 1)
        for keypoints, visible in zip(truth.keypoints[:, SOLID], truth.visible[:, SOLID], strict=True):
            x, y = np.rint(keypoints[visible]).astype(int).T
            on += int(near[np.minimum(y, 479), np.minimum(x, 639)].sum())
            total += int(visible.sum())

    assert total > 50
    assert on / total > 0.98


def test_box_is_tight_around_what_is_drawn() -> None:
    clip = simulate("sim://gym?people=1&seed=3")
    truth = clip.truth(200)
    x0, y0, x1, y1 = truth.xyxy[0]
    changed = np.abs(clip.picture(200).astype(int) - clip.background.astype(int)).max(axis=2) > 40
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))

    assert rows[0] == pytest.approx(y0, abs=3)
    assert columns[0] == pytest.approx(x0, abs=3)
    assert np.all(truth.keypoints[0] >= (x0 - 1, y0 - 1))
    assert np.all(truth.keypoints[0] <= (x1 + 1, y1 + 1))


@pytest.mark.parametrize("seed", [0, 1])
def test_repetitions_are_the_dips_of_the_hips(seed: int) -> None:
    clip = simulate(f"sim://gym?people=1&seed={seed}&seconds=40&fps=6&width=320&height=240")
    repetitions = clip.annotations()[0].repetitions
    hips = hip_track(clip, 0)
    dips, _ = find_peaks(-hips, prominence=0.12 * (clip.truth(0).xyxy[0, 3] - clip.truth(0).xyxy[0, 1]))
    complete = dips[dips / 6 <= repetitions[-1].end_s]

    assert len(repetitions) >= 5
    assert len(complete) == len(repetitions)
    for dip, repetition in zip(complete, repetitions, strict=True):
        assert repetition.start_s < dip / 6 < repetition.end_s
        assert 1.5 < repetition.end_s - repetition.start_s < 4.0


@pytest.mark.parametrize(("seed", "direction"), [(0, "forward"), (4, "backward"), (7, "left"), (10, "right")])
def test_a_person_stands_before_the_fall_and_lies_after_it(seed: int, direction: str) -> None:
    clip = simulate(f"sim://ward?seed={seed}&fps=20&seconds=45")
    (fall,) = clip.annotations()[0].falls

    assert fall.direction == direction
    assert 0.5 < fall.impact_s - fall.start_s < 1.0
    assert trunk_tilt(clip, fall.start_s - 0.1) < 25
    assert trunk_tilt(clip, fall.impact_s + 0.2) > 60
    assert trunk_tilt(clip, fall.impact_s + 7.0) > 60
    assert clip.truth(round((fall.impact_s + 5) * 20)).activity == ("lie",)
    assert np.mean(clip.truth(round((fall.impact_s + 5) * 20)).visible) > 0.9
    if fall.end_s is not None:
        assert trunk_tilt(clip, fall.end_s) < 25


def test_a_fall_that_the_clip_cuts_off_is_not_told() -> None:
    whole = simulate("sim://ward?seed=2&fps=5").annotations()[0].falls[0]

    cut = simulate(f"sim://ward?seed=2&fps=5&seconds={whole.impact_s - 0.3:.2f}").annotations()[0]
    lying = simulate(f"sim://ward?seed=2&fps=5&seconds={whole.impact_s + 3:.2f}").annotations()[0].falls[0]

    assert cut.falls == ()
    assert (lying.impact_s, lying.end_s) == (whole.impact_s, None)


def test_presence_begins_when_the_person_comes_in() -> None:
    clip = simulate("sim://ward?seed=1&fps=10&seconds=12")
    (present,) = clip.annotations()[0].present
    first = round(present.start_s * 10)

    assert first > 3
    assert len(clip.truth(first - 1)) == 0
    assert len(clip.truth(first)) == 1
    assert np.array_equal(clip.picture(0), clip.background)


def test_a_keypoint_behind_another_person_is_not_visible() -> None:
    clip = simulate("sim://gym?people=8&seed=8&fps=5")
    truth = clip.truth(60)

    assert len(truth) == 8
    assert np.all(truth.visible[:4, SOLID].mean(axis=1) > 0.8)
    assert np.any(~truth.visible[4:, SOLID])


def test_world_agrees_with_the_picture() -> None:
    clip = simulate("sim://gym?people=2&seed=1")
    truth = clip.truth(150)
    tall = truth.world[:, :, 1].max(axis=1) - truth.world[:, :, 1].min(axis=1)
    wide = truth.keypoints[:, :, 1].max(axis=1) - truth.keypoints[:, :, 1].min(axis=1)
    pixels_per_metre = wide / tall

    assert np.allclose(truth.world[:, HIPS].mean(axis=1), 0, atol=1e-6)
    assert np.all(np.abs(pixels_per_metre / (clip.camera.focal_px / 3.7) - 1) < 0.15)
