"""Pairs of detector and estimator under test, and how a person is drawn so that they see one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.core.perception import PersonDetector, PoseEstimator
from pipeline.core.types import F32, U8
from pipeline.models import find
from pipeline.models.blazepose import BlazePoseDetector, BlazePoseEstimator
from pipeline.models.fake import FakeDetector, FakeEstimator, paint_person
from pipeline.models.kinds import make_detector, make_estimator
from tests.mannequin import draw, room
from tests.published import LITE, MOVENET, RTMDET, TINYPOSE, YOLOX

NAMES = ("fake", "blazepose")

PUBLISHED = ("blazepose lite", "rtmdet and heatmap", "yolox and movenet")
"""Pairs whose files lie beside the project, if anywhere; they run on two threads."""


@dataclass(frozen=True)
class Eyes:
    """A detector and an estimator, and what they take for a person.

    Attributes:
        draw: Draws a person into a picture: x and y of the middle of the hips, stature, all in pixels.
    """

    detector: PersonDetector
    estimator: PoseEstimator
    draw: Callable[[U8, float, float, float], None]

    def picture(self, *people: tuple[float, float, float], side: int = 480) -> U8:
        """(side, side, 3) BGR with people at x, y of this stature."""
        picture = room(side, side)
        for x, y, stature in people:
            self.draw(picture, x, y, stature)
        return picture

    def small(self, *people: tuple[float, float, float]) -> U8:
        """`picture` in the detector's size."""
        size = self.detector.size
        return np.asarray(cv2.resize(self.picture(*people), (size, size), interpolation=cv2.INTER_AREA))

    def crop(
        self, *people: tuple[float, float, float], centre: tuple[float, float] = (240, 250), side: int = 470
    ) -> U8:
        """The square of 470 pixels about `centre` of the `picture`, in the estimator's size."""
        side = 470
        left, top = round(centre[0] - side / 2), round(centre[1] - side / 2)
        padded = cv2.copyMakeBorder(self.picture(*people), 480, 480, 480, 480, cv2.BORDER_REPLICATE)
        cut = padded[480 + top : 480 + top + side, 480 + left : 480 + left + side]
        size = self.estimator.size
        return np.asarray(cv2.resize(cut, (size, size), interpolation=cv2.INTER_AREA))


def make(name: str) -> Eyes:
    """The pair of this name."""
    if name == "fake":
        return Eyes(FakeDetector(), FakeEstimator(), _paint)
    nowhere = Path("no-folder-of-models")
    detector = BlazePoseDetector(find("blazepose-detector", nowhere))
    return Eyes(detector, BlazePoseEstimator(find("blazepose-full", nowhere)), draw)


def make_published(name: str, models: Path) -> Eyes:
    """The pair of this name, of the files in a folder."""
    if name == "blazepose lite":
        detector: PersonDetector = BlazePoseDetector(find("blazepose-detector", Path("no-folder-of-models")))
        return Eyes(detector, BlazePoseEstimator(models / LITE, threads=2), draw)
    if name == "rtmdet and heatmap":
        detector = make_detector("rtmdet", models / RTMDET, size=320, threads=2)
        return Eyes(detector, make_estimator("heatmap", models / TINYPOSE, size=None, threads=2), draw)
    detector = make_detector("yolox", models / YOLOX, size=None, threads=2)
    return Eyes(detector, make_estimator("movenet", models / MOVENET, size=None, threads=2), draw)


def boxes_hold(xyxy: F32, x: float, y: float) -> bool:
    """Whether some box holds the point."""
    return bool(((xyxy[:, :2] <= (x, y)) & (xyxy[:, 2:] >= (x, y))).all(axis=1).any())


def _paint(picture: U8, x: float, y: float, stature: float) -> None:
    paint_person(picture, (x, y), (x, y - 0.47 * stature))
