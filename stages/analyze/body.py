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
from pipeline.core.types import F32, F64, Bool
from pipeline.core.values import DOUBTFUL, Motions
from stages.analyze.layout import (
    ANGLE_ENDS,
    ANGLE_VERTICES,
    ANKLES,
    EARS,
    HIPS,
    KNEES_AND_ANKLES,
    LEFT,
    LEFT_HIP_AND_ANKLE,
    LEFT_KNEE,
    NOSE,
    POINTS,
    RIGHT,
    RIGHT_HIP_AND_ANKLE,
    RIGHT_KNEE,
    SHOULDERS,
    Layout,
)
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
    """

    metric: bool
    angles: F64
    extents: list[Extent]
    points: F64
    picture: F64
    hip: F64
    foot: F64


def measure_bodies(motions: Motions, layout: Layout, up: F64, options: AnalyzeOptions) -> Bodies:
    """Angles and extents of the people of a frame; `up` is (3,), the unit vector against gravity.

    Inside, arrays have the P points of the layout first: (P, N, 3) and (P, N, 2). So a point of all people is one
    block, and `take` gives blocks again, on which numpy is two to three times as fast as on what an index gives.
    """
    poses = motions.poses
    metric = poses.world.shape[1] > 0
    on_picture = poses.keypoints.take(layout.points, axis=1)[:, :, :2]
    seen: Bool = poses.keypoint_score.take(layout.points, axis=1) >= options.min_score
    seen &= (motions.flags.take(layout.points, axis=1) & DOUBTFUL) == 0
    seen &= np.isfinite(on_picture[:, :, 0])
    if metric:
        in_metres = poses.world.take(layout.points, axis=1)
        seen &= np.isfinite(in_metres[:, :, 0])
        points = _points_first(in_metres, seen)
        picture = _points_first(on_picture, seen)
    else:
        picture = _points_first(on_picture, seen)
        points = np.zeros((*picture.shape[:2], 3))
        points[:, :, :2] = picture
        points[:, :, 2][np.isnan(picture[:, :, 0])] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = _pixels_per_unit(picture[:_BODY], points[:_BODY], seen[:, :_BODY]) if metric else np.ones(len(seen))
        angles, bones = _angles(points, options.min_bone_m if metric else options.min_bone_px)
        columns = _extents(points, picture, up, angles, bones)
        columns.insert(4, scale)
    table = np.array(columns)
    extents = [Extent._make(row) for row in table.T.tolist()]
    return Bodies(metric, angles.T, extents, points, picture, table[:2], table[2:4])


def _points_first(taken: F32, seen: Bool) -> F64:
    """(N, P, D) as (P, N, D) float64, NaN where not `seen` (N, P)."""
    points = taken.transpose(1, 0, 2).astype(np.float64, order="C")
    if not all_of(seen):
        points[~seen.T] = np.nan
    return points


def _angles(points: F64, min_bone: float) -> tuple[F64, F64]:
    """(A, N) flexions, 180 - the angle between, in degrees, and the (2, A, N) lengths of both bones of each."""
    bones = points.take(ANGLE_ENDS, axis=0) - points.take(ANGLE_VERTICES, axis=0)
    lengths = _lengths(bones)
    count = len(bones) // 2
    upper, lower = lengths[:count], lengths[count:]
    cosine = np.einsum("ani,ani->an", bones[:count], bones[count:]) / (upper * lower)
    angles: F64 = 180.0 - np.degrees(np.arccos(cosine.clip(-1.0, 1.0)))
    short = lengths < min_bone
    if any_of(short):
        angles[short[:count] | short[count:]] = np.nan
    return angles, lengths.reshape(2, count, -1)


def _extents(points: F64, picture: F64, up: F64, angles: F64, bones: F64) -> list[F64]:
    """Columns of `Extent`, but for the scale."""
    middles = _either(points.take(LEFT, axis=0), points.take(RIGHT, axis=0))
    hip, foot = _either(picture.take(LEFT_HIP_AND_ANKLE, axis=0), picture.take(RIGHT_HIP_AND_ANKLE, axis=0))
    nose, shoulders, hips, ankles = points[NOSE], middles[SHOULDERS], middles[HIPS], middles[ANKLES]
    head = np.where(np.isnan(nose), middles[EARS], nose)
    # The knee's two bones are thigh and shank.
    thigh, shank = _either(bones[:, LEFT_KNEE], bones[:, RIGHT_KNEE])
    leg = thigh + shank
    upwards = shoulders - hips
    rise = points[KNEES_AND_ANKLES] @ up
    middle_rise = middles @ up
    ankle_rise = middle_rise[ANKLES]
    knee_rise = (rise[:2] - rise[2:]) / bones[1, LEFT_KNEE : RIGHT_KNEE + 1]
    beside = 0.5 * (hips + shoulders) - ankles
    beside -= (beside @ up)[:, None] * up
    lean = shoulders - ankles
    trunk, neck, offset = _lengths(np.array((upwards, head - shoulders, beside)))
    joints = _either(angles[0::2], angles[1::2])
    return [
        hip[:, 0], hip[:, 1], foot[:, 0], foot[:, 1],
        neck + trunk + leg,
        leg,
        trunk,
        thigh / shank,
        upwards @ up,
        middle_rise[HIPS] - ankle_rise,
        head @ up - np.fmin(rise[2], rise[3]),
        middle_rise[SHOULDERS] - ankle_rise,
        np.fmin(knee_rise[0], knee_rise[1]),
        offset,
        *joints,
        *lean.T,
    ]  # fmt: skip


def _either(left: F64, right: F64) -> F64:
    """The mean of two, or the one that is known."""
    mean: F64 = 0.5 * (left + right)
    unknown = np.isnan(mean)
    if any_of(unknown):
        mean = np.where(unknown, np.fmax(left, right), mean)
    return mean


def _lengths(vectors: F64) -> F64:
    """(...) Euclidean lengths of (..., D)."""
    lengths: F64 = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))
    return lengths


def _pixels_per_unit(picture: F64, points: F64, seen: Bool) -> F64:
    """(N,) pixels of a metre: least squares of the picture on the metres' x and y (weak perspective)."""
    n = seen.sum(axis=1)
    both = np.empty((2, *picture.shape))
    both[0], both[1] = picture, points[:, :, :2]
    if not all_of(seen):
        both[:, ~seen.T] = 0.0
    total = both.sum(axis=1)
    # Row 0: covariance of the picture with the metres; row 1: variance of the metres.
    moments = np.einsum("skni,kni->sn", both, both[1]) - np.einsum("sni,ni->sn", total, total[1]) / n
    scale: F64 = moments[0] / moments[1]
    scale[(n < MIN_POINTS) | ~(scale > 0)] = np.nan
    return scale
