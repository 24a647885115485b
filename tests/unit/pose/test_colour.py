from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, U8
from stages.pose import PoseOptions
from stages.pose.colour import clothes
from tests.unit.pose.cameras import Camera, picture, regions

BLAZEPOSE = SKELETONS["blazepose33"]
SHIRT, TROUSERS = (60, 76, 200), (110, 82, 56)
PLACES = {
    "left_shoulder": (160, 70),
    "right_shoulder": (96, 70),
    "left_hip": (148, 150),
    "right_hip": (108, 150),
    "left_knee": (152, 200),
    "right_knee": (104, 200),
}


def dressed(shirt: tuple[int, int, int] = SHIRT, trousers: tuple[int, int, int] = TROUSERS) -> U8:
    """A green picture of 256 pixels with a trunk and two thighs at `PLACES`."""
    crop = np.full((256, 256, 3), (40, 160, 40), dtype=np.uint8)
    cv2.rectangle(crop, (96, 66), (160, 148), shirt, -1)
    for side in ("left", "right"):
        cv2.line(crop, PLACES[f"{side}_hip"], PLACES[f"{side}_knee"], trousers, 20)
    return crop


def skeleton(people: int = 1) -> tuple[F32, F32]:
    """Keypoints and scores; all but `PLACES` are unknown."""
    keypoints = np.full((people, 33, 3), np.nan, dtype=np.float32)
    for name, place in PLACES.items():
        keypoints[:, BLAZEPOSE.index[name], :2] = place
    return keypoints, np.full((people, 33), 0.9, dtype=np.float32)


def lab(bgr: tuple[int, int, int]) -> F32:
    found: F32 = cv2.cvtColor(np.array([[bgr]], dtype=np.float32) / 255, cv2.COLOR_BGR2LAB)[0, 0]
    return found


def test_colours_are_those_of_shirt_and_trousers() -> None:
    (found,) = clothes([dressed()], *skeleton(), BLAZEPOSE)

    np.testing.assert_allclose(found[:, :3], [lab(SHIRT), lab(TROUSERS)], atol=0.1)
    np.testing.assert_allclose(found[:, 3:], 0, atol=0.1)


def test_a_pattern_is_the_spread() -> None:
    crop = dressed(shirt=(200, 200, 200))
    crop[66:148:2, 96:160] = 0

    (found,) = clothes([crop], *skeleton(), BLAZEPOSE)

    assert found[0, 3] == pytest.approx(lab((200, 200, 200))[0] / 2, rel=0.1)
    np.testing.assert_allclose(found[0, 4:], 0, atol=0.1)


def test_everyone_has_their_own() -> None:
    crops = [dressed(shirt=colour) for colour in ((200, 60, 60), (60, 200, 60), (60, 60, 200))]
    together = clothes(crops, *skeleton(3), BLAZEPOSE)

    for row, crop in enumerate(crops):
        np.testing.assert_array_equal(together[row], clothes([crop], *skeleton(), BLAZEPOSE)[0])
    assert len(np.unique(together[:, 0, 1])) == 3


@pytest.mark.parametrize(
    ("hidden", "unknown"),
    [
        (["left_shoulder"], [True, False]),
        (["left_knee"], [False, False]),
        (["left_knee", "right_knee"], [False, True]),
        (["left_hip"], [False, False]),
        (["left_hip", "right_hip"], [False, True]),
    ],
)
def test_what_is_not_seen_is_nan(hidden: list[str], unknown: list[bool]) -> None:
    keypoints, score = skeleton()
    score[:, BLAZEPOSE.indices(*hidden)] = 0.4

    (found,) = clothes([dressed()], keypoints, score, BLAZEPOSE)

    assert np.isnan(found).all(axis=1).tolist() == unknown
    assert np.isnan(found).any(axis=1).tolist() == unknown


def test_chest_is_seen_of_someone_behind_a_desk() -> None:
    keypoints, score = skeleton()
    hidden = BLAZEPOSE.indices("left_hip", "right_hip", "left_knee", "right_knee")
    score[:, hidden] = 0.2
    crop = dressed()
    crop[110:] = (20, 20, 220)

    (found,) = clothes([crop], keypoints, score, BLAZEPOSE)

    np.testing.assert_allclose(found[0, :3], lab(SHIRT), atol=0.1)
    assert np.isnan(found[1]).all()


def test_keypoints_out_of_the_crop_or_nowhere_do_no_harm() -> None:
    keypoints, score = skeleton(2)
    keypoints[0, :, 0] += 1000
    keypoints[1] = np.nan

    assert np.isnan(clothes([dressed(), dressed()], keypoints, score, BLAZEPOSE)).all()


def test_nobody_has_no_colours() -> None:
    assert clothes([], *skeleton(0), BLAZEPOSE).shape == (0, 2, 6)


@pytest.mark.parametrize("name", ["blazepose33", "coco17", "halpe26"])
def test_every_skeleton_has_the_corners(name: str) -> None:
    k = len(SKELETONS[name])
    nothing = np.full((1, k, 3), np.nan, dtype=np.float32), np.zeros((1, k), dtype=np.float32)

    assert np.isnan(clothes([dressed()], *nothing, SKELETONS[name])).all()


def test_stage_gives_a_row_for_everyone_and_none_when_not_wanted() -> None:
    place = (300.0, 200.0)

    seen = Camera().see(0.0, picture(place), regions(place))
    private = Camera(PoseOptions(colour=False)).see(0.0, picture(place), regions(place))

    assert (len(seen), seen.colour.shape) == (1, (1, 2, 6))
    assert (len(private), private.colour.shape) == (1, (1, 0, 6))


def test_those_whose_turn_it_was_not_have_no_colours() -> None:
    camera = Camera(PoseOptions(looks_per_s=10))
    places = [(150.0, 200.0), (450.0, 200.0)]
    camera.see(0.0, picture(*places), regions(*places))
    rows = []
    for frame in range(1, 12):
        poses = camera.see(frame / 20, picture(*places))
        rows += zip(poses.keypoint_score.max(axis=1), np.isnan(poses.colour).all(axis=(1, 2)), strict=True)

    predicted = [unknown for score, unknown in rows if score == 0]
    assert predicted
    assert all(predicted)
