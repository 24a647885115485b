"""Exercises: the posture at each share of a repetition, and the time that its phases take.

Own places as in `keys`: lengths in body heights, the person stands at the origin and faces along x.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from pipeline.core.types import F64
from pipeline.video.simulate import keys
from pipeline.video.simulate.arms import reaching
from pipeline.video.simulate.body import ANKLE_HEIGHT, FOOT
from pipeline.video.simulate.posture import SIDES, mirrored, posture
from pipeline.video.simulate.script import minimum_jerk

Span = tuple[float, float]
Path = Callable[[float, float, F64], F64]

_BALL = 0.62 * FOOT


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise.

    Attributes:
        name: One of `parameters.EXERCISES`.
        path: The posture at a share (0 = first posture, 1 = effort) of a repetition of a depth (1 = complete), with
            the lengths of a body (11,) in body heights.
        out_s, hold_s, back_s, rest_s: Least and longest times of the phases, and between repetitions.
        count: Least and most repetitions of a set.
        down: How one gets into position: `stand`, on hands and `knees`, or on the `back`.
        centre: How far forward of where one stood the middle of the body comes to lie.
        alternate: Whether sides take turns.
    """

    name: str
    path: Path
    out_s: Span
    hold_s: Span
    back_s: Span
    rest_s: Span = (0.15, 0.5)
    count: tuple[int, int] = (5, 8)
    down: str = "stand"
    centre: float = 0.0
    alternate: bool = False


CURL_STAND: F64 = posture(keys.STAND, arm_flex=(2, 2), arm_abd=(7, 7), arm_twist=(0, 0), elbow=(12, 12))


def _curl(share: float, depth: float, _lengths: F64) -> F64:
    gone = share * depth
    elbow, flex = 12 + 126 * gone, 2 + 12 * gone * gone
    return posture(CURL_STAND, elbow=(elbow, elbow), arm_flex=(flex, flex), wrist=(6 + 14 * gone, 6 + 14 * gone),
                   spine_pitch=2 - 3 * gone)  # fmt: skip


def _press(share: float, depth: float, lengths: F64) -> F64:
    """From the hands beside the chin, elbows below them, to arms stretched over the head."""
    gone = share * depth
    body = posture(keys.STAND, spine_pitch=2 - 4 * gone, neck_pitch=-4 * gone)
    wide = float(lengths[4]) + 0.055 - 0.035 * gone
    up = 0.835 + (1.170 - 0.835) * gone
    for side, out in zip(SIDES, (1.0, -1.0), strict=True):
        elbow = np.array([0.55, 0.65 * out, -0.6])
        body = reaching(body, lengths, side, (0.075 - 0.06 * gone, out * wide, up), elbow)
    return body


def _jack(share: float, depth: float, _lengths: F64) -> F64:
    """Legs apart and arms up in one hop; the way back is the same hop."""
    hop = np.sin(np.pi * share) ** 2
    gone = share * depth
    apart = 0.055 + 0.135 * gone
    straight = np.sqrt(0.4895**2 - (apart - 0.05) ** 2) + ANKLE_HEIGHT
    soft = 0.012 * (1 - hop)  # knees give a little on the floor
    up, lift = 0.035 * hop, 0.045 * hop
    arms = 8 + 164 * gone
    return posture(
        keys.STAND, z=straight - soft + up, arm_abd=(arms, arms), arm_flex=(4, 4), arm_twist=(0, 0), elbow=(12, 12),
        foot_y=(apart, -apart), foot_z=(ANKLE_HEIGHT + lift, ANKLE_HEIGHT + lift), foot_pitch=(28 * hop, 28 * hop),
        knee_out=(8 + 8 * gone, 8 + 8 * gone), sway=0.3,
    )  # fmt: skip


def _lunge(share: float, depth: float, _lengths: F64) -> F64:
    """The left leg steps forward and both knees bend; the ball of the other foot stays where it is."""
    step = 0.52
    forward = step * np.sin(np.pi / 2 * min(share / 0.7, 1.0))
    lift = 0.055 * np.sin(np.pi * min(share / 0.7, 1.0)) ** 2
    down = share * share * depth
    heel = np.deg2rad(60) * share * (0.35 + 0.65 * depth)
    return posture(
        keys.STAND, x=0.295 * share, z=keys.STAND[2] + (0.305 - keys.STAND[2]) * down, pitch=1 + 7 * share,
        arm_flex=(-18, -18), arm_abd=(42, 42), arm_twist=(62, 62), elbow=(98, 98),
        left_foot_x=forward, left_foot_z=ANKLE_HEIGHT + lift, left_foot_yaw=8 - 5 * share,
        right_foot_x=_BALL - _BALL * np.cos(heel) + ANKLE_HEIGHT * np.sin(heel),
        right_foot_z=_BALL * np.sin(heel) + ANKLE_HEIGHT * np.cos(heel), right_foot_pitch=float(np.rad2deg(heel)),
        foot_y=(0.07, -0.07), right_foot_yaw=-8 + 5 * share, knee_out=(4, 4), sway=0.5,
    )  # fmt: skip


