from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.perception import Found
from pipeline.core.records import Record
from pipeline.core.types import F32
from pipeline.core.values import Frame, Image
from stages.detect.stage import Seen
from stages.detect.windows import windows
from tests.builders import stamp
from tests.unit.detect.cameras import HEIGHT, NO_MOTION, WIDTH, Camera, empty_room

SIDE = 100.0


def found_in(window: F32, size: int, *x: float) -> Found:
    """People whose hips are at these x in the frame, and 200 down, in pixels of the window's picture."""
    left, top, width = window.tolist()
    in_frame = np.array([(one - left, 200 - top, SIDE, 0) for one in x], dtype=np.float32)
    score = np.full(len(x), 0.9, dtype=np.float32)
    return Found(np.zeros((len(x), 4), dtype=np.float32), score, in_frame * np.float32(size / width))


@pytest.mark.parametrize(
    ("first", "second", "people"),
    [
        ((300.0, 330.0), (), 2),
        ((300.0, 315.0), (), 1),
        ((300.0,), (330.0,), 1),
        ((300.0,), (340.0,), 2),
    ],
)
def test_detector_tells_people_of_one_window_apart_and_looks_at_two_windows_are_merged(
    first: tuple[float, ...], second: tuple[float, ...], people: int
) -> None:
    camera = Camera()
    options, size = camera.options, camera.detector.size
    squares = windows(WIDTH, HEIGHT, options.window, options.overlap)
    seen = [Seen(w, found_in(squares[w], size, *x)) for w, x in enumerate((first, second)) if x]
    frame = Record(stamp(0.0), Frame(Image(WIDTH, HEIGHT, "bgr24", empty_room()), NO_MOTION))

    _, (detections,) = camera.stage.fold(camera.state, frame, seen)

    assert len(detections.score) == people
