from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import ModelError
from pipeline.core.types import F32, U8
from pipeline.models.heatmap import HeatmapEstimator, peaks, refined
from tests.unit.models.networks import KnownNetwork

WIDTH, HEIGHT = 48, 64
CROPS: U8 = np.zeros((1, 256, 256, 3), dtype=np.uint8)


def drawn(column: float, row: float, top: float = 1.0) -> F32:
    """(1, 1, 64, 48) heatmap as models are trained on: a Gaussian with a standard deviation of 2 cells."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return (top * np.exp(-((x - column) ** 2 + (y - row) ** 2) / 8)).astype(np.float32)[None, None]


def network(heatmap: F32, keypoints: int = 17) -> KnownNetwork:
    answer = np.repeat(heatmap[0], keypoints, axis=0)
    return KnownNetwork((1, 3, 256, 192), {"heatmaps": (1, *answer.shape)}, lambda _: (answer,))


@given(st.floats(4, WIDTH - 5), st.floats(4, HEIGHT - 5), st.floats(0.1, 1.0))
def test_peak_between_cells_is_found(column: float, row: float, top: float) -> None:
    heatmap = drawn(column, row, top)
    cells, score = peaks(heatmap)

    (found,) = refined(heatmap, cells)[0]

    # By cells alone it is off by up to half a cell; the logarithm of a Gaussian is a parabola, found exactly.
    assert found == pytest.approx((column, row), abs=0.02)
    assert np.abs(cells[0, 0] - (column, row)).max() <= 0.5 + 1e-3
    assert top * 0.93 <= score[0, 0] <= top * 1.001


def test_peak_at_the_rim_stays() -> None:
    heatmap = drawn(0.3, 62.6)

    cells, _ = peaks(heatmap)

    assert refined(heatmap, cells).tolist() == cells.tolist() == [[[0, 63]]]


def test_flat_map_has_its_first_cell() -> None:
    heatmap = np.zeros((1, 1, HEIGHT, WIDTH), dtype=np.float32)

    cells, score = peaks(heatmap)

    assert refined(heatmap, cells).tolist() == [[[0, 0]]]
    assert score.tolist() == [[0]]


def test_cell_stands_for_the_middle_of_its_first_pixel_in_the_middle_of_the_crop() -> None:
    estimated = HeatmapEstimator(network(drawn(20, 30, 0.8))).estimate(CROPS)

    assert estimated.keypoints[0, 5, :2] == pytest.approx((20 * 4 + 0.5 + 32, 30 * 4 + 0.5), abs=0.05)
    assert np.isnan(estimated.keypoints[..., 2]).all()
    assert estimated.world.shape == (1, 0, 3)
    assert estimated.keypoint_score == pytest.approx(np.full((1, 17), 0.8))
    assert estimated.score == pytest.approx([1], abs=1e-4)


def test_model_sees_the_middle_columns_red_first() -> None:
    crops = CROPS.copy()
    crops[:, :, 32:224, 2] = 255
    known = network(drawn(20, 30))

    HeatmapEstimator(known).estimate(crops)

    red, green, blue = known.seen[0]
    assert red.shape == (256, 192)
    assert red == pytest.approx((255 - 123.675) / 58.395)
    assert green == pytest.approx(-116.28 / 57.12)
    assert blue == pytest.approx(-103.53 / 57.375)


@pytest.mark.parametrize(("keypoints", "skeleton"), [(17, "coco17"), (26, "halpe26"), (133, "coco133")])
def test_skeleton_is_known_by_the_number_of_keypoints(keypoints: int, skeleton: str) -> None:
    assert HeatmapEstimator(network(drawn(9, 9), keypoints)).skeleton == skeleton


def test_other_numbers_of_keypoints_are_refused() -> None:
    with pytest.raises(ModelError, match=r"found 21 keypoints, expected 17 \(coco17\), 26 \(halpe26\), 133"):
        HeatmapEstimator(network(drawn(9, 9), 21))


def test_models_of_another_kind_are_refused() -> None:
    with pytest.raises(ModelError, match=r"not of the kind heatmap; .* 1x17x384"):
        HeatmapEstimator(KnownNetwork((1, 3, 256, 192), {"simcc_x": (1, 17, 384), "simcc_y": (1, 17, 512)}))
    with pytest.raises(ModelError, match="its pictures have no fixed size"):
        HeatmapEstimator(KnownNetwork((None, 3, None, None), {"heatmaps": (1, 17, 64, 48)}))
