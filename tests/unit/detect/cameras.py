"""Runs the stage `detect` on frames that need no video, and says what it looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from pipeline.core.perception import PersonDetector
from pipeline.core.records import Record
from pipeline.core.types import F32, U8
from pipeline.core.values import ALL, Detections, Frame, Image
from pipeline.models.fake import FakeDetector
from stages.detect import DetectOptions, DetectStage, DetectState
from tests.builders import stamp

WIDTH, HEIGHT = 640, 360
NO_MOTION: F32 = np.zeros((0, 4), dtype=np.float32)
ALL_MOVES: F32 = np.array([[0, 0, WIDTH, HEIGHT]], dtype=np.float32)


def empty_room() -> U8:
    return np.full((HEIGHT, WIDTH, 3), 128, dtype=np.uint8)


@dataclass
class Camera:
    """A camera and the stage behind it.

    Attributes:
        decoded: How often the pixels of an image were asked for.
        looks: (seconds, window) of each look.
        ease: Of its frames.
    """

    options: DetectOptions = field(default_factory=DetectOptions)
    detector: PersonDetector = field(default_factory=FakeDetector)
    decoded: int = 0
    looks: list[tuple[float, int]] = field(default_factory=list)
    ease: int = ALL

    def __post_init__(self) -> None:
        self.stage = DetectStage(self.options, self.detector, self._pixels)
        self.state: DetectState = self.stage.initial_state("door")

    def see(self, at_s: float, pixels: U8, motion: F32 = NO_MOTION) -> Detections:
        """One frame through the stage."""
        height, width = pixels.shape[:2]
        record = Record(stamp(at_s), Frame(Image(width, height, "bgr24", pixels), motion, self.ease))
        planned = self.stage.plan(self.state, record)
        self.looks += [(at_s, look.window) for look in planned]
        self.state, (detections,) = self.stage.fold(self.state, record, self.stage.infer(planned))
        return detections

    def film(
        self, seconds: float, fps: float, picture: Callable[[float], U8], motion: F32 = NO_MOTION, start_s: float = 0.0
    ) -> list[tuple[float, Detections]]:
        """`seconds` of frames."""
        times = [start_s + i / fps for i in range(round(seconds * fps))]
        return [(t, self.see(t, picture(t), motion)) for t in times]

    def _pixels(self, image: Image) -> U8:
        self.decoded += 1
        assert isinstance(image.data, np.ndarray)
        return image.data
