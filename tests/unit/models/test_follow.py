from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32
from pipeline.models.follow import next_regions
from pipeline.models.topdown import person_score

COCO = SKELETONS["coco17"]
SIZE = 256
# Metres of someone of 1.7 m who stands facing the camera: x to the right of the picture, y up from the hips.
STANDING = {"nose": (0, 0.68), "eye": (0.03, 0.72), "ear": (0.07, 0.7), "shoulder": (0.18, 0.5), "elbow": (0.22, 0.2)}
STANDING |= {"wrist": (0.24, -0.05), "hip": (0.1, 0.0), "knee": (0.1, -0.42), "ankle": (0.1, -0.84)}


def standing(turn: float = 0.0, at: tuple[float, float] = (128, 128), metre: float = 110) -> F32:
    """(1, 17, 2) pixels of the crop, turned clockwise by so many degrees."""
    rows = []
    for name in COCO.keypoints:
        x, y = STANDING[name.rpartition("_")[2]]
        rows.append((x if "left" in name else -x, -y))
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    return (np.array(rows) @ np.array([[cos, sin], [-sin, cos]]) * metre + at).astype(np.float32)[None]


def scores(**lower: float) -> F32:
    """(1, 17): 0.9, and another score for the parts that are named."""
    return np.array([[lower.get(name.rpartition("_")[2], 0.9) for name in COCO.keypoints]], dtype=np.float32)


def test_region_is_about_the_hips_and_a_quarter_longer_than_the_reach() -> None:
    (region,) = next_regions(standing(at=(100, 140)), scores(), SIZE, COCO)

    assert region[:2] == pytest.approx((100, 140), abs=0.01)
    # From the hips to the ankles it is farther than to the eyes.
    assert region[2] == pytest.approx(2 * 1.25 * 0.84 * 110, rel=0.14)
    assert region[2] >= 2 * 1.25 * 0.84 * 110 - 0.01
    assert region[3] == 0


def test_hidden_legs_stay_in_the_region() -> None:
    (region,) = next_regions(standing(), scores(knee=0.1, ankle=0.1), SIZE, COCO)

    assert region[2] / 2 > 0.84 * 110


def test_arms_spread_wide_make_a_narrow_picture_larger() -> None:
    points = standing()
    points[0, COCO.index["left_wrist"]] = (128 + 100, 128 - 50)

    (square,) = next_regions(points, scores(), SIZE, COCO)
    (narrow,) = next_regions(points, scores(), SIZE, COCO, aspect=4 / 3)

    assert square[2] == pytest.approx(2 * 1.25 * 100, abs=0.5)
    assert narrow[2] == pytest.approx(2 * 1.25 * 100 * 4 / 3, abs=0.5)


@pytest.mark.parametrize(
    ("lying", "turn"), [(0, 0), (50, 0), (-50, 0), (70, 90), (90, 90), (-90, -90), (180, 180), (-170, -180)]
)
def test_who_lies_is_turned_upright_by_right_angles(lying: float, turn: float) -> None:
    (region,) = next_regions(standing(lying), scores(), SIZE, COCO)

    assert np.degrees(region[3]) == pytest.approx(turn, abs=0.01)


def test_lying_body_is_measured_as_the_turned_crop_will_have_it() -> None:
    (upright,) = next_regions(standing(), scores(), SIZE, COCO, aspect=4 / 3)
    (lying,) = next_regions(standing(90), scores(), SIZE, COCO, aspect=4 / 3)

    assert lying[2] == pytest.approx(upright[2], abs=0.01)


def test_without_hips_the_region_goes_along_and_does_not_shrink() -> None:
    seen = scores(hip=0.1, knee=0.1, ankle=0.1)

    (region,) = next_regions(standing(at=(150, 160)), seen, SIZE, COCO)

    top, bottom = 160 - 0.72 * 110, 160 + 0.05 * 110
    assert region == pytest.approx((150, (top + bottom) / 2, SIZE, 0), abs=0.01)


def test_without_keypoints_nothing_changes() -> None:
    (region,) = next_regions(standing(at=(10, 10)), np.zeros((1, 17), dtype=np.float32), SIZE, COCO)

    assert region.tolist() == [128, 128, SIZE, 0]


def test_nobody_has_no_region() -> None:
    none = next_regions(np.zeros((0, 17, 2), np.float32), np.zeros((0, 17), np.float32), SIZE, COCO)

    assert none.shape == (0, 4)


def test_person_is_as_sure_as_what_is_seen_of_it() -> None:
    rows = np.full((4, 17), 0.05, dtype=np.float32)
    rows[0, :8], rows[1, :8], rows[2, :8] = 0.8, 0.45, 0.3

    assert person_score(rows) == pytest.approx([1, 0.5, 0.011, 0], abs=1e-3)
