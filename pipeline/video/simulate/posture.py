"""The posture: everything that moves in a body, as one vector of named numbers.

A posture is a (P,) float64 vector in the order of `FIELDS`. Positions are metres, angles radians. Body axes are
x forward, y to the body's left, z up. Legs are given by where the ankles are, so that planted feet stay planted;
arms by their angles.
"""

from __future__ import annotations

import numpy as np

from pipeline.core.types import F64

_TRUNK = (
    "x",  # middle of the hips in the room
    "y",
    "z",
    "heading",  # about z: where the body faces, 0 = to the right of the picture, -90 degrees = to the camera
    "pitch",  # lean of the pelvis, forward positive
    "roll",  # lean of the pelvis, to the body's right positive
    "spine_pitch",  # the same three for the chest against the pelvis
    "spine_roll",
    "spine_twist",  # to the left positive
    "neck_pitch",  # the same three for the head against the chest
    "neck_roll",
    "neck_yaw",
    "sway",  # share of the small natural sway, 0 to 1
)
_SIDE = (
    "arm_flex",  # 0 = hanging, 90 degrees = forward, 180 = overhead
    "arm_abd",  # 0 = hanging, 90 degrees = out to the side
    "arm_twist",  # about the upper arm, inward positive: where the elbow bends to
    "elbow",  # 0 = straight, flexion positive
    "wrist",  # 0 = straight, flexion positive
    "foot_x",  # the ankle in the room
    "foot_y",
    "foot_z",
    "foot_yaw",  # where the toes point to, as heading
    "foot_pitch",  # toes down positive, 90 degrees = on tiptoe
    "knee_out",  # how far the knee points outward of the pelvis
)
SIDES = ("left", "right")
FIELDS: tuple[str, ...] = (*_TRUNK, *(f"{side}_{name}" for side in SIDES for name in _SIDE))
INDEX: dict[str, int] = {name: i for i, name in enumerate(FIELDS)}

_LENGTHS = frozenset({"x", "y", "z", "foot_x", "foot_y", "foot_z"})
_PLAIN = _LENGTHS | {"sway"}


def _bare(name: str) -> str:
    for side in SIDES:
        name = name.removeprefix(f"{side}_")
    return name


IS_LENGTH = np.array([_bare(name) in _LENGTHS for name in FIELDS])
_X = np.array([INDEX[name] for name in ("x", "left_foot_x", "right_foot_x")])
_Y = np.array([INDEX[name] for name in ("y", "left_foot_y", "right_foot_y")])
_FACING = np.array([INDEX[name] for name in ("heading", "left_foot_yaw", "right_foot_yaw")])
_NEGATED = np.array(
    [
        name in {"y", "heading", "roll", "spine_roll", "spine_twist", "neck_roll", "neck_yaw"}
        or _bare(name) in {"foot_y", "foot_yaw"}
        for name in FIELDS
    ]
)
_OTHER_SIDE = np.array(
    [
        INDEX[name.replace("left_", "right_") if name.startswith("left_") else name.replace("right_", "left_")]
        for name in FIELDS
    ]
)


def posture(base: F64 | None = None, **values: float | tuple[float, float]) -> F64:
    """A posture of its own place: lengths in body heights, angles in degrees, a pair means (left, right).

    What is not named is as in `base`, or 0. `posture(elbow=(10, 20))` sets both elbows.
    """
    vector = np.zeros(len(FIELDS)) if base is None else base.copy()
    for name, value in values.items():
        named = [(name, value)] if not isinstance(value, tuple) else list(zip(_both(name), value, strict=True))
        for field, number in named:
            vector[INDEX[field]] = number if _bare(field) in _PLAIN else np.deg2rad(number)
    return vector


def mirrored(vector: F64) -> F64:
    """The same posture with left and right exchanged, mirrored in its own middle plane."""
    swapped: F64 = vector[_OTHER_SIDE].copy()
    swapped[_NEGATED] *= -1
    return swapped


def placed(vector: F64, height_m: float, place: tuple[float, float], heading: float) -> F64:
    """The posture in the room: scaled to a body height, turned by `heading` radians, moved to `place`."""
    result = np.where(IS_LENGTH, vector * height_m, vector)
    c, s = np.cos(heading), np.sin(heading)
    x, y = result[_X], result[_Y]
    result[_X], result[_Y] = c * x - s * y + place[0], s * x + c * y + place[1]
    result[_FACING] += heading
    return result


def _both(name: str) -> tuple[str, str]:
    return f"left_{name}", f"right_{name}"
