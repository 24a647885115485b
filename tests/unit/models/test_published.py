"""Published models on simulated people, whose truth is exact: that boxes, cells and crops lie where they should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.models.boxes import regions_of_boxes
from pipeline.models.kinds import make_detector, make_estimator
from stages.pose.crops import crops
from tests.quality.models import DETECTORS, ESTIMATORS, boxes_of, frames, points_of

GYM, WARD = "sim://gym?people=2&seed=1002", "sim://ward?people=1&seed=1004"


@pytest.mark.parametrize(("kind", "file", "size"), DETECTORS)
def test_detectors_box_everyone_in_sight(published_models: Path, kind: str, file: str, size: int) -> None:
    detector = make_detector(kind, published_models / file, size=size, threads=2)

    boxes = boxes_of(detector, [GYM], every=40, count=6)

    assert boxes.people >= 6
    # What the suite of quality asks of the whole chain: 98 % found.
    assert boxes.found >= 0.98 * boxes.people
    assert np.mean(boxes.overlaps) > 0.8
    assert boxes.false == 0


@pytest.mark.parametrize(("kind", "file"), ESTIMATORS)
def test_estimators_find_the_keypoints_and_keep_following(published_models: Path, kind: str, file: str) -> None:
    estimator = make_estimator(kind, published_models / file, size=None, threads=2)

    points = points_of(estimator, [GYM, WARD], every=6, count=8)

    assert len(points.errors) >= 16
    # What is asked of the whole chain: 4 % of the height.
    assert np.mean(points.errors) <= 0.04
    assert np.mean(points.followed) <= 0.04
    assert min(points.scores) >= 0.5


def test_heatmaps_are_not_shifted(published_models: Path) -> None:
    estimator = make_estimator("heatmap", published_models / ESTIMATORS[0][1], size=None, threads=2)
    mirrored = np.array([0, *(i + 1 if i % 2 else i - 1 for i in range(1, 17))])
    shifts = []
    for pixels, truth, _ in frames(GYM, 60, 6):
        looked = crops(pixels, regions_of_boxes(truth.xyxy), estimator.size)
        there = estimator.estimate(looked)
        back = estimator.estimate(np.ascontiguousarray(looked[:, :, ::-1]))
        x, flipped = there.keypoints[..., 0], 256 - back.keypoints[:, mirrored, 0]
        sure = (there.keypoint_score > 0.6) & (back.keypoint_score[:, mirrored] > 0.6) & (np.abs(x - flipped) < 8)
        shifts += (x + 0.0 - flipped)[sure].tolist()

    # The middle of a cell instead of its first pixel would be 1.5 pixels either way.
    assert len(shifts) >= 60
    assert abs(np.mean(shifts) / 2) < 0.3
