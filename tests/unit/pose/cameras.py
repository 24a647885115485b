"""Runs the stage `pose` on painted people, with detections made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.core.perception import PoseEstimator
from pipeline.core.records import Record
from pipeline.core.types import F32, U8
from pipeline.core.values import ALL, Detections, Image, Poses
from pipeline.models.fake import FakeEstimator, paint_person
from stages.pose import PoseOptions, PoseStage, PoseState
from tests.builders import stamp

WIDTH, HEIGHT = 640, 360
LENGTH = 60.0
"""Of the painted people from the hips to the top of the head, pixels."""

SIDE = 2.5 * LENGTH
"""Of the region of a painted person."""

Place = tuple[float, float]


def picture(*people: Place, lean: float = 0.0) -> U8:
    """A grey frame with people whose hips are at these places, leaning to the right by `lean` radians."""
    pixels = np.full((HEIGHT, WIDTH, 3), 128, dtype=np.uint8)
    for x, y in people:
        paint_person(pixels, (x, y), (x + LENGTH * float(np.sin(lean)), y - LENGTH * float(np.cos(lean))))
    return pixels


def regions(*places: Place, side: float = SIDE, rotation: float = 0.0) -> F32:
    """Regions centred on these places."""
    return np.array([(x, y, side, rotation) for x, y in places], dtype=np.float32).reshape(-1, 4)


@dataclass
class Camera:
    """A camera and the stage behind it.

    Attributes:
        decoded: How often the pixels of an image were asked for.
        looked: Number of crops of each frame.
        lighter: Takes the place of `estimator`.
        ease: Of its frames.
    """

    options: PoseOptions = field(default_factory=PoseOptions)
    estimator: PoseEstimator = field(default_factory=FakeEstimator)
    decoded: int = 0
    looked: list[int] = field(default_factory=list)
    lighter: PoseEstimator | None = None
    ease: int = ALL

    def __post_init__(self) -> None:
        self.stage = PoseStage(self.options, self.estimator, self._pixels, lighter=self.lighter)
        self.state: PoseState = self.stage.initial_state("door")

    def see(self, at_s: float, pixels: U8, detected: F32 | None = None, score: Sequence[float] | None = None) -> Poses:
        """One frame through the stage."""
        found = np.zeros((0, 4), dtype=np.float32) if detected is None else detected
        height, width = pixels.shape[:2]
        detections = Detections(
            image=Image(width, height, "bgr24", pixels),
            looked=1,
            xyxy=np.zeros((len(found), 4), dtype=np.float32),
            score=np.array([0.9] * len(found) if score is None else score, dtype=np.float32),
            region=found,
            ease=self.ease,
        )
        record = Record(stamp(at_s), detections)
        planned = self.stage.plan(self.state, record)
        self.looked.append(len(planned))
        self.state, (poses,) = self.stage.fold(self.state, record, self.stage.infer(planned))
        return poses

    def _pixels(self, image: Image) -> U8:
        self.decoded += 1
        assert isinstance(image.data, np.ndarray)
        return image.data


def hips(poses: Poses) -> list[Place]:
    """Middle of the hips of each person, from left to right."""
    middle = poses.keypoints[:, 23:25, :2].mean(axis=1)
    return sorted((round(float(x), 1), round(float(y), 1)) for x, y in middle)
