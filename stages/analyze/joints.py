"""Angles of joints in the body's own planes, with a sign, of all people of some frames.

Axes are named as the International Society of Biomechanics does (Wu et al., 2002 and 2005): x forward, y up, z to the
person's right. Up is the line from the middle of the hips to that of the shoulders; right is the line between the
shoulders (thorax) or the hips (pelvis) across it. A third frame stands on the floor: right along the hips, up against
gravity. Keypoints are joint centres, so a turn of a limb about itself and a tilt of the pelvis forward do not show.

An angle is NaN where its keypoints cannot tell it: a bone is too short, points along the axis that it turns about, or
the value is none that a joint has. Angles in a plane are cut where no joint goes and what comes near to the cut is NaN,
so there is no jump from one end to the other and nothing to unwrap by a memory, which one wrong frame would spoil.
"""

from __future__ import annotations

import numpy as np

from pipeline.core.masks import any_of
from pipeline.core.types import F64, I64
from pipeline.core.vocabulary import ANGLES, FLEXIONS
from stages.analyze.layout import FEET, POINTS
from stages.analyze.middles import EARS, PAIRS, Middles

_LEAST = 0.5
"""Least share of a bone that lies in the plane of its angle: within 60 degrees of it. Noise counts twice there."""

_LEAST_FOOT = 0.43
"""Least length of a foot on the picture, shanks: seen within 45 degrees of its side (foot 0.152, shank 0.246 of the
stature: Winter, 2009)."""

_CUT = -120.0
"""Where angles in a plane begin; joints end 30 degrees before it and begin 30 after it."""

_ALL = (*POINTS, *FEET, *(f"{name}s" for name in PAIRS))


def _both(name: str, start: str, end: str) -> tuple[tuple[str, str, str], ...]:
    return tuple((f"{side}_{name}", f"{side}_{start}", f"{side}_{end}") for side in ("left", "right"))


_VECTORS: tuple[tuple[str, str, str], ...] = (
    ("trunk", "hips", "shoulders"),
    ("shoulder_line", "left_shoulder", "right_shoulder"),
    ("hip_line", "left_hip", "right_hip"),
    ("neck", "shoulders", "ears"),
    *_both("arm", "shoulder", "elbow"),
    *_both("thigh", "hip", "knee"),
    *_both("shank", "knee", "ankle"),
    *_both("foot", "heel", "toe"),
)
_NAMES = [name for name, _, _ in _VECTORS]
_STARTS: I64 = np.array([_ALL.index(start) for _, start, _ in _VECTORS])
_ENDS: I64 = np.array([_ALL.index(end) for _, _, end in _VECTORS])
_SHANKS = slice(_NAMES.index("left_shank"), _NAMES.index("right_shank") + 1)
_SOLES = slice(_NAMES.index("left_foot"), _NAMES.index("right_foot") + 1)

# Each frame by its first axis and the vector that shows the second; then the limbs that are looked at in it.
_THORAX, _PELVIS, _FLOOR = range(3)
_FIRST: I64 = np.array([_NAMES.index(name) for name in ("trunk", "trunk", "hip_line")])
_SECOND: I64 = np.array([_NAMES.index(name) for name in ("shoulder_line", "hip_line")])
_LIMBS = (
    ("left_arm", "right_arm", "neck", "hip_line"),
    ("left_thigh", "right_thigh", "left_shank", "right_shank"),
    ("trunk", "trunk", "trunk", "trunk"),
)
_LIMB: I64 = np.array([[_NAMES.index(name) for name in names] for names in _LIMBS])
# The third axis is the first across the second: forward of the body's frames, backward of the floor's.
_AXES = ({"y": (0, 1.0), "z": (1, 1.0), "x": (2, 1.0)},) * 2 + ({"z": (0, 1.0), "y": (1, 1.0), "x": (2, -1.0)},)


def _part(frame: int, limb: str, axis: str, sign: float = 1.0) -> tuple[int, float]:
    """Where a limb's part along an axis stands among all parts (3 axes, 3 frames, 4 limbs), and its sign."""
    number, direction = _AXES[frame][axis]
    return (number * 3 + frame) * 4 + _LIMBS[frame].index(limb), sign * direction


# Opposite and adjacent side of each angle in a plane; left is -z.
_PLANES = [
    *((_part(_THORAX, arm, "x"), _part(_THORAX, arm, "y", -1)) for arm in ("left_arm", "right_arm")),
    (_part(_THORAX, "left_arm", "z", -1), _part(_THORAX, "left_arm", "y", -1)),
    (_part(_THORAX, "right_arm", "z"), _part(_THORAX, "right_arm", "y", -1)),
    *((_part(_PELVIS, thigh, "x"), _part(_PELVIS, thigh, "y", -1)) for thigh in ("left_thigh", "right_thigh")),
    (_part(_FLOOR, "trunk", "x"), _part(_FLOOR, "trunk", "y")),
    (_part(_THORAX, "hip_line", "x", -1), _part(_THORAX, "hip_line", "z")),
    (_part(_THORAX, "neck", "x"), _part(_THORAX, "neck", "y")),
]
_SINES = [
    _part(_PELVIS, "left_thigh", "z", -1), _part(_PELVIS, "right_thigh", "z"),
    _part(_PELVIS, "left_shank", "z", -1), _part(_PELVIS, "right_shank", "z"),
]  # fmt: skip
_PLANE_AT: I64 = np.array([[plane[side][0] for plane in _PLANES] for side in (0, 1)])
_PLANE_SIGN: F64 = np.array([[plane[side][1] for plane in _PLANES] for side in (0, 1)])[:, :, None]
_SINE_AT: I64 = np.array([at for at, _ in _SINES])
# Then the ankles, and the trunk's two against the hips.
_SINE_SIGN: F64 = np.array([*(sign for _, sign in _SINES), -1.0, -1.0, 1.0, -1.0])[:, None]

