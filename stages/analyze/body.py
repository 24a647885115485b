"""Angles and extents of all bodies of a frame, as arrays over people.

Where the model gives metres, angles and extents are taken in three dimensions, otherwise on the picture. A thigh that
points at the camera is short on the picture: the knee of a deep squat seen from the front reads 20 degrees there and
100 in metres. BlazePose's depth is noisier than its x and y (a straight limb reads some degrees of flexion), but it is
never wrong by that much.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipeline.core.types import F64, Bool
from pipeline.core.values import DOUBTFUL, Motions
from stages.analyze.layout import ANGLE_A, ANGLE_B, ANGLE_C, ANKLES, EARS, HIPS, LEFT, NOSE, SHOULDERS, Layout
from stages.analyze.options import AnalyzeOptions

MIN_POINTS = 6
"""Keypoints needed to fit the pixels of a metre."""


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
        angles: (N, A) degrees, `vocabulary.ANGLES`, unrounded.
        extents: One for each person.
    """

    metric: bool
    angles: F64
    extents: list[Extent]


def measure_bodies(motions: Motions, layout: Layout, up: F64, options: AnalyzeOptions) -> Bodies:
    """Angles and extents of the people of a frame; `up` is (3,), the unit vector against gravity."""
    poses = motions.poses
    metric = poses.world.shape[1] > 0
    picture = poses.keypoints[:, layout.points, :2].astype(np.float64)
    seen = poses.keypoint_score[:, layout.points] >= options.min_score
    seen &= (motions.flags[:, layout.points] & DOUBTFUL) == 0
    seen &= np.isfinite(picture[:, :, 0])
    if metric:
        points = poses.world[:, layout.points].astype(np.float64)
        seen &= np.isfinite(points[:, :, 0])
    else:
        points = np.zeros((*picture.shape[:2], 3))
        points[:, :, :2] = picture
    hidden = ~seen
    points[hidden] = np.nan
    picture[hidden] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = _pixels_per_unit(picture, points, seen) if metric else np.ones(len(points))
        angles, upper, lower = _angles(points, options.min_bone_m if metric else options.min_bone_px)
        columns = _extents(points, picture, up, angles, upper, lower)
        columns.insert(4, scale)
    table = np.array(columns).T.tolist()
    return Bodies(metric, angles, [Extent(*row) for row in table])


def _angles(points: F64, min_bone: float) -> tuple[F64, F64, F64]:
    """(N, A) flexions in degrees, and the (N, A) lengths of both bones of each. Flexion = 180 - the angle between."""
    vertex = points[:, ANGLE_B]
    u, v = points[:, ANGLE_A] - vertex, points[:, ANGLE_C] - vertex
    nu, nv = np.sqrt(np.einsum("nai,nai->na", u, u)), np.sqrt(np.einsum("nai,nai->na", v, v))
    cosine = np.einsum("nai,nai->na", u, v) / (nu * nv)
    angles = 180.0 - np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    angles[(nu < min_bone) | (nv < min_bone)] = np.nan
    return angles, nu, nv


def _extents(points: F64, picture: F64, up: F64, angles: F64, upper: F64, lower: F64) -> list[F64]:
    """Columns of `Extent`, but for the scale."""
    middles = _either(points[:, LEFT], points[:, LEFT + 1])
    on_picture = _either(picture[:, LEFT], picture[:, LEFT + 1])
    head = np.where(np.isnan(points[:, NOSE]), middles[:, EARS], points[:, NOSE])
    shoulders, hips, ankles = middles[:, SHOULDERS], middles[:, HIPS], middles[:, ANKLES]
    # The knee's two bones are thigh and shank.
    thigh, shank = _either(upper[:, 6], upper[:, 7]), _either(lower[:, 6], lower[:, 7])
    leg = thigh + shank
    trunk = _length(shoulders - hips)
    rise = points @ up
    ankle_rise = ankles @ up
    knee_rise = (rise[:, 11:13] - rise[:, 13:15]) / lower[:, 6:8]
    beside = 0.5 * (hips + shoulders) - ankles
    beside -= (beside @ up)[:, None] * up
    lean = shoulders - ankles
    joints = _either(angles[:, 0::2], angles[:, 1::2])
    hip, foot = on_picture[:, HIPS], on_picture[:, ANKLES]
    return [
        hip[:, 0], hip[:, 1], foot[:, 0], foot[:, 1],
        _length(head - shoulders) + trunk + leg,
        leg,
        trunk,
        thigh / shank,
        (shoulders - hips) @ up,
        hips @ up - ankle_rise,
        head @ up - np.fmin(rise[:, 13], rise[:, 14]),
        shoulders @ up - ankle_rise,
        np.fmin(knee_rise[:, 0], knee_rise[:, 1]),
        _length(beside),
        *joints.T,
        *lean.T,
    ]  # fmt: skip


def _either(left: F64, right: F64) -> F64:
    """The mean of two, or the one that is known."""
    mean: F64 = 0.5 * (np.where(np.isnan(left), right, left) + np.where(np.isnan(right), left, right))
    return mean


def _length(vectors: F64) -> F64:
    lengths: F64 = np.sqrt(np.einsum("ni,ni->n", vectors, vectors))
    return lengths


def _pixels_per_unit(picture: F64, points: F64, seen: Bool) -> F64:
    """(N,) pixels of a metre: least squares of the picture on the metres' x and y (weak perspective)."""
    n = seen.sum(axis=1)
    p = np.where(seen[:, :, None], picture, 0.0)
    q = np.where(seen[:, :, None], points[:, :, :2], 0.0)
    p_sum, q_sum = p.sum(axis=1), q.sum(axis=1)
    covariance = np.einsum("nki,nki->n", p, q) - np.einsum("ni,ni->n", p_sum, q_sum) / n
    variance = np.einsum("nki,nki->n", q, q) - np.einsum("ni,ni->n", q_sum, q_sum) / n
    scale: F64 = covariance / variance
    scale[(n < MIN_POINTS) | ~(scale > 0)] = np.nan
    return scale
