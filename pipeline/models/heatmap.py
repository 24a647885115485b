"""Pose models that draw a heatmap for each keypoint (SimpleBaseline, HRNet, Lite-HRNet, PP-TinyPose)."""

from __future__ import annotations

import numpy as np

from pipeline.core.perception import Estimated
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, F64, U8
from pipeline.models.network import Network, wrong
from pipeline.models.topdown import estimated, input_size, middle, normalised, skeleton_of

_RADIUS = 5
"""Of the blur, in cells: a window of 11 for heatmaps drawn with a standard deviation of 2."""


class HeatmapEstimator:
    """Keypoints by the peaks of heatmaps.

    Args:
        network: (1, 3, H, W) RGB with ImageNet's mean and std; one output (1, K, h, w).
        dark: Whether the peak is found between the cells (see `refined`); else it is the place of the highest cell.
    """

    def __init__(self, network: Network, *, dark: bool = True) -> None:
        self._network, self._dark = network, dark
        self._height, self._width = input_size(network)
        shape = next(iter(network.outputs.values()))
        if len(network.outputs) != 1 or len(shape) != 4 or None in shape[1:]:
            raise wrong(network, "it is not of the kind heatmap", "one output 1xKEYPOINTSxHEIGHTxWIDTH")
        self._shape = tuple(int(n or 0) for n in shape[1:])
        self.size = max(self._height, self._width)
        self.skeleton = skeleton_of(network, self._shape[0])

    def estimate(self, crops: U8) -> Estimated:
        """See `PoseEstimator.estimate`."""
        pictures, corner = middle(crops, self._height, self._width)
        outputs = [output for (output,) in self._network.run(normalised(pictures))]
        heatmaps = np.stack(outputs) if outputs else np.zeros((0, *self._shape), dtype=np.float32)
        cells, score = peaks(heatmaps)
        if self._dark:
            cells = refined(heatmaps, cells)
        # A cell's number is the place of the pixel that it was drawn for, and that pixel's middle lies half a pixel in.
        scale = np.array([self._width / self._shape[2], self._height / self._shape[1]], dtype=np.float32)
        points = cells * scale + np.float32(0.5) + corner
        skeleton, aspect = SKELETONS[self.skeleton], self._height / self._width
        return estimated(points, score, self.size, skeleton, aspect=aspect)


def peaks(heatmaps: F32) -> tuple[F32, F32]:
    """(N, K, 2) column and row of the highest cell of (N, K, h, w) heatmaps, the first of equals, and its value."""
    people, keypoints, height, width = heatmaps.shape
    flat = heatmaps.reshape(people, keypoints, height * width)
    at = flat.argmax(axis=2)
    score = np.take_along_axis(flat, at[:, :, None], axis=2)[:, :, 0]
    return np.stack((at % width, at // width), axis=2).astype(np.float32), score


def refined(heatmaps: F32, cells: F32) -> F32:
    """(N, K, 2) peaks between the cells (DARK: Zhang et al., CVPR 2020, eq. 3-9).

    The map is blurred as it was drawn, and the maximum of a Gaussian is found by one Newton step on its logarithm.
    Peaks at the rim, and such as are no maximum, stay; none moves by more than a cell.

    Args:
        heatmaps: (N, K, h, w).
        cells: (N, K, 2) column and row of the highest cell.
    """
    people, keypoints, height, width = heatmaps.shape
    column, row = cells[..., 0].astype(np.int64), cells[..., 1].astype(np.int64)
    # Only 5 x 5 blurred cells are needed, for which 15 x 15 are looked at.
    offset = np.arange(-_RADIUS - 2, _RADIUS + 3)
    rows, columns = row[..., None] + offset, column[..., None] + offset
    valid = ((rows >= 0) & (rows < height))[..., :, None] & ((columns >= 0) & (columns < width))[..., None, :]
    window = heatmaps[
        np.arange(people)[:, None, None, None],
        np.arange(keypoints)[None, :, None, None],
        np.clip(rows, 0, height - 1)[..., :, None],
        np.clip(columns, 0, width - 1)[..., None, :],
    ]
    window = np.where(valid, window, 0.0).astype(np.float64)
    log = np.log(np.maximum(_BLUR @ window @ _BLUR.T, 1e-10))
    dx, dy = (log[..., 2, 3] - log[..., 2, 1]) / 2, (log[..., 3, 2] - log[..., 1, 2]) / 2
    dxx = (log[..., 2, 4] - 2 * log[..., 2, 2] + log[..., 2, 0]) / 4
    dyy = (log[..., 4, 2] - 2 * log[..., 2, 2] + log[..., 0, 2]) / 4
    dxy = (log[..., 3, 3] - log[..., 1, 3] - log[..., 3, 1] + log[..., 1, 1]) / 4
    determinant = dxx * dyy - dxy * dxy
    inner = (column > 1) & (column < width - 2) & (row > 1) & (row < height - 2)
    sound = inner & (determinant > 1e-12) & (dxx < 0)
    below = np.where(sound, determinant, 1.0)
    step = np.stack(((dxy * dy - dyy * dx) / below, (dxy * dx - dxx * dy) / below), axis=-1)
    return (cells + np.where(sound[..., None], np.clip(step, -1.0, 1.0), 0.0)).astype(np.float32)


def _blur(radius: int) -> F64:
    """(5, 2 * radius + 5): rows of a Gaussian about each of the five middle cells."""
    # As OpenCV derives it from a window of 2 * radius + 1: 2 for 11.
    deviation = 0.3 * (radius - 1) + 0.8
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / deviation) ** 2)
    matrix = np.zeros((5, 2 * radius + 5))
    for i in range(5):
        matrix[i, i : i + 2 * radius + 1] = kernel / kernel.sum()
    return matrix


_BLUR = _blur(_RADIUS)
