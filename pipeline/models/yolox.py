"""YOLOX (Ge et al., 2021): boxes relative to the cells of three grids."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.core.perception import Found
from pipeline.core.types import F32, U8
from pipeline.models.boxes import found_of_boxes
from pipeline.models.network import Network, fits, side, wrong
from pipeline.models.pixels import planes

_STRIDES = (8, 16, 32)
_FIRST_CLASS = 5


class YoloxDetector:
    """Finds whole people; one picture shows those of at least a fifteenth of its side.

    Args:
        network: `images` (1, 3, S, S) BGR 0 to 255; one output (1, S^2/64 + S^2/256 + S^2/1024, 5 + classes): centre
            and logarithm of the size in cells, score of a thing, score of each class, the first a person.
        size: Side of the pictures where the model leaves it open; a multiple of 32.
        min_score: What scores lower is not a person; 0.3 and
        max_iou: 0.45 as in YOLOX's demos.
    """

    def __init__(
        self, network: Network, *, size: int | None = None, min_score: float = 0.3, max_iou: float = 0.45
    ) -> None:
        self._network, self._min_score, self._max_iou = network, min_score, max_iou
        self.size = side(network, size, default=416, multiple=32)
        self._cells, self._stride = _grid(self.size)
        (shape, *others) = network.outputs.values()
        columns = shape[-1]
        if others or not fits(shape, (1, len(self._cells), None)) or (columns or 6) <= _FIRST_CLASS:
            raise wrong(network, "it is not of the kind yolox", f"one output 1x{len(self._cells)}x(5 + classes)")

    def detect(self, pictures: U8) -> Sequence[Found]:
        """See `PersonDetector.detect`."""
        return [self._decode(output) for (output,) in self._network.run(planes(pictures, rgb=False))]

    def _decode(self, output: F32) -> Found:
        score = output[:, 4] * output[:, _FIRST_CLASS]
        passed = np.flatnonzero(score >= self._min_score)
        stride = self._stride[passed, None]
        centre = (output[passed, :2] + self._cells[passed]) * stride
        half = np.exp(output[passed, 2:4]) * stride / 2
        boxes = np.concatenate((centre - half, centre + half), axis=1)
        return found_of_boxes(boxes, score[passed], min_score=self._min_score, max_iou=self._max_iou)


def _grid(size: int) -> tuple[F32, F32]:
    """(A, 2) column and row of each cell, row by row and grid by grid, and (A,) the cells' sides in pixels."""
    cells, strides = [], []
    for stride in _STRIDES:
        row, column = np.mgrid[: size // stride, : size // stride].reshape(2, -1)
        cells.append(np.column_stack((column, row)))
        strides.append(np.full(len(row), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)