_TOLD = ANGLES[len(FLEXIONS) :]
_LOW: F64 = np.array([angle.low for angle in _TOLD])[:, None]
_HIGH: F64 = np.array([angle.high for angle in _TOLD])[:, None]
# Rows of planes, then of sines with the knees in place of the shanks, in the order in which they are told.
_ORDER: I64 = np.array([13, 14, 0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 6, 15, 7, 8, 16])
# Operands without axes: numpy takes them in half the time of Python's numbers.
_MINUS_ONE, _ONE = np.array(-1.0), np.array(1.0)
_YZX_ZXY: I64 = np.array([1, 2, 0, 2, 0, 1])


def joint_angles(points: F64, middles: Middles, up: F64, min_bone: float) -> F64:
    """(J, R) degrees: `vocabulary.ANGLES` after the flexions, from metres.

    Args:
        points: (P, R, 3) keypoints of `layout.POINTS`, and `layout.FEET` where the skeleton has them; NaN = not seen.
        middles: Of these; columns after the third are not looked at.
        up: (R, 3) unit vector against gravity.
        min_bone: Shortest bone that an angle is taken from.
    """
    n = points.shape[1]
    vectors = _vectors(points, middles, min_bone)
    frames = np.empty((3, 3, n, 3))
    first, second = frames[0], frames[1]
    vectors.take(_FIRST, axis=0, out=first)
    vectors.take(_SECOND, axis=0, out=second[:2])
    second[2] = up
    across = np.einsum("fni,fni->fn", first, second)
    second -= across[:, :, None] * first
    lengths = np.sqrt(np.einsum("fni,fni->fn", second, second))
    lengths[lengths < _LEAST] = np.nan
    second /= lengths[:, :, None]
    ahead, after = frames[:2].take(_YZX_ZXY, axis=3)
    np.subtract(ahead[:, :, :3] * after[:, :, 3:], ahead[:, :, 3:] * after[:, :, :3], out=frames[2])
    limbs = vectors.take(_LIMB, axis=0)
    # A product of matrices would not give the same bits for one row and for many.
    parts = np.einsum("flni,afni->afln", limbs, frames).reshape(36, n)
    sides = parts.take(_PLANE_AT, axis=0)
    sides *= _PLANE_SIGN
    angles = np.empty((17, n))
    planes, sines = angles[:9], angles[9:]
    np.arctan2(sides[0], sides[1], out=planes)
    sides *= sides
    planes[sides[0] + sides[1] < _LEAST * _LEAST] = np.nan
    sines[:4] = parts.take(_SINE_AT, axis=0)
    np.einsum("sni,sni->sn", vectors[_SHANKS], vectors[_SOLES], out=sines[4:6])
    sines[6:] = across[_PELVIS:]
    sines *= _SINE_SIGN
    np.maximum(sines, _MINUS_ONE, out=sines)
    np.minimum(sines, _ONE, out=sines)
    np.arcsin(sines, out=sines)
    sines[2:4] -= sines[:2]
    np.degrees(angles, out=angles)
    degrees = angles.take(_ORDER, axis=0)
    before = degrees < _CUT
    if any_of(before):
        degrees[before] += 360.0
    return _possible(degrees)


def ankle_angles(points: F64, min_bone: float) -> F64:
    """(J, R) degrees as `joint_angles`, from the picture, which shows only the ankles, and these only from the side."""
    n = points.shape[1]
    degrees = np.full((17, n), np.nan)
    if len(points) == len(POINTS):
        return degrees
    bones = points.take(_ENDS[_SHANKS.start :], axis=0) - points.take(_STARTS[_SHANKS.start :], axis=0)
    lengths = np.sqrt(np.einsum("vni,vni->vn", bones, bones))
    lengths[lengths < min_bone] = np.nan
    shank, foot = lengths[:2], lengths[2:]
    foot[foot < _LEAST_FOOT * shank] = np.nan
    cosine = np.einsum("sni,sni->sn", bones[:2], bones[2:]) / (shank * foot)
    degrees[:2] = np.degrees(np.arcsin((-cosine).clip(-1.0, 1.0)))
    return _possible(degrees)


def _vectors(points: F64, middles: Middles, min_bone: float) -> F64:
    """(V, R, 3) unit vectors of `_VECTORS`."""
    if len(points) == len(POINTS):
        points = np.concatenate((points, np.full((len(FEET), *points.shape[1:]), np.nan)))
    known = np.concatenate((points, middles.between[:, :, :3]))
    if middles.known is not middles.between:
        # Either ear tells how the neck bends: they lie beside each other across that plane.
        known[len(points) + EARS] = middles.known[EARS, :, :3]
    vectors: F64 = known.take(_ENDS, axis=0)
    vectors -= known.take(_STARTS, axis=0)
    lengths = np.sqrt(np.einsum("vni,vni->vn", vectors, vectors))
    lengths[lengths < min_bone] = np.nan
    vectors /= lengths[:, :, None]
    return vectors


def _possible(degrees: F64) -> F64:
    """The angles without those that no joint has."""
    degrees[(degrees < _LOW) | (degrees > _HIGH)] = np.nan
    return degrees
