"""The ingest stage."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pipeline.core.errors import InvalidRecord
from pipeline.core.records import Record, Tick
from pipeline.core.types import F32
from pipeline.core.values import Captured, Frame, Image
from stages.ingest.motion import boxes_of, cells_of, change, followed, in_pixels
from stages.ingest.options import IngestOptions
from stages.ingest.state import IngestState

_LOOK_S = 0.1
"""Least seconds between two pictures that are looked at for motion: people are looked for no more often, and the least
steps of the background are steps in time."""


class IngestStage:
    """Finds where a picture differs from the background of its camera.

    It looks ten times a second at most, and gives on what lies between without a box. The first frame, and the first of
    another size, has no motion: there is nothing to compare it with. A picture that has changed all over is one box,
    and the new background.
    """

    def __init__(self, options: IngestOptions | None = None) -> None:
        self.options = options or IngestOptions()

    def initial_state(self, camera: str) -> IngestState:
        """No background yet."""
        return IngestState(grey=np.zeros((0, 0), dtype=np.uint8), followed_us=0)

    def step(self, state: IngestState, record: Record[Captured]) -> tuple[IngestState, Sequence[Frame]]:
        """The frame with its motion boxes. Raises InvalidRecord for what is no BGR picture."""
        pixels, now_us = record.value.pixels, record.stamp.captured_at_us
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
            raise InvalidRecord(f"pixels {pixels.dtype} {pixels.shape}, expected uint8 (height, width, 3)")
        height, width = pixels.shape[:2]
        image = Image(width=width, height=height, encoding="bgr24", data=pixels)
        passed_s = (now_us - state.followed_us) / 1e6
        if state.grey.size and 0.0 <= passed_s < _LOOK_S:
            return state, (Frame(image=image, motion=_NOTHING, ease=record.value.ease),)
        cells, side = cells_of(pixels)
        boxes, background = _NOTHING, cells
        if state.grey.shape == cells.shape:
            moved = change(cells, state.grey, self.options.min_change)
            if moved.everywhere:
                boxes = np.array([[0, 0, width, height]], dtype=np.float32)
            else:
                found = boxes_of(moved.mask, self.options.max_boxes)
                boxes = in_pixels(found, side, cells.shape, width, height)
                background = followed(state.grey, moved, 1.0 - math.exp(-max(passed_s, 0.0) / self.options.adapt_s))
        frame = Frame(image=image, motion=boxes, ease=record.value.ease)
        return IngestState(grey=background, followed_us=now_us), (frame,)

    def tick(self, state: IngestState, record: Record[Tick]) -> tuple[IngestState, Sequence[Frame]]:
        """Nothing moves without a picture."""
        return state, ()


_NOTHING: F32 = np.zeros((0, 4), dtype=np.float32)
