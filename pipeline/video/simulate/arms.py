"""Arms that reach: the angles that bring a wrist to a place (inverse kinematics of two segments)."""

from __future__ import annotations

import numpy as np

from pipeline.core.types import F64
from pipeline.video.simulate.kinematics import POINT, figures
from pipeline.video.simulate.posture import INDEX

_UPPER_ARM, _FOREARM = 6, 7
"""Columns of `Body.lengths`."""

_STEPS = 4
"""The shoulder moves with the raised arm; after so many steps the wrist is within a millimetre."""


def reaching(vector: F64, lengths: F64, side: str, target: tuple[float, float, float], elbow: F64) -> F64:
    """The posture with the wrist of one side at `target`, or as near as the arm reaches.

    Args:
        vector: (P,) posture in its own place, body heights.
        lengths: (11,) as `Body.lengths`, body heights.
        side: left or right.
        target: Where the wrist shall be, body heights, in the posture's own place.
        elbow: (3,) the direction in which the elbow points away from the line of shoulder and wrist.
    """
    out = 1.0 if side == "left" else -1.0
    a, b = float(lengths[_UPPER_ARM]), float(lengths[_FOREARM])
    q = vector.copy()
    flex, abduction, twist, bend = (INDEX[f"{side}_{name}"] for name in ("arm_flex", "arm_abd", "arm_twist", "elbow"))
    for _ in range(_STEPS):
        body = figures(q[None], lengths[None])
        shoulder, chest = body.points[0, POINT[f"{side}_shoulder"]], body.chest[0]
        reach = np.asarray(target) - shoulder
        along = reach / max(float(np.linalg.norm(reach)), 1e-6)
        distance = float(np.clip(np.linalg.norm(reach), abs(a - b) + 0.02, 0.999 * (a + b)))
        aside = elbow - along * float(elbow @ along)
        aside /= max(float(np.linalg.norm(aside)), 1e-6)
        to_elbow = (a * a + distance * distance - b * b) / (2 * distance)
        upper = along * to_elbow + aside * np.sqrt(max(a * a - to_elbow * to_elbow, 0.0))
        x, y, z = chest.T @ (upper / a)
        q[abduction] = out * np.arcsin(np.clip(y, -1.0, 1.0))
        # An arm overhead may lean backward: angles run from -100 degrees on, so that none jumps there.
        q[flex] = (np.arctan2(x, -z) + np.deg2rad(100)) % (2 * np.pi) - np.deg2rad(100)
        frame = chest @ _about_y(-q[flex]) @ _about_x(out * q[abduction])
        u, v, w = frame.T @ ((along * distance - upper) / b)
        q[bend] = np.arccos(np.clip(-w, -1.0, 1.0))
        if np.hypot(u, v) > 1e-3:
            q[twist] = -out * np.arctan2(v, u)
    return q


def _about_x(angle: float) -> F64:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def _about_y(angle: float) -> F64:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
