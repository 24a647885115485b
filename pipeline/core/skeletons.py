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

_HEAD_EDGES: tuple[tuple[str, str], ...] = (
    ("left_ear", "left_eye"),
    ("right_ear", "right_eye"),
    ("left_eye", "nose"),
    ("right_eye", "nose"),
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
        *_HEAD_EDGES,
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
    edges=(*_BODY_EDGES, *_HEAD_EDGES),
    oks_sigma=(0.026, *(s for s in (0.025, 0.035, 0.079, 0.072, 0.062, 0.107, 0.087, 0.089) for _ in range(2))),
)

_FOOT_EDGES: tuple[tuple[str, str], ...] = tuple(
    (f"{side}_ankle", f"{side}_{name}") for side in ("left", "right") for name in ("big_toe", "small_toe", "heel")
)

# The middle-line keypoints are spelled as in the other skeletons: Halpe's `hip` is our `mid_hip`.
_HALPE = Skeleton(
    name="halpe26",
    number=3,
    keypoints=(*_COCO.keypoints, "head", "neck", "mid_hip", *_sides("big_toe", "small_toe", "heel")),
    edges=(*_BODY_EDGES, *_HEAD_EDGES, ("head", "neck"), ("neck", "mid_hip"), *_FOOT_EDGES),
    # HalpeCOCOAPI, cocoeval.py: 0.026 for head and neck, 0.066 for the middle of the hips, 0.079 for the feet.
    oks_sigma=(*_COCO.oks_sigma, 0.026, 0.026, 0.066, *(0.079,) * 6),
)

_BODY_25 = Skeleton(
    name="body25",
    number=4,
    keypoints=(
        "nose",
        "neck",
        *(f"right_{name}" for name in ("shoulder", "elbow", "wrist")),
        *(f"left_{name}" for name in ("shoulder", "elbow", "wrist")),
        "mid_hip",
        *(f"right_{name}" for name in ("hip", "knee", "ankle")),
        *(f"left_{name}" for name in ("hip", "knee", "ankle")),
        "right_eye",
        "left_eye",
        "right_ear",
        "left_ear",
        *(f"{side}_{name}" for side in ("left", "right") for name in ("big_toe", "small_toe", "heel")),
    ),
    edges=(*_BODY_EDGES, *_HEAD_EDGES, ("nose", "neck"), ("neck", "mid_hip"), *_FOOT_EDGES),
    # COCO's for its own keypoints, Halpe's for the others: OpenPose publishes none.
    oks_sigma=(
        *(0.026, 0.026, 0.079, 0.072, 0.062, 0.079, 0.072, 0.062, 0.066),
        *(0.107, 0.087, 0.089, 0.107, 0.087, 0.089, 0.025, 0.025, 0.035, 0.035),
        *(0.079,) * 6,
    ),
)

_FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")

# The 68 face points in their own order (iBUG), named from the person's side; the corners of eyes and mouth have the
# names that BlazePose gives them.
_FACE: tuple[str, ...] = (
    *(f"right_contour_{i}" for i in range(1, 9)),
    "chin",
    *(f"left_contour_{i}" for i in range(8, 0, -1)),
    *(f"right_brow_{i}" for i in range(1, 6)),
    *(f"left_brow_{i}" for i in range(5, 0, -1)),
    *(f"nose_bridge_{i}" for i in range(1, 5)),
    *("right_nostril_1", "right_nostril_2", "nose_base", "left_nostril_2", "left_nostril_1"),
    *("right_eye_outer", "right_eyelid_1", "right_eyelid_2", "right_eye_inner", "right_eyelid_3", "right_eyelid_4"),
    *("left_eye_inner", "left_eyelid_2", "left_eyelid_1", "left_eye_outer", "left_eyelid_4", "left_eyelid_3"),
    *("mouth_right", "right_upper_lip_1", "right_upper_lip_2", "upper_lip"),
    *("left_upper_lip_2", "left_upper_lip_1", "mouth_left"),
    *("left_lower_lip_1", "left_lower_lip_2", "lower_lip", "right_lower_lip_2", "right_lower_lip_1"),
    *("inner_mouth_right", "right_inner_upper_lip", "inner_upper_lip", "left_inner_upper_lip", "inner_mouth_left"),
    *("left_inner_lower_lip", "inner_lower_lip", "right_inner_lower_lip"),
)

_HAND_SIGMA = (
    *(0.029, 0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024, 0.035, 0.018, 0.024),
    *(0.022, 0.026, 0.017, 0.021, 0.021, 0.032, 0.020, 0.019, 0.022, 0.031),
)

_COCO_133 = Skeleton(
    name="coco133",
    number=5,
    keypoints=(
        *_COCO.keypoints,
        *(f"{side}_{name}" for side in ("left", "right") for name in ("big_toe", "small_toe", "heel")),
        *_FACE,
        *(
            name
            for side in ("left", "right")
            for name in (f"{side}_hand_root", *(f"{side}_{finger}_{i}" for finger in _FINGERS for i in range(1, 5)))
        ),
    ),
    edges=(
        *_BODY_EDGES,
        *_HEAD_EDGES,
        *_FOOT_EDGES,
        *(
            (f"{side}_{finger}_{i - 1}" if i > 1 else f"{side}_hand_root", f"{side}_{finger}_{i}")
            for side in ("left", "right")
            for finger in _FINGERS
            for i in range(1, 5)
        ),
    ),
    # COCO-WholeBody, myeval_wholebody.py: body, feet, face, left hand, right hand.
    oks_sigma=(
        *_COCO.oks_sigma,
        *(0.068, 0.066, 0.066, 0.092, 0.094, 0.094),
        *(0.042, 0.043, 0.044, 0.043, 0.040, 0.035, 0.031, 0.025, 0.020, 0.023, 0.029, 0.032, 0.037, 0.038),
        *(0.043, 0.041, 0.045, 0.013, 0.012, 0.011, 0.011, 0.012, 0.012, 0.011, 0.011, 0.013, 0.015, 0.009),
        *(0.007, 0.007, 0.007, 0.012, 0.009, 0.008, 0.016, 0.010, 0.017, 0.011, 0.009, 0.011, 0.009, 0.007),
        *(0.013, 0.008, 0.011, 0.012, 0.010, 0.034, 0.008, 0.008, 0.009, 0.008, 0.008, 0.007, 0.010, 0.008),
        *(0.009, 0.009, 0.009, 0.007, 0.007, 0.008, 0.011, 0.008, 0.008, 0.008, 0.010, 0.008),
        *_HAND_SIGMA,
        *_HAND_SIGMA,
    ),
)

SKELETONS: dict[str, Skeleton] = {
    skeleton.name: skeleton for skeleton in (_BLAZEPOSE, _COCO, _HALPE, _BODY_25, _COCO_133)
}
