"""Skeletons: which keypoints a pose has, in which order, and what connects them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from pipeline.core.types import I64


@dataclass(frozen=True)
class Skeleton:
    """A set of named keypoints.

    Attributes:
        name: Its name in records and in SQL.
        number: Its number in the database; never reused.
        keypoints: Names in the order of the arrays; left and right are the person's own.
        edges: Pairs of names that a drawing connects.
        oks_sigma: Spread of each keypoint's annotation relative to the person's size (COCO keypoint evaluation).
    """

    name: str
    number: int
    keypoints: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]
    oks_sigma: tuple[float, ...] = field(repr=False, default=())

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Index of each keypoint by name."""
        return {name: i for i, name in enumerate(self.keypoints)}

    def indices(self, *names: str) -> I64:
        """Indices of the named keypoints. Raises KeyError with the name that this skeleton lacks."""
        return np.array([self.index[name] for name in names], dtype=np.int64)

    @cached_property
    def mirrored(self) -> I64:
        """(K,) for each keypoint the index of its counterpart on the other side (itself on the middle line)."""

        def other(name: str) -> str:
            if "left" in name:
                return name.replace("left", "right")
            return name.replace("right", "left")

        return np.array([self.index[other(name)] for name in self.keypoints], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.keypoints)


def _sides(*names: str) -> tuple[str, ...]:
    return tuple(f"{side}_{name}" for name in names for side in ("left", "right"))


_BODY_EDGES: tuple[tuple[str, str], ...] = (
    ("left_shoulder", "right_shoulder"),
    ("left_hip", "right_hip"),
    *(
        (f"{side}_{a}", f"{side}_{b}")
        for side in ("left", "right")
        for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("shoulder", "hip"), ("hip", "knee"), ("knee", "ankle"))
    ),
)

_BLAZEPOSE = Skeleton(
    name="blazepose33",
    number=1,
    keypoints=(
        "nose",
        "left_eye_inner",
        "left_eye",
        "left_eye_outer",
        "right_eye_inner",
        "right_eye",
        "right_eye_outer",
        "left_ear",
        "right_ear",
        "mouth_left",
        "mouth_right",
        *_sides("shoulder", "elbow", "wrist", "pinky", "index", "thumb", "hip", "knee", "ankle", "heel", "foot_index"),
    ),
    edges=(
        *_BODY_EDGES,
        *(
            (f"{side}_{a}", f"{side}_{b}")
            for side in ("left", "right")
            for a, b in (
                ("wrist", "pinky"),
                ("wrist", "index"),
                ("wrist", "thumb"),
                ("ankle", "heel"),
                ("heel", "foot_index"),
                ("ankle", "foot_index"),
            )
        ),
        ("mouth_left", "mouth_right"),
        ("left_ear", "left_eye"),
        ("right_ear", "right_eye"),
        ("left_eye", "nose"),
        ("right_eye", "nose"),
    ),
    oks_sigma=(
        0.026,
        *(0.025,) * 6,
        0.035,
        0.035,
        0.030,
        0.030,
        *(s for s in (0.079, 0.072, 0.062, 0.068, 0.066, 0.066, 0.107, 0.087, 0.089, 0.089, 0.089) for _ in range(2)),
    ),
)

_COCO = Skeleton(
    name="coco17",
    number=2,
    keypoints=("nose", *_sides("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")),
    edges=(
        *_BODY_EDGES,
        ("left_ear", "left_eye"),
        ("right_ear", "right_eye"),
        ("left_eye", "nose"),
        ("right_eye", "nose"),
    ),
    oks_sigma=(0.026, *(s for s in (0.025, 0.035, 0.079, 0.072, 0.062, 0.107, 0.087, 0.089) for _ in range(2))),
)

SKELETONS: dict[str, Skeleton] = {skeleton.name: skeleton for skeleton in (_BLAZEPOSE, _COCO)}
