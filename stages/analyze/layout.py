"""Where the keypoints that analysis needs lie in a skeleton's arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.core.errors import InvalidRecord
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import I64
from pipeline.core.vocabulary import FLEXIONS

POINTS: tuple[str, ...] = (
    "nose",
    *(f"{side}_{name}" for name in ("ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
      for side in ("left", "right")),
)  # fmt: skip
"""The keypoints that analysis looks at, in the order of its arrays."""

FEET: tuple[str, ...] = ("left_heel", "right_heel", "left_toe", "right_toe")
"""The keypoints after these, where the skeleton has them."""
_TOES = ("foot_index", "big_toe")

_AT = {name: i for i, name in enumerate(POINTS)}

NOSE = _AT["nose"]
KNEES_AND_ANKLES = slice(_AT["left_knee"], _AT["right_ankle"] + 1)
"""Left knee, right knee, left ankle, right ankle."""

ANGLE_ENDS: I64 = np.array([_AT[angle.a] for angle in FLEXIONS] + [_AT[angle.c] for angle in FLEXIONS])
"""Ends of the upper bones of all angles, then those of their lower ones."""
ANGLE_VERTICES: I64 = np.array([_AT[angle.b] for angle in FLEXIONS] * 2)
_ANGLE_AT = {angle.name: i for i, angle in enumerate(FLEXIONS)}
LEFT_KNEE, RIGHT_KNEE = _ANGLE_AT["left_knee"], _ANGLE_AT["right_knee"]
"""Indices of the knees in FLEXIONS."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Indices of POINTS in a skeleton, and of FEET after them where it has these."""

    skeleton: str
    points: I64


def layout_of(skeleton: str) -> Layout:
    """The layout of a skeleton. Raises InvalidRecord for one that is unknown or lacks a keypoint."""
    if skeleton not in SKELETONS:
        raise InvalidRecord(f"skeleton {skeleton!r} is none of {', '.join(SKELETONS)}")
    known = SKELETONS[skeleton]
    try:
        body = known.indices(*POINTS)
    except KeyError as error:
        raise InvalidRecord(f"skeleton {skeleton} has no keypoint {error}, which analysis needs") from error
    for toe in _TOES:
        feet = [name.replace("toe", toe) for name in FEET]
        if known.index.keys() >= set(feet):
            return Layout(skeleton, np.concatenate((body, known.indices(*feet))))
    return Layout(skeleton, body)
