"""Where the keypoints that analysis needs lie in a skeleton's arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.core.errors import InvalidRecord
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import I64
from pipeline.core.vocabulary import ANGLES

POINTS: tuple[str, ...] = (
    "nose",
    *(f"{side}_{name}" for name in ("ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
      for side in ("left", "right")),
)  # fmt: skip
"""The keypoints that analysis looks at, in the order of its arrays."""

NOSE = 0
LEFT: I64 = np.array([1, 3, 9, 11, 13])
"""Left ear, shoulder, hip, knee, ankle in POINTS; the right one follows each."""
EARS, SHOULDERS, HIPS, KNEES, ANKLES = range(5)
"""Indices of the middles of these pairs."""

_AT = {name: i for i, name in enumerate(POINTS)}
ANGLE_A: I64 = np.array([_AT[angle.a] for angle in ANGLES])
ANGLE_B: I64 = np.array([_AT[angle.b] for angle in ANGLES])
ANGLE_C: I64 = np.array([_AT[angle.c] for angle in ANGLES])


@dataclass(frozen=True, slots=True)
class Layout:
    """Indices of POINTS in a skeleton."""

    skeleton: str
    points: I64


def layout_of(skeleton: str) -> Layout:
    """The layout of a skeleton. Raises InvalidRecord for one that is unknown or lacks a keypoint."""
    if skeleton not in SKELETONS:
        raise InvalidRecord(f"skeleton {skeleton!r} is none of {', '.join(SKELETONS)}")
    try:
        return Layout(skeleton, SKELETONS[skeleton].indices(*POINTS))
    except KeyError as error:
        raise InvalidRecord(f"skeleton {skeleton} has no keypoint {error}, which analysis needs") from error
