from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.types import F64
from pipeline.core.vocabulary import MEASURES
from stages.analyze.layout import NOSE, POINTS
from stages.analyze.mass import WEIGHTS, centre_of_mass
from stages.analyze.middles import PAIRS, middles_of
from tests.unit.analyze.figures import BEND, BLAZEPOSE, SQUAT, STAND, Camera, Clip, Pose, body, hold
from tests.unit.analyze.run import analyze

INDEX = BLAZEPOSE.indices(*POINTS)
COM = [[measure.name for measure in MEASURES].index(name) for name in ("com_x", "com_y", "com_height")]
LEGS = tuple(f"{side}_{name}" for side in ("left", "right") for name in ("knee", "ankle"))


def points_of(pose: Pose) -> F64:
    return np.ascontiguousarray(body(pose)[INDEX][:, None, :])


def centre_of(points: F64) -> F64:
    return centre_of_mass(middles_of(points).known, points[NOSE])


def by_segments(points: F64) -> F64:
    """The centre of mass segment by segment, for the mean of women and men."""
    at = {name: points[POINTS.index(name), 0] for name in POINTS}
    middle = {name: 0.5 * (at[f"left_{name}"] + at[f"right_{name}"]) for name in PAIRS}
    sums = []
    for sex in (0, 1):

        def between(upper: F64, lower: F64, share: tuple[float, float], sex: int = sex) -> F64:
            return upper + share[sex] * (lower - upper)

        masses = [((0.0668, 0.0694)[sex], middle["ear"])]
        masses += [((0.4257, 0.4346)[sex], between(middle["shoulder"], middle["hip"], (0.3782, 0.4310)))]
        for side in ("left", "right"):
            s, e, w, h, k, a = (at[f"{side}_{name}"] for name in PAIRS[1:])
            beyond = (0.7474 * 78.0 / 264.3, 0.79 * 86.2 / 268.9)
            masses += [
                ((0.0255, 0.0271)[sex], between(s, e, (0.5754, 0.5772))),
                ((0.0138, 0.0162)[sex], between(e, w, (0.4559, 0.4574))),
                ((0.0056, 0.0061)[sex], w + beyond[sex] * (w - e)),
                ((0.1478, 0.1416)[sex], between(h, k, (0.3612, 0.4095))),
                ((0.0481, 0.0433)[sex], between(k, a, (0.4352, 0.4395))),
                ((0.0129, 0.0137)[sex], a),
            ]
        sums.append((sum(mass for mass, _ in masses), np.sum([mass * place for mass, place in masses], axis=0)))
    total = sums[0][0] + sums[1][0]
    centre: F64 = (sums[0][1] + sums[1][1]) / total
    return centre


@pytest.mark.parametrize("pose", [STAND, SQUAT, BEND, Pose(thigh=60, thigh_right=-20, shank=-40, arm=120)])
def test_the_centre_of_mass_is_the_sum_of_its_segments(pose: Pose) -> None:
    points = points_of(pose)

    assert centre_of(points)[0] == pytest.approx(by_segments(points), abs=1e-9)


def test_the_whole_mass_is_one() -> None:
    assert WEIGHTS.sum() == pytest.approx(1.0)


def test_standing_it_lies_at_55_to_57_percent_of_the_stature() -> None:
    """Hay (1993): 55 % of women's and 57 % of men's height."""
    points = points_of(STAND)
    floor = body(STAND)[:, 1].min()

    share = (centre_of(points)[0, 1] - floor) / 1.75

    assert 0.54 < share < 0.58


def test_bending_moves_it_ahead_of_the_hips_and_squatting_down() -> None:
    def of(pose: Pose) -> F64:
        return np.concatenate([m.scalars[0, COM] for m in analyze(Clip([hold((0.2, pose))]).records()).measures[-1:]])

    standing, squatting = of(STAND), of(SQUAT)
    assert squatting[2] < standing[2] - 0.3
    assert squatting[1] > standing[1] + 0.05


def test_on_the_picture_it_is_where_the_camera_sees_it() -> None:
    camera = Camera(height=1.0, pitch=0.0)
    records = list(Clip([hold((0.2, STAND))], camera=camera).records())

    told = analyze(records).measures[-1].scalars[0, COM]

    # Its middle keypoints are nearly at one distance, so the picture of the centre is the centre of the picture.
    pixels, _ = camera.see(np.vstack([centre_of(points_of(STAND)), body(STAND)[1:]]))
    assert told[:2] == pytest.approx(pixels[0] / (1280, 720), abs=2e-3)
    ankles = body(STAND)[BLAZEPOSE.indices("left_ankle", "right_ankle"), 1]
    assert told[2] == pytest.approx(centre_of(points_of(STAND))[0, 1] - ankles.min(), abs=0.01)


def test_without_metres_there_is_no_height() -> None:
    told = analyze(Clip([hold((0.2, STAND))], metric=False).records()).measures[-1].scalars[0, COM]

    assert np.isfinite(told[:2]).all()
    assert np.isnan(told[2])


def test_without_a_lower_body_there_is_none() -> None:
    told = analyze(Clip([hold((0.2, STAND))], hide=LEGS).records()).measures[-1].scalars[0, COM]

    assert np.isnan(told).all()


@pytest.mark.parametrize(
    ("hide", "most"),
    [
        (("right_elbow", "right_wrist", "right_knee", "right_ear"), 0.03),
        (("left_elbow", "left_wrist", "right_elbow", "right_wrist"), 0.035),
        (("nose", "left_ear", "right_ear"), 0.02),
    ],
)
def test_what_is_hidden_moves_it_little(hide: tuple[str, ...], most: float) -> None:
    whole = analyze(Clip([hold((0.2, STAND))]).records()).measures[-1].scalars[0, COM]
    part = analyze(Clip([hold((0.2, STAND))], hide=hide).records()).measures[-1].scalars[0, COM]

    assert part[2] == pytest.approx(whole[2], abs=most)


def test_height_is_over_the_lower_ankle() -> None:
    pose = Pose(thigh=60, shank=-60, thigh_right=0, shank_right=0)
    points = points_of(pose)
    left, right = points[[POINTS.index("left_ankle"), POINTS.index("right_ankle")], 0, 1]

    records = Clip([hold((0.2, pose))], camera=Camera(height=1.0, pitch=0.0)).records()
    height = analyze(records).measures[-1].scalars[0, COM[2]]

    assert left > right + 0.1
    assert height == pytest.approx(centre_of(points)[0, 1] - right, abs=0.01)
