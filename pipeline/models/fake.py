"""Models that see painted marks instead of people: exact, cheap, for tests and for load without inference."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.core.perception import Estimated, Found
from pipeline.core.regions import regions_of_axes
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, U8, Bool

HIPS_BGR = (255, 0, 255)
"""Colour of the disc at the middle of the hips."""

HEAD_BGR = (255, 255, 0)
"""Colour of the disc at the top of the head."""

_REGION_SCALE = 1.25
_WORLD_M = 0.85
"""Metres from the hips to the top of the head."""

# The standing figure in lengths from the hips to the top of the head: x to the person's left, y up.
_FIGURE = {"nose": (0, 0.85), "mouth": (0.04, 0.8), "eye": (0.05, 0.9), "ear": (0.1, 0.88), "shoulder": (0.25, 0.6)}
_FIGURE |= {"elbow": (0.3, 0.25), "wrist": (0.32, -0.05), "pinky": (0.34, -0.15), "index": (0.32, -0.17)}
_FIGURE |= {"thumb": (0.29, -0.12), "hip": (0.13, 0.0), "knee": (0.15, -0.5), "ankle": (0.15, -0.95)}
_FIGURE |= {"heel": (0.14, -1.0), "foot": (0.18, -1.02)}


def paint_person(pixels: U8, hips: tuple[float, float], head: tuple[float, float]) -> None:
    """Paint the marks of one person into (H, W, 3) BGR pixels.

    Args:
        pixels: Changed in place.
        hips: Middle of the hips, x and y in pixels.
        head: Top of the head.
    """
    radius = max(2, round(0.09 * float(np.hypot(head[0] - hips[0], head[1] - hips[1]))))
    for (x, y), colour in ((head, HEAD_BGR), (hips, HIPS_BGR)):
        cv2.circle(pixels, (round(x - 0.5), round(y - 0.5)), radius, colour, -1)


def figure_keypoints(hips: F32, head: F32) -> F32:
    """(N, 33, 2) keypoints of the painted people with (N, 2) hips and heads."""
    up = head - hips
    # The person faces the camera: their left is on the right of the picture.
    left = np.column_stack((-up[:, 1], up[:, 0]))
    keypoints: F32 = (
        hips[:, None] + _TEMPLATE[None, :, :1] * left[:, None] + _TEMPLATE[None, :, 1:] * up[:, None]
    ).astype(np.float32)
    return keypoints


class FakeDetector:
    """Finds painted people."""

    size = 128

    def detect(self, pictures: U8) -> Sequence[Found]:
        """See `PersonDetector.detect`."""
        return [self._one(picture) for picture in pictures]

    def _one(self, picture: U8) -> Found:
        hips, head = _people(picture)
        half = np.hypot(*(head - hips).T)[:, None]
        return Found(
            xyxy=np.concatenate((hips - half, hips + half), axis=1).astype(np.float32),
            score=np.full(len(hips), 0.95, dtype=np.float32),
            region=regions_of_axes(hips, head, _REGION_SCALE),
        )


class FakeEstimator:
    """Keypoints of the painted person whose hips are nearest to the middle of the crop; score 0 where there is none."""

    size = 128
    skeleton = "blazepose33"

    def estimate(self, crops: U8) -> Estimated:
        """See `PoseEstimator.estimate`."""
        count = len(crops)
        hips = np.full((count, 2), self.size / 2, dtype=np.float32)
        head = hips - np.array([0.0, self.size / 2 / _REGION_SCALE], dtype=np.float32)
        score = np.zeros(count, dtype=np.float32)
        for i, crop in enumerate(crops):
            found_hips, found_head = _people(crop)
            if len(found_hips):
                nearest = int(np.argmin(np.hypot(*(found_hips - self.size / 2).T)))
                hips[i], head[i], score[i] = found_hips[nearest], found_head[nearest], 0.95
        points = figure_keypoints(hips, head)
        world = (points - hips[:, None]) / np.maximum(np.hypot(*(head - hips).T), 1e-6)[:, None, None] * _WORLD_M
        return Estimated(
            keypoints=np.concatenate((points, np.zeros((count, 33, 1))), axis=2).astype(np.float32),
            keypoint_score=np.repeat(score[:, None], 33, axis=1),
            world=np.concatenate((world, np.zeros((count, 33, 1))), axis=2).astype(np.float32),
            score=score,
            region=regions_of_axes(hips, head, _REGION_SCALE),
        )


def _people(picture: U8) -> tuple[F32, F32]:
    """(N, 2) hips and heads: each hips' mark with the nearest head's mark."""
    blue, green, red = picture[:, :, 0], picture[:, :, 1], picture[:, :, 2]
    hips = _centres((blue > 160) & (red > 160) & (green < 96))
    heads = _centres((blue > 160) & (green > 160) & (red < 96))
    if not len(hips) or not len(heads):
        none = np.zeros((0, 2), dtype=np.float32)
        return none, none
    gap = np.hypot(*(hips[:, None] - heads[None]).transpose(2, 0, 1))
    return hips, heads[gap.argmin(axis=1)]


def _centres(mask: Bool) -> F32:
    """(N, 2) centres of the spots of at least two pixels, from the top down."""
    _, _, stats, centroids = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    # The first one is the background.
    spots: F32 = centroids[1:][stats[1:, cv2.CC_STAT_AREA] >= 2].astype(np.float32) + np.float32(0.5)
    return spots


def _template() -> F32:
    points = []
    for name in SKELETONS["blazepose33"].keypoints:
        part = next(p for p in _FIGURE if p in name)
        x, y = _FIGURE[part]
        points.append((-x if "right" in name else x, y))
    return np.array(points, dtype=np.float32)


_TEMPLATE = _template()
