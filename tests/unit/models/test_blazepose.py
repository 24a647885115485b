from __future__ import annotations

import numpy as np
import pytest

from pipeline.models.blazepose import _anchors, _refined, _weighted_nms


def test_anchors_lie_in_the_middle_of_their_cells() -> None:
    anchors = _anchors(224)

    assert anchors.shape == (2254, 2)
    assert anchors[0].tolist() == anchors[1].tolist() == [4, 4]
    assert anchors[2].tolist() == [12, 4]
    assert anchors[1568].tolist() == [8, 8]
    assert anchors[-1].tolist() == [208, 208]


def test_overlapping_boxes_are_averaged_by_score() -> None:
    table = np.array([[0, 0, 10, 10, 5], [1, 0, 11, 10, 8], [50, 50, 60, 60, 1]], dtype=np.float32)
    score = np.array([0.9, 0.6, 0.7], dtype=np.float32)

    merged, best = _weighted_nms(table, score, min_iou=0.3)

    assert best.tolist() == [0, 2]
    assert merged[0] == pytest.approx([0.4, 0, 10.4, 10, 6.2])
    assert merged[1].tolist() == table[2].tolist()


def test_nothing_found_has_the_shape_of_nothing() -> None:
    merged, best = _weighted_nms(np.zeros((0, 8), np.float32), np.zeros(0, np.float32), min_iou=0.3)

    assert merged.shape == (0, 8)
    assert best.shape == (0,)


def test_keypoint_moves_to_the_peak_of_a_sure_heatmap() -> None:
    heatmaps = np.full((1, 64, 64, 1), -20.0, dtype=np.float32)
    heatmaps[0, 30:33, 20:23, 0] = 4.0

    refined = _refined(np.array([[[81.0, 121.0]]], dtype=np.float32), heatmaps, 256)

    assert refined[0, 0] == pytest.approx((21 * 4, 31 * 4), abs=0.01)


def test_keypoint_stays_where_the_heatmap_is_unsure_or_it_lies_outside() -> None:
    points = np.array([[[81.0, 121.0], [-5.0, 40.0], [255.9, 255.9]]], dtype=np.float32)
    heatmaps = np.full((1, 64, 64, 3), -1.0, dtype=np.float32)

    assert _refined(points, heatmaps, 256).tolist() == points.tolist()
