"""Angles and extents of all bodies of a frame, as arrays over people.

Where the model gives metres, angles and extents are taken in three dimensions, otherwise on the picture. A thigh that
points at the camera is short on the picture: the knee of a deep squat seen from the front reads 20 degrees there and
100 in metres. BlazePose's depth is noisier than its x and y (a straight limb reads some degrees of flexion), but it is
never wrong by that much.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipeline.core.masks import all_of, any_of
from pipeline.core.types import F32, F64, I64, Bool
from pipeline.core.values import DOUBTFUL, Motions
from stages.analyze.layout import (
    ANGLE_ENDS,
    ANGLE_VERTICES,
    KNEES_AND_ANKLES,
    LEFT_KNEE,
    NOSE,
    POINTS,
    RIGHT_KNEE,
    Layout,
)
from stages.analyze.middles import ANKLES, EARS, HIPS, SHOULDERS, Middles, either, middles_of
from stages.analyze.options import AnalyzeOptions

MIN_POINTS = 6
"""Keypoints needed to fit the pixels of a metre."""

_BODY = len(POINTS)


class Extent(NamedTuple):
    """Extents of one body in its own unit, metres or pixels; up is against gravity. NaN = not seen.

    Attributes:
        hip_x, hip_y, foot_x, foot_y: Middle of the hips and of the ankles on the picture, pixels.
        scale: Pixels of one unit.
        height, leg, trunk: Sum of bones nose to ankle, hip to ankle, and shoulders to hips.
        thigh: Thigh over shank.
        trunk_rise, hip_rise, head_rise, shoulder_rise: Shoulders above hips; hips, head and shoulders above ankles
            (the head above the lower one).
        knee_rise: The lower knee above its ankle, shank lengths.
        offset: Middle of the trunk beside the middle of the ankles.
        elbow, shoulder, hip, knee: Flexion, mean of the sides seen, degrees.
        lean_x, lean_y, lean_z: From the ankles to the shoulders.
    """

    hip_x: float
    hip_y: float
    foot_x: float
    foot_y: float
    scale: float
    height: float
    leg: float
    trunk: float
    thigh: float
    trunk_rise: float
    hip_rise: float
    head_rise: float
    shoulder_rise: float
    knee_rise: float
    offset: float
    elbow: float
    shoulder: float
    hip: float
    knee: float
    lean_x: float
    lean_y: float
    lean_z: float


class Bodies(NamedTuple):
    """All bodies of one frame.

    Attributes:
        metric: Units are metres (pixels otherwise).
        angles: (N, A) degrees, `vocabulary.FLEXIONS`, unrounded.
        extents: One for each person.
        points: (P, N, 3) keypoints of `layout.POINTS` and FEET, metres or pixels; NaN = not seen.
        picture: (P, N, 2) the same on the picture, pixels.
        hip, foot: (2, N) x and y of the middle of the hips and of the ankles on the picture, pixels; NaN = not seen.
        middles: Of points and picture side by side, 5 columns.
        nose: (N, 5) the same columns.
        rise: (7, N) how high the middles are, and
        lower_ankle: (N,) the lower ankle, against gravity, metres or pixels.
    """

    metric: bool
    angles: F64
    extents: list[Extent]
    points: F64
    picture: F64
    hip: F64
    foot: F64
    middles: Middles
    nose: F64
    rise: F64
    lower_ankle: F64


def measure_bodies(motions: Motions, layout: Layout, up: F64, options: AnalyzeOptions) -> Bodies:
    """Angles and extents of the people of a frame; `up` is (3,), the unit vector against gravity.

    Inside, arrays have the P points of the layout first: (P, N, 3) and (P, N, 2). So a point of all people is one
    block, and `take` gives blocks again, on which numpy is two to three times as fast as on what an index gives.
    """
    poses = motions.poses
    metric = poses.world.shape[1] > 0
    on_picture = poses.keypoints.take(layout.points, axis=1)[:, :, :2]
    seen: Bool = poses.keypoint_score.take(layout.points, axis=1) >= options.min_score
    if np.count_nonzero(motions.flags):
        seen &= (motions.flags.take(layout.points, axis=1) & DOUBTFUL) == 0
    seen &= np.isfinite(on_picture[:, :, 0])
    if metric:
        in_metres = poses.world.take(layout.points, axis=1)
        seen &= np.isfinite(in_metres[:, :, 0])
    unseen = None if all_of(seen) else ~seen.T
    picture = _points_first(on_picture, unseen)
    if metric:
        points = _points_first(in_metres, unseen)
    else:
        points = np.zeros((*picture.shape[:2], 3))
        points[:, :, :2] = picture
        points[:, :, 2][np.isnan(picture[:, :, 0])] = np.nan
    both = np.concatenate((points[:_BODY], picture[:_BODY]), axis=2)
    middles = middles_of(both)
    with np.errstate(divide="ignore", invalid="ignore"):
        table = np.empty((len(Extent._fields), len(seen)))
        table[_SCALE] = _pixels_per_unit(picture, points, unseen) if metric else 1.0
        joints = _joints(points, options.min_bone_m if metric else options.min_bone_px)
        rise, lower_ankle = _fill_extents(table, points, middles.known, up, joints)
    return Bodies(
        metric=metric,
        angles=joints[0].T,
        extents=[Extent._make(row) for row in table.T.tolist()],
        points=points,
        picture=picture,
        hip=table[:2],
        foot=table[2:4],
        middles=middles,
        nose=both[NOSE],
        rise=rise,
        lower_ankle=lower_ankle,
    )


_SCALE = Extent._fields.index("scale")

# Operands without axes: numpy takes them in half the time of Python's numbers.
_LEAST, _MOST, _HALF, _STRAIGHT = (np.array(value) for value in (-1.0, 1.0, 0.5, 180.0))


def _points_first(taken: F32, unseen: Bool | None) -> F64:
    """(N, P, D) as (P, N, D) float64, NaN where `unseen` (P, N); None = all are seen."""
    points = taken.transpose(1, 0, 2).astype(np.float64, order="C")
    if unseen is not None:
        points[unseen] = np.nan
    return points


def _joints(points: F64, min_bone: float) -> F64:
    """(3, A, N) flexions, 180 - the angle between, in degrees, and the lengths of the upper and lower bone of each."""
    bones = points.take(ANGLE_ENDS, axis=0)
    bones -= points.take(ANGLE_VERTICES, axis=0)
    count = len(bones) // 2
    joints = np.empty((3, count, points.shape[1]))
    angles, lengths = joints[0], joints[1:]
    np.sqrt(np.einsum("bni,bni->bn", bones, bones).reshape(lengths.shape), out=lengths)
    cosine = np.einsum("ani,ani->an", bones[:count], bones[count:])
    cosine /= lengths[0] * lengths[1]
    np.maximum(cosine, _LEAST, out=cosine)
    np.minimum(cosine, _MOST, out=cosine)
    np.arccos(cosine, out=cosine)
    np.degrees(cosine, out=cosine)
    np.subtract(_STRAIGHT, cosine, out=angles)
    short = lengths < min_bone
    if any_of(short):
        angles[short[0] | short[1]] = np.nan
    return joints


def _fill_extents(table: F64, points: F64, middles: F64, up: F64, joints: F64) -> tuple[F64, F64]:
    """Write the columns of `Extent` as rows of the table, all but the scale; gives the heights of the middles and that
    of the lower ankle.
    """
    shoulders, hips, ankles = middles[SHOULDERS, :, :3], middles[HIPS, :, :3], middles[ANKLES, :, :3]
    head = nose = points[NOSE]
    unknown = np.isnan(nose)
    if any_of(unknown):
        head = np.where(unknown, middles[EARS, :, :3], nose)
    of_sides = either(joints[:, 0::2], joints[:, 1::2])
    # The knee's two bones are thigh and shank.
    thigh, shank = of_sides[1:, LEFT_KNEE // 2]
    leg = thigh + shank
    rise = points[KNEES_AND_ANKLES] @ up
    lower_ankle: F64 = np.fmin(rise[2], rise[3])
    middle_rise = middles[:, :, :3] @ up
    ankle_rise = middle_rise[ANKLES]
    knee_rise = (rise[:2] - rise[2:]) / joints[2, LEFT_KNEE : RIGHT_KNEE + 1]
    lines = np.empty((4, *nose.shape))
    upwards, neck, beside, head_itself = lines
    np.subtract(shoulders, hips, out=upwards)
    np.subtract(head, shoulders, out=neck)
    np.add(hips, shoulders, out=beside)
    beside *= _HALF
    beside -= ankles
    head_itself[:] = head
    line_rise = lines @ up
    beside -= line_rise[2][:, None] * up
    trunk, neck_length, offset = _lengths(lines[:3])
    table[0:2] = middles[HIPS, :, 3:].T
    table[2:4] = middles[ANKLES, :, 3:].T
    height = table[5]
    np.add(neck_length, trunk, out=height)
    height += leg
    table[6], table[7], table[9], table[14] = leg, trunk, line_rise[0], offset
    np.divide(thigh, shank, out=table[8])
    np.subtract(middle_rise[HIPS], ankle_rise, out=table[10])
    np.subtract(line_rise[3], lower_ankle, out=table[11])
    np.subtract(middle_rise[SHOULDERS], ankle_rise, out=table[12])
    np.fmin(knee_rise[0], knee_rise[1], out=table[13])
    table[15:19] = of_sides[0]
    table[19:] = (shoulders - ankles).T
    return middle_rise, lower_ankle


def _lengths(vectors: F64) -> F64:
    """(...) Euclidean lengths of (..., D)."""
    lengths: F64 = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))
    return lengths


def _pixels_per_unit(picture: F64, points: F64, unseen: Bool | None) -> F64:
    """(N,) pixels of a metre: least squares of the picture on the metres' x and y (weak perspective)."""
    both = np.empty((2, _BODY, *picture.shape[1:]))
    both[0], both[1] = picture[:_BODY], points[:_BODY, :, :2]
    count: I64 | int = _BODY
    if unseen is not None:
        missing = unseen[:_BODY]
        both[:, missing] = 0.0
        count = _BODY - np.add.reduce(missing, axis=0)
    total = np.add.reduce(both, axis=1)
    # Row 0: covariance of the picture with the metres; row 1: variance of the metres.
    moments = np.einsum("skni,kni->sn", both, both[1]) - np.einsum("sni,ni->sn", total, total[1]) / count
    scale: F64 = moments[0] / moments[1]
    scale[~(scale > 0)] = np.nan
    if unseen is not None:
        scale[count < MIN_POINTS] = np.nan
    return scale
