from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.errors import ModelError
from pipeline.core.types import F32
from pipeline.models.simcc import SimccEstimator
from tests.unit.models.networks import KnownNetwork

CROPS = np.zeros((1, 256, 256, 3), dtype=np.uint8)


def network(x_bin: int, y_bin: int, tops: tuple[float, float] = (0.9, 0.7)) -> KnownNetwork:
    x, y = np.zeros((17, 384), dtype=np.float32), np.zeros((17, 512), dtype=np.float32)
    x[:, x_bin], y[:, y_bin] = tops

    def answer(_: F32) -> tuple[F32, ...]:
        return y, x

    # The order of the outputs is the file's own.
    return KnownNetwork((None, 3, 256, 192), {"simcc_y": (None, 17, 512), "simcc_x": (None, 17, 384)}, answer)


def test_bins_are_half_pixels_of_the_middle_of_the_crop() -> None:
    estimated = SimccEstimator(network(101, 320)).estimate(CROPS)

    assert estimated.keypoints[0, 3, :2].tolist() == [50.5 + 0.5 + 32, 160 + 0.5]
    assert estimated.keypoint_score == pytest.approx(np.full((1, 17), 0.7))
    assert estimated.score == pytest.approx([1 / (1 + np.exp(-30 * 0.25))])
    assert estimated.world.shape == (1, 0, 3)


def test_scores_end_at_one() -> None:
    assert SimccEstimator(network(1, 2, (1.4, 1.2))).estimate(CROPS).keypoint_score.tolist() == [[1] * 17]


def test_no_crops_have_no_keypoints() -> None:
    estimated = SimccEstimator(network(1, 2)).estimate(CROPS[:0])

    assert estimated.keypoints.shape == (0, 17, 3)
    assert estimated.region.shape == (0, 4)


def test_models_of_another_kind_are_refused() -> None:
    with pytest.raises(ModelError, match=r"not of the kind simcc; expected the outputs simcc_x .*heatmaps 1x17x64x48"):
        SimccEstimator(KnownNetwork((1, 3, 256, 192), {"heatmaps": (1, 17, 64, 48)}))
