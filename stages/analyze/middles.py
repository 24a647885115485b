"""Middles between left and right of all bodies of some frames."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipeline.core.masks import any_of
from pipeline.core.types import F64
from stages.analyze.layout import POINTS

PAIRS: tuple[str, ...] = ("ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
EARS, SHOULDERS, ELBOWS, WRISTS, HIPS, KNEES, ANKLES = range(len(PAIRS))
"""Indices in PAIRS."""

_LEFT, _RIGHT = (np.array([POINTS.index(f"{side}_{name}") for name in PAIRS]) for side in ("left", "right"))


class Middles(NamedTuple):
    """Of all PAIRS, in the unit of the points that they were taken of.

    Attributes:
        known: (7, R, D) the middle, or the one side that is seen; NaN = neither.
        between: (7, R, D) NaN where a side is not seen; the same array where all are.
    """

    known: F64
    between: F64


def middles_of(points: F64) -> Middles:
    """The middles of `points`, (P, R, D) in the order of `layout.POINTS`; NaN = not seen."""
    left, right = points.take(_LEFT, axis=0), points.take(_RIGHT, axis=0)
    between = left + right
    between *= 0.5
    unknown = np.isnan(between)
    if not any_of(unknown):
        return Middles(between, between)
    return Middles(np.where(unknown, np.fmax(left, right), between), between)


def either(left: F64, right: F64) -> F64:
    """The mean of two, or the one that is known."""
    mean: F64 = left + right
    mean *= 0.5
    unknown = np.isnan(mean)
    if any_of(unknown):
        mean = np.where(unknown, np.fmax(left, right), mean)
    return mean
