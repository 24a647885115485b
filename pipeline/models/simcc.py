"""Pose models that tell column and row of each keypoint apart (SimCC: Li et al., ECCV 2022; RTMPose)."""

from __future__ import annotations

import numpy as np

from pipeline.core.perception import Estimated
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, U8
from pipeline.models.network import Network, Shape, wrong
from pipeline.models.topdown import estimated, input_size, middle, normalised, skeleton_of


class SimccEstimator:
    """Keypoints by the highest of the bins along each axis.

    Args:
        network: (1, 3, H, W) RGB with ImageNet's mean and std; two outputs `simcc_x` (1, K, W * r) and `simcc_y`
            (1, K, H * r), r bins a pixel.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._height, self._width = input_size(network)
        shapes = [network.outputs.get(name, ()) for name in ("simcc_x", "simcc_y")]
        wanted = f"the outputs simcc_x 1xKEYPOINTSx({self._width} * r) and simcc_y 1xKEYPOINTSx({self._height} * r)"
        if not all(_is_whole(shape, side) for shape, side in zip(shapes, (self._width, self._height), strict=True)):
            raise wrong(network, "it is not of the kind simcc", wanted)
        self._places = [list(network.outputs).index(name) for name in ("simcc_x", "simcc_y")]
        self._keypoints, self._bins = int(shapes[0][1] or 0), [int(shape[2] or 0) for shape in shapes]
        self.size = max(self._height, self._width)
        self.skeleton = skeleton_of(network, self._keypoints)

    def estimate(self, crops: U8) -> Estimated:
        """See `PoseEstimator.estimate`."""
        pictures, corner = middle(crops, self._height, self._width)
        results = self._network.run(normalised(pictures))
        axes, tops = [], []
        for place, bins, side in zip(self._places, self._bins, (self._width, self._height), strict=True):
            rows = [result[place] for result in results]
            values: F32 = np.stack(rows) if rows else np.zeros((0, self._keypoints, bins), dtype=np.float32)
            # A bin is a place, of the middle of pixels as all training has it; half a pixel in for us.
            axes.append(values.argmax(axis=2) * np.float32(side / bins) + np.float32(0.5))
            tops.append(values.max(axis=2, initial=-np.inf))
        points = np.stack(axes, axis=2).astype(np.float32) + corner
        skeleton, aspect = SKELETONS[self.skeleton], self._height / self._width
        # A keypoint is as sure as the less sure of its axes (mmpose, get_simcc_maximum).
        return estimated(points, np.minimum(*tops), self.size, skeleton, aspect=aspect)


def _is_whole(shape: Shape, side: int) -> bool:
    return len(shape) == 3 and shape[1] is not None and shape[2] is not None and shape[2] >= side
