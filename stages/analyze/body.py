"""Angles and extents of all bodies of some frames, as arrays over people.

Where the model gives metres, angles and extents are taken in three dimensions, otherwise on the picture. A thigh that
points at the camera is short on the picture: the knee of a deep squat seen from the front reads 20 degrees there and
100 in metres. BlazePose's depth is noisier than its x and y (a straight limb reads some degrees of flexion), but it is
never wrong by that much.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipeline.core.joined import joined
from pipeline.core.masks import all_of, any_of
from pipeline.core.types import F32, F64, Bool
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
    """All bodies of some frames with the same people: R rows, one for each frame and person.

    What a row holds does not depend on the rows beside it, to the bit: frames may come one by one or many at once.

    Attributes:
        metric: Units are metres (pixels otherwise).
        angles: (R, A) degrees, `vocabulary.FLEXIONS`, unrounded.
        points: (P, R, 3) keypoints of `layout.POINTS` and FEET, metres or pixels; NaN = not seen.
        picture: (P, R, 2) the same on the picture, pixels.
        middles: Of points and picture side by side, 5 columns.
        nose: (R, 5) the same columns.
        shank: (2, R) lengths of both lower legs.
        lines: (3, R, 3) from the hips to the shoulders, from the ankles to the middle of the trunk, and the head.
        table: (E, R) the columns of `Extent`; those against gravity are filled by `stand`.
    """

    metric: bool
    angles: F64
    points: F64
    picture: F64
    middles: Middles
    nose: F64
    shank: F64
    lines: F64
    table: F64

    @property
    def hip(self) -> F64:
        """(2, R) x and y of the middle of the hips on the picture, pixels; NaN = not seen."""
        return self.table[:2]

    @property
    def foot(self) -> F64:
        """(2, R) x and y of the middle of the ankles on the picture, pixels; NaN = not seen."""
        return self.table[2:4]

    def leans(self) -> list[list[float]]:
        """Of each row the flexion of hip and knee, and `lean_x`, `lean_y` and `lean_z`."""
        leans: list[list[float]] = self.table[_AT["hip"] :].T.tolist()
        return leans

    def extents(self) -> list[Extent]:
        """One for each row, once they stand."""
        return [Extent._make(row) for row in self.table.T.tolist()]


class Standing(NamedTuple):
    """Bodies against gravity, metres or pixels.

    Attributes:
        up: (R, 3) unit vector against gravity.
        rise: (7, R) how high the middles are.
        lower_ankle: (R,) how high the lower ankle is.
    """

    up: F64
    rise: F64
    lower_ankle: F64


def measure_bodies(frames: Sequence[Motions], layout: Layout, options: AnalyzeOptions) -> Bodies:
    """Angles and extents of the people of some frames, as far as they do not depend on where up is.

    Inside, arrays have the P points of the layout first: (P, R, 3) and (P, R, 2). So a point of all people is one
    block, and `take` gives blocks again, on which numpy is two to three times as fast as on what an index gives.
    """
    metric = frames[0].poses.world.shape[1] > 0
    on_picture = joined([motions.poses.keypoints for motions in frames]).take(layout.points, axis=1)[:, :, :2]
    score = joined([motions.poses.keypoint_score for motions in frames])
    flags = joined([motions.flags for motions in frames])
    seen: Bool = score.take(layout.points, axis=1) >= options.min_score
    if np.count_nonzero(flags):
        seen &= (flags.take(layout.points, axis=1) & DOUBTFUL) == 0
    seen &= np.isfinite(on_picture[:, :, 0])
    if metric:
        in_metres = joined([motions.poses.world for motions in frames]).take(layout.points, axis=1)
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
    table = np.empty((len(Extent._fields), len(seen)))
    with np.errstate(divide="ignore", invalid="ignore"):
        table[_AT["scale"]] = _pixels_per_unit(picture, points, unseen) if metric else 1.0
        joints = _joints(points, options.min_bone_m if metric else options.min_bone_px)
        lines = _fill_lengths(table, points, middles.known, joints)
    return Bodies(
        metric=metric,
        angles=joints[0].T,
        points=points,
        picture=picture,
        middles=middles,
        nose=both[NOSE],
        shank=joints[2, LEFT_KNEE : RIGHT_KNEE + 1],
        lines=lines,
        table=table,
    )


def stand(bodies: Bodies, up: F64) -> Standing:
    """The bodies against gravity, `up` (R, 3); fills what is still empty of their table."""
    table, middles, lines = bodies.table, bodies.middles.known, bodies.lines
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = np.einsum("pri,ri->pr", bodies.points[KNEES_AND_ANKLES], up)
        lower_ankle: F64 = np.fmin(rise[2], rise[3])
        middle_rise: F64 = np.einsum("pri,ri->pr", middles[:, :, :3], up)
        line_rise = np.einsum("pri,ri->pr", lines, up)
        knee_rise = (rise[:2] - rise[2:]) / bodies.shank
        np.fmin(knee_rise[0], knee_rise[1], out=table[_AT["knee_rise"]])
    ankle_rise = middle_rise[ANKLES]
    table[_AT["trunk_rise"]] = line_rise[0]
    np.subtract(middle_rise[HIPS], ankle_rise, out=table[_AT["hip_rise"]])
    np.subtract(line_rise[2], lower_ankle, out=table[_AT["head_rise"]])
    np.subtract(middle_rise[SHOULDERS], ankle_rise, out=table[_AT["shoulder_rise"]])
    table[_AT["offset"]] = _lengths(lines[1] - line_rise[1][:, None] * up)
    return Standing(up, middle_rise, lower_ankle)


_AT = {name: i for i, name in enumerate(Extent._fields)}

# Operands without axes: numpy takes them in half the time of Python's numbers.
_LEAST, _MOST, _HALF, _STRAIGHT = (np.array(value) for value in (-1.0, 1.0, 0.5, 180.0))


def _points_first(taken: F32, unseen: Bool | None) -> F64:
    """(R, P, D) as (P, R, D) float64, NaN where `unseen` (P, R); None = all are seen."""
    points = taken.transpose(1, 0, 2).astype(np.float64, order="C")
    if unseen is not None:
        points[unseen] = np.nan
    return points


def _joints(points: F64, min_bone: float) -> F64:
    """(3, A, R) flexions, 180 - the angle between, in degrees, and the lengths of the upper and lower bone of each."""
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


def _fill_lengths(table: F64, points: F64, middles: F64, joints: F64) -> F64:
    """Write the columns of `Extent` that do not depend on where up is, all but the scale; gives `Bodies.lines`."""
    shoulders, hips, ankles = middles[SHOULDERS, :, :3], middles[HIPS, :, :3], middles[ANKLES, :, :3]
    lines = np.empty((3, *points.shape[1:]))
    upwards, beside, head = lines
    head[:] = points[NOSE]
    unknown = np.isnan(head)
    if any_of(unknown):
        np.copyto(head, middles[EARS, :, :3], where=unknown)
    np.subtract(shoulders, hips, out=upwards)
    np.add(hips, shoulders, out=beside)
    beside *= _HALF
    beside -= ankles
    of_sides = either(joints[:, 0::2], joints[:, 1::2])
    # The knee's two bones are thigh and shank.
    thigh, shank = of_sides[1:, LEFT_KNEE // 2]
    leg = thigh + shank
    trunk, neck = _lengths(upwards), _lengths(head - shoulders)
    table[0:2] = middles[HIPS, :, 3:].T
    table[2:4] = middles[ANKLES, :, 3:].T
    height = table[_AT["height"]]
    np.add(neck, trunk, out=height)
    height += leg
    table[_AT["leg"]], table[_AT["trunk"]] = leg, trunk
    np.divide(thigh, shank, out=table[_AT["thigh"]])
    table[_AT["elbow"] : _AT["knee"] + 1] = of_sides[0]
    table[_AT["lean_x"] :] = (shoulders - ankles).T
    return lines


def _lengths(vectors: F64) -> F64:
    """(...) Euclidean lengths of (..., D)."""
    lengths: F64 = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))
    return lengths


def _pixels_per_unit(picture: F64, points: F64, unseen: Bool | None) -> F64:
    """(R,) pixels of a metre: least squares of the picture on the metres' x and y (weak perspective)."""
    both = np.empty((2, _BODY, *picture.shape[1:]))
    both[0], both[1] = picture[:_BODY], points[:_BODY, :, :2]
    count = np.full((picture.shape[1], 1), _BODY)
    if unseen is not None:
        missing = unseen[:_BODY]
        both[:, missing] = 0.0
        count[:, 0] -= np.add.reduce(missing, axis=0)
    total = np.add.reduce(both, axis=1)
    # Row 0: covariance of the picture with the metres; row 1: variance of the metres. Over the points first: numpy adds
    # these in their order however many rows there are.
    moments = np.add.reduce(both * both[1], axis=1) - total * total[1] / count
    moments = moments[:, :, 0] + moments[:, :, 1]
    scale: F64 = moments[0] / moments[1]
    scale[~(scale > 0)] = np.nan
    if unseen is not None:
        scale[count[:, 0] < MIN_POINTS] = np.nan
    return scale
