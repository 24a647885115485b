"""YOLO since version 8 (Jocher et al., 2023): a column for each box, scores of the classes below it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.core.perception import Found
from pipeline.core.types import F32, U8
from pipeline.models.boxes import found_of_boxes
from pipeline.models.network import Network, fits, side, wrong
from pipeline.models.pixels import planes

_FIRST_CLASS = 4
_STRIDES = (8, 16, 32)


class YoloDetector:
    """Finds whole people.

    Args:
        network: `images` (1, 3, S, S) RGB 0 to 1; one output (1, 4 + classes, S^2/64 + S^2/256 + S^2/1024): centre and
            size in pixels, then the score of each class, the first a person.
        size: Side of the pictures where the model leaves it open; a multiple of 32.
        min_score: What scores lower is not a person; 0.25 and
        max_iou: 0.7 as in the prediction of ultralytics.
    """

    def __init__(
        self, network: Network, *, size: int | None = None, min_score: float = 0.25, max_iou: float = 0.7
    ) -> None:
        self._network, self._min_score, self._max_iou = network, min_score, max_iou
        self.size = side(network, size, default=640, multiple=32)
        boxes = sum((self.size // stride) ** 2 for stride in _STRIDES)
        (shape, *others) = network.outputs.values()
        if others or not fits(shape, (1, None, boxes)) or (shape[1] or 5) <= _FIRST_CLASS:
            raise wrong(network, "it is not of the kind yolo", f"one output 1x(4 + classes)x{boxes}")

    def detect(self, pictures: U8) -> Sequence[Found]:
        """See `PersonDetector.detect`."""
        return [self._decode(output) for (output,) in self._network.run(planes(pictures, rgb=True, std=(255.0,) * 3))]

    def _decode(self, output: F32) -> Found:
        score = output[_FIRST_CLASS]
        passed = np.flatnonzero(score >= self._min_score)
        centre, half = output[:2, passed].T, output[2:4, passed].T / 2
        boxes = np.concatenate((centre - half, centre + half), axis=1)
        return found_of_boxes(boxes, score[passed], min_score=self._min_score, max_iou=self._max_iou)
