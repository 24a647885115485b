"""Where people stand: the middle of their ankles, or where it must be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipeline.core.masks import all_of, any_of
from pipeline.core.types import F64, I64, U8, Bool, Floats
from stages.analyze.layout import POINTS
from stages.analyze.watched import Watched


def _pair(name: str) -> slice:
    left = POINTS.index(f"left_{name}")
    assert POINTS[left + 1] == f"right_{name}", "left and right of a pair follow each other"
    return slice(left, left + 2)


NOSE = POINTS.index("nose")
EARS, SHOULDERS, ELBOWS, WRISTS = map(_pair, ("ear", "shoulder", "elbow", "wrist"))
"""Left and right in POINTS."""


class People(NamedTuple):
    """The N people of a frame, as arrays.

    Attributes:
        track_id: (N,) int64.
        points: (P, N, 2) pixels of `layout.POINTS`, NaN = not seen.
        head: (N,) y as `head_of` gives it, pixels; NaN = not seen.
        hip, foot: (2, N) x and y of the middle of the hips and of the ankles, pixels; NaN = not seen.
        angles: (N, A) degrees, `vocabulary.ANGLES`.
        posture: (N,) index into `vocabulary.POSTURES`.
        height: (N,) learned nose to ankle, pixels; NaN = unknown.
        box: (N, 4) around the keypoints, pixels.
        arms_hang: Nobody has a hand above its elbow or an arm away from the trunk.
        metric: Angles were taken in three dimensions.
        width, size_y: Of the picture, pixels.
        now_us: Event time.
    """

    track_id: I64
    points: F64
    head: F64
    hip: F64
    foot: F64
    angles: F64
    posture: U8
    height: F64
    box: Floats
    arms_hang: bool
    metric: bool
    width: int
    size_y: int
    now_us: int


class Feet(NamedTuple):
    """Where people stand.

    Attributes:
        at: (2, N) x and y, pixels.
        seen: (N,) by an ankle at least; else by the hips and the leg last seen below them, else the box's bottom.
    """

    at: F64
    seen: Bool


def find_feet(watched: Watched, people: People) -> Feet:
    """The feet of the people of a frame, who are the first rows of `watched`; learns their legs."""
    n = len(people.height)
    foot = people.foot
    leg = (foot - people.hip) / people.height
    known: Bool = leg[0] == leg[0]
    if all_of(known):
        watched.leg[:n] = leg.T
        return Feet(foot, known)
    watched.leg[:n][known] = leg.T[known]
    seen: Bool = foot[0] == foot[0]
    if all_of(seen):
        return Feet(foot, seen)
    by_hips = people.hip + watched.leg[:n].T * people.height
    bottom = np.stack((0.5 * (people.box[:, 0] + people.box[:, 2]), people.box[:, 3]))
    guessed = np.where(np.isnan(by_hips), bottom, by_hips)
    return Feet(np.where(seen, foot, guessed), seen)


def head_of(points: F64) -> F64:
    """(R,) y of the nose, or of the higher ear, of (P, R, 2) points in pixels; NaN = not seen."""
    head: F64 = points[NOSE, :, 1]
    unseen = head != head
    if any_of(unseen):
        ears = points[EARS]
        head = np.where(unseen, np.fmin(ears[0, :, 1], ears[1, :, 1]), head)
    return head
