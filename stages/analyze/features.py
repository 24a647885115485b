"""Measures that exercises are said in, of all bodies of some frames, as one array."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipeline.core.types import F32, F64
from stages.analyze.body import Bodies, Standing
from stages.analyze.layout import POINTS
from stages.analyze.middles import ANKLES, HIPS, KNEES, SHOULDERS, either
from stages.analyze.movement import Shape

SIDED: tuple[str, ...] = ("elbow", "shoulder", "hip", "knee", "hand_height")
"""Measures of each side; the plain name is the mean of the sides that are seen."""

WHOLE_BODY: Mapping[str, str] = {
    "trunk_tilt": "trunk against the vertical, degrees: 0 = upright, 90 = lying",
    "body_tilt": "ankles to shoulders against the vertical, degrees: 0 = upright, 90 = lying or a plank",
    "hip_drop": "how far the hips are below their height in standing, leg lengths: 0 = standing, 1 = on the floor",
    "thigh_height": "hips above knees, thigh lengths: 1 = standing, 0 = thighs level with the floor",
    "feet_apart": "distance of the ankles along the floor, body heights",
    "hip_sag": "hips below the straight line from shoulders to ankles, degrees of bend: 0 = straight, above 0 = they "
    "sag, below 0 = they stand up",
    "knee_ratio": "distance of the knees over that of the ankles, seen from the front or behind: 1 = alike, below 1 = "
    "knees fall in",
}
"""Measures without sides, and what they mean. Body height is the learned one from nose to ankle."""

SIDED_MEANING: Mapping[str, str] = {
    "elbow": "flexion, degrees: 0 = straight",
    "shoulder": "arm against the trunk, degrees: 180 = hangs down, 90 = at a right angle, 0 = stretched up",
    "hip": "flexion, degrees: 0 = straight, either way",
    "knee": "flexion, degrees: 0 = straight",
    "hand_height": "wrist above the shoulders, body heights; the nose is at 0.14, a hanging hand at -0.38",
}

FEATURES: tuple[str, ...] = (*SIDED, *WHOLE_BODY)
"""Names of all measures."""

DEGREES: frozenset[str] = frozenset((*SIDED[:4], "trunk_tilt", "body_tilt", "hip_sag"))

_N = len(SIDED)
COLUMNS: Mapping[str, int] = {
    **{f"left_{name}": i for i, name in enumerate(SIDED)},
    **{f"right_{name}": _N + i for i, name in enumerate(SIDED)},
    **{name: 2 * _N + i for i, name in enumerate(SIDED)},
    **{f"{name}_difference": 3 * _N + i for i, name in enumerate(SIDED)},
    **{name: 4 * _N + i for i, name in enumerate(WHOLE_BODY)},
}
"""Column of each measure; those with a side in their name too, and how far both sides are apart."""

_PAIRS = ("hip", "knee", "ankle")
_LEFT = np.array([POINTS.index(f"left_{name}") for name in _PAIRS])
_RIGHT = np.array([POINTS.index(f"right_{name}") for name in _PAIRS])
_WRISTS = np.array([POINTS.index("left_wrist"), POINTS.index("right_wrist")])
_HIP, _KNEE, _ANKLE = range(len(_PAIRS))
_TILT, _HIP_RISE, _HEIGHT, _LEG = (Shape._fields.index(name) for name in ("tilt", "hip", "height", "leg"))

_FRONTAL = 0.8  # of the distance of the hips lies across the picture: seen from within 37 degrees of front or back
_FRONTAL_FLAT = 0.08  # without depth: distance of the hips on the picture, body heights; from the front it is 0.11
_STANCE = 0.05  # body heights; ankles that are closer together tell nothing about knees


def features_of(bodies: Bodies, standing: Standing, shapes: F64) -> F32:
    """(R, F) measures in the order of `COLUMNS`; NaN = unknown. `shapes` (R, S) has the fields of `Shape`."""
    count = len(shapes)
    table = np.empty((len(COLUMNS), count))
    if not count:
        return table.T.astype(np.float32)
    shape = shapes.T
    height, leg = shape[_HEIGHT], shape[_LEG]
    points, middle, rise, up = bodies.points, bodies.middles.known[:, :, :3], standing.rise, standing.up
    sides = table[: 2 * _N].reshape(2, _N, count)
    sides[:, :4] = bodies.angles.T.reshape(4, 2, count).swapaxes(0, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        sides[:, 4] = (np.einsum("pri,ri->pr", points.take(_WRISTS, axis=0), up) - rise[SHOULDERS]) / height
        table[2 * _N : 3 * _N] = either(sides[0], sides[1])
        np.abs(sides[0] - sides[1], out=table[3 * _N : 4 * _N])
        whole = table[4 * _N :]
        whole[0] = shape[_TILT]
        np.subtract(1.0, shape[_HIP_RISE], out=whole[2])
        whole[3] = (rise[HIPS] - rise[KNEES]) / (0.5 * leg)
        _body_line(middle, rise, whole)
        _widths(points.take(_LEFT, axis=0) - points.take(_RIGHT, axis=0), up, height, bodies.metric, whole)
    return table.T.astype(np.float32, order="C")


def _body_line(middle: F64, rise: F64, whole: F64) -> None:
    """Tilt of the line from ankles to shoulders, and how far the hips hang below it."""
    line = middle[SHOULDERS] - middle[ANKLES]
    line_rise = rise[SHOULDERS] - rise[ANKLES]
    square = np.einsum("ni,ni->n", line, line)
    length = np.sqrt(square)
    along = np.einsum("ni,ni->n", middle[HIPS] - middle[ANKLES], line) / square
    below = along * line_rise - (rise[HIPS] - rise[ANKLES])
    # Two bones of these lengths along the line bend by this angle where they meet `below` it.
    reach = along * (1.0 - along) * length
    whole[1] = np.degrees(np.arccos((line_rise / length).clip(-1.0, 1.0)))
    whole[5] = np.degrees(np.arctan2(below, reach))


def _widths(apart: F64, up: F64, height: F64, metric: bool, whole: F64) -> None:
    """Distance of the feet, and of the knees over that of the ankles across the picture."""
    feet = apart[_ANKLE]
    rise = np.einsum("ri,ri->r", feet, up)
    whole[4] = np.sqrt(np.maximum(np.einsum("ni,ni->n", feet, feet) - rise * rise, 0.0)) / height
    # All along the line of the hips on the picture, so that a foot further up the picture makes no difference.
    along = np.einsum("vni,ni->vn", apart[:, :, :2], apart[_HIP, :, :2])
    across, ankles = along[_HIP], along[_ANKLE]
    if metric:
        away = apart[_HIP, :, 2]
        frontal = across * (1.0 / _FRONTAL**2 - 1.0) >= away * away
    else:
        frontal = across >= (_FRONTAL_FLAT * height) ** 2
    stands = ankles >= _STANCE * height * np.sqrt(across)
    whole[6] = np.where(frontal & stands, along[_KNEE] / ankles, np.nan)
