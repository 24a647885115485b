"""Gestures: waving, pointing, both hands up, each from standing and back to it."""

from __future__ import annotations

from typing import Literal

import numpy as np

from pipeline.core.types import F64
from pipeline.video.simulate import keys
from pipeline.video.simulate.arms import reaching
from pipeline.video.simulate.choreography import Choreographer

Side = Literal["left", "right"]


def wave(person: Choreographer, side: Side, seconds: float) -> None:
    """Wave with one raised hand, to and fro some 1.6 times a second."""
    half_s = float(person.random.uniform(0.27, 0.36))
    ends = [_raised(person, side, aside) for aside in (0.16, 0.31)]
    person.take(ends[0], 0.7, "wave")
    swings = [(half_s, person.at(ends[1 - i % 2])) for i in range(max(2, round(seconds / half_s)))]
    person.move("wave", *swings)
    person.take(keys.STAND, 0.8, "stand")


def point(person: Choreographer, side: Side, aside: float, seconds: float) -> None:
    """Point with a stretched arm: `aside` = 0 straight ahead, 1 out to that side."""
    out = 1.0 if side == "left" else -1.0
    at = (0.45 * (1 - aside) + 0.05, out * (0.10 + 0.45 * aside), 0.80)
    person.take(reaching(keys.STAND, person.lengths, side, at, np.array([0.0, 0.6 * out, -0.8])), 0.7, "point")
    person.hold(seconds, "point")
    person.take(keys.STAND, 0.8, "stand")


def hands_up(person: Choreographer, seconds: float) -> None:
    """Both arms up."""
    person.take(keys.STRETCH, 0.8, "hands-up")
    person.hold(seconds, "hands-up")
    person.take(keys.STAND, 0.9, "stand")


def _raised(person: Choreographer, side: Side, aside: float) -> F64:
    out = 1.0 if side == "left" else -1.0
    elbow = np.array([0.1, out, -0.7])
    return reaching(keys.STAND, person.lengths, side, (0.10, out * aside, 1.0), elbow)