def _deadlift(share: float, depth: float, _lengths: F64) -> F64:
    """Hips go back and the trunk forward with a straight back, arms hang, hands pass the shins."""
    gone = share * depth
    trunk = 66 * gone
    flex = 6 + trunk + 6 * gone
    return posture(
        keys.STAND, x=-0.125 * gone, z=keys.STAND[2] + (0.478 - keys.STAND[2]) * gone, pitch=1 + trunk,
        spine_pitch=2 + 4 * gone, neck_pitch=-34 * gone, arm_flex=(flex, flex), arm_abd=(7, 7), arm_twist=(20, 20),
        elbow=(4, 4), foot_y=(0.075, -0.075), foot_yaw=(10, -10), knee_out=(9, 9), sway=0.5,
    )  # fmt: skip


def _push_up(share: float, depth: float, lengths: F64) -> F64:
    """A straight body turns about the ankles; hands and toes stay where they are."""
    ankle, to_shoulder, leg = 0.100, 0.488 + float(lengths[3]), 0.488
    high = float(lengths[6] + lengths[7]) * 0.985 + 0.030
    top = np.arcsin((high - ankle) / to_shoulder)
    bottom = np.arcsin((0.165 - ankle) / to_shoulder)
    # Elbows bend fastest at first: half the bend is a third of the way down.
    angle = top + (bottom - top) * share * depth**1.5
    hands = keys.PLANK_HANDS
    x = hands - 0.02 - to_shoulder * np.cos(top)
    lean = 90.0 - float(np.rad2deg(angle))
    body = posture(
        x=x + leg * np.cos(angle), z=ankle + leg * np.sin(angle), pitch=lean, neck_pitch=-22, wrist=(-72, -72),
        foot_x=(x, x), foot_y=(0.055, -0.055), foot_z=(ankle, ankle), foot_pitch=(76, 76), knee_out=(4, 4), sway=0.25,
    )  # fmt: skip
    for side, out in zip(SIDES, (1.0, -1.0), strict=True):
        elbow = np.array([-0.75, 0.55 * out, 0.35])
        body = reaching(body, lengths, side, (hands, out * (float(lengths[4]) + 0.035), 0.030), elbow)
    return body


def _sit_up(share: float, depth: float, _lengths: F64) -> F64:
    """From the back, knees bent and feet on the floor, until the trunk is upright; arms are crossed on the chest."""
    gone = share * depth
    curl = minimum_jerk(gone / 0.8)
    return posture(
        keys.ON_BACK_KNEES_BENT, pitch=-87 + 73 * gone, spine_pitch=2 + 26 * curl, neck_pitch=4 + 14 * curl - 16 * gone,
        z=0.066 - 0.006 * gone, arm_flex=(34, 30), arm_abd=(4, 4), arm_twist=(66, 66), elbow=(122, 126),
    )  # fmt: skip


EXERCISES: Mapping[str, Exercise] = MappingProxyType(
    {
        exercise.name: exercise
        for exercise in (
            Exercise("curl", _curl, (0.8, 1.3), (0.0, 0.3), (0.9, 1.4)),
            Exercise("press", _press, (0.8, 1.3), (0.0, 0.3), (0.8, 1.3)),
            Exercise(
                "lunge", _lunge, (1.0, 1.4), (0.0, 0.3), (0.9, 1.3), rest_s=(0.3, 0.8), centre=0.2, alternate=True
            ),
            Exercise("push-up", _push_up, (0.7, 1.2), (0.0, 0.2), (0.6, 1.0), down="knees", centre=-0.08),
            Exercise("jumping-jack", _jack, (0.38, 0.52), (0.0, 0.0), (0.38, 0.52), rest_s=(0.02, 0.08), count=(8, 14)),
            Exercise("deadlift", _deadlift, (1.1, 1.6), (0.0, 0.25), (1.0, 1.5)),
            Exercise("sit-up", _sit_up, (1.0, 1.5), (0.0, 0.2), (1.0, 1.5), down="back", centre=-0.35),
        )
    }
)
"""Exercises by name, all but the squat, which `Choreographer.squat` does.

Times: at one's own pace without load; a set of 5 to 8 is done in some 20 s.
"""


def posture_at(exercise: Exercise, share: float, depth: float, lengths: F64, side: str) -> F64:
    """(P,) at a share of a repetition; of one whose sides take turns, with the named side first."""
    found = exercise.path(share, depth, lengths)
    return mirrored(found) if side == "right" else found
