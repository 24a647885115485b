"""Walking and running: feet that stay where they are planted, hips and arms that follow."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pipeline.core.types import F64
from pipeline.video.simulate.body import ANKLE_HEIGHT, FOOT
from pipeline.video.simulate.posture import INDEX, SIDES, placed
from pipeline.video.simulate.script import minimum_jerk

_HALF_WIDTH = 0.050
_BALL, _HEEL = 0.62 * FOOT, 0.20 * FOOT
_RAMP_S = 0.7


@dataclass(frozen=True, slots=True)
class Gait:
    """A way to go; lengths in body heights, angles in degrees.

    Attributes:
        activity: Its word.
        step: Length of a step.
        leaves, lands: How many steps the hips are short of a foot's next print when it leaves the floor for it, and
            when it lands there.
        lift: How far a foot swings above the line between its prints.
        low, bounce: How much lower than in standing the hips are, and how far they rise over a planted foot
            (negative: they sink).
        lean: Of the trunk.
        arms, elbows: Swing of the arms, and how far elbows are bent beyond standing.
        push: Pitch of the foot that leaves the floor.
    """

    activity: str
    step: float
    leaves: float
    lands: float
    lift: float
    low: float
    bounce: float
    lean: float
    arms: float
    elbows: float
    push: float


# Natural walking: steps of 0.41 body heights at some 105 to 115 a minute, a foot planted for 60 % of its cycle
# (Perry, Gait Analysis). So a foot leaves the floor when the hips are 1.3 steps short of its next print, and
# lands when they are 0.5 steps short of it. Hips rise and fall by 4 to 5 cm, highest over a planted foot.
WALKING = Gait("walk", 0.41, 1.3, 0.5, 0.022, 0.013, 0.012, 3.0, 19.0, 9.0, 36.0)

# Jogging at 2.5 to 3 m/s: some 160 steps a minute, a foot planted for 35 % of its cycle, hips lowest over it and
# 7 to 8 cm higher in flight, elbows at right angles (Novacheck, The biomechanics of running, 1998).
RUNNING = Gait("run", 0.60, 1.62, 0.32, 0.150, 0.030, -0.021, 8.0, 34.0, 74.0, 52.0)


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """A straight walk from standing to standing.

    Attributes:
        start_s: When it begins.
        height_m: Body height.
        begin: (2,) where the walker stands at first, metres.
        heading: Direction of the walk, radians.
        length_m: How far it goes.
        speed_m_s: Speed between the first and the last steps.
        standing: (P,) the posture of standing, in its own place, body heights.
        lead: 0 where the left foot goes first, 1 where the right does.
        gait: Walking or running.
    """

    start_s: float
    height_m: float
    begin: tuple[float, float]
    heading: float
    length_m: float
    speed_m_s: float
    standing: F64
    lead: int
    gait: Gait = WALKING
    phase: str = field(default="", init=False)

    @property
    def activity(self) -> str:
        """Walk or run."""
        return self.gait.activity

    @property
    def end_s(self) -> float:
        """When the walker stands."""
        return self.start_s + self.length_m / self.speed_m_s + _RAMP_S

    def posture(self, t: float) -> F64:
        """(P,) at time t."""
        gone, pace = self._progress(t)
        steps = max(2, round(self.length_m / self.height_m / self.gait.step))
        step = self.length_m / self.height_m / steps
        s = gone / self.height_m
        q = self.standing.copy()
        gait = self.gait
        # Which leg leads: 1 = the one that goes first, -1 = the other, largest when both feet are down.
        leads = np.sin(np.pi * s / step) * pace
        first = 1.0 if self.lead == 0 else -1.0
        q[INDEX["x"]] += s
        q[INDEX["y"]] += first * 0.012 * np.cos(np.pi * s / step) * pace
        q[INDEX["z"]] += pace * (-gait.low + gait.bounce * np.cos(2 * np.pi * s / step))
        q[INDEX["pitch"]] += np.deg2rad(gait.lean) * pace
        q[INDEX["neck_pitch"]] -= np.deg2rad(gait.lean) * pace
        q[INDEX["roll"]] -= first * np.deg2rad(2.0) * np.cos(np.pi * s / step) * pace
        q[INDEX["spine_roll"]] += first * np.deg2rad(2.0) * np.cos(np.pi * s / step) * pace
        q[INDEX["heading"]] -= first * np.deg2rad(5.0) * leads
        q[INDEX["spine_twist"]] += first * np.deg2rad(9.0) * leads
        q[INDEX["neck_yaw"]] -= first * np.deg2rad(4.0) * leads
        q[INDEX["sway"]] *= 1 - 0.6 * pace
        for number, side in enumerate(SIDES):
            same = 1.0 if number == self.lead else -1.0
            q[INDEX[f"{side}_arm_flex"]] -= np.deg2rad(gait.arms) * same * leads
            q[INDEX[f"{side}_elbow"]] += np.deg2rad(gait.elbows) * pace - np.deg2rad(9.0) * same * leads
            x, z, pitch = _foot(gait, s, step, steps, odd=number == self.lead)
            out = 1.0 if side == "left" else -1.0
            sideways = self.standing[INDEX[f"{side}_foot_y"]]
            # Walkers put their feet closer together than standers: in between, by how far from both ends.
            near = min(1.0, s / step, (steps * step - s) / step)
            q[INDEX[f"{side}_foot_x"]] += x
            q[INDEX[f"{side}_foot_y"]] = sideways + (out * _HALF_WIDTH - sideways) * minimum_jerk(near)
            q[INDEX[f"{side}_foot_z"]] = z
            q[INDEX[f"{side}_foot_pitch"]] = pitch
        return placed(q, self.height_m, self.begin, self.heading)

    def _progress(self, t: float) -> tuple[float, float]:
        """Metres gone at time t, and speed over the walk's speed; speed grows and falls along a half cosine."""
        total = self.end_s - self.start_s
        t = min(max(t - self.start_s, 0.0), total)
        if t > total / 2:
            gone, pace = self._progress(self.start_s + total - t)
            return self.length_m - gone, pace
        if t >= _RAMP_S:
            return self.speed_m_s * (t - _RAMP_S / 2), 1.0
        turn = np.pi * t / _RAMP_S
        return float(self.speed_m_s * (t - np.sin(turn) * _RAMP_S / np.pi) / 2), float((1 - np.cos(turn)) / 2)


def _foot(gait: Gait, s: float, step: float, steps: int, *, odd: bool) -> tuple[float, float, float]:
    """Ankle forward of the start and above the floor (body heights) and pitch (radians) of one foot.

    Prints lie at multiples of `step`: those of one foot at the odd ones, of the other at the even ones, and both
    feet begin at 0 and end at the last print.
    """
    end = steps * step
    prints = [0.0, *(i * step for i in range(1, steps + 1) if (i % 2 == 1) == odd)]
    if prints[-1] < end:
        prints.append(end)
    i = 1
    while i < len(prints) and s > _window(gait, prints, i, step)[1]:
        i += 1
    if i == len(prints):
        return _planted(gait, prints[-1], s, step)
    leaves, lands = _window(gait, prints, i, step)
    if s <= leaves:
        return _planted(gait, prints[i - 1], s, step)
    share = (s - leaves) / (lands - leaves)
    x0, z0, pitch0 = _planted(gait, prints[i - 1], leaves, step)
    x1, z1, pitch1 = _planted(gait, prints[i], lands, step)
    eased = minimum_jerk(share)
    lift = np.sin(np.pi * share) ** 2
    return (
        x0 + (x1 - x0) * (0.35 * share + 0.65 * eased),
        z0 + (z1 - z0) * eased + gait.lift * lift,
        pitch0 + (pitch1 - pitch0) * eased + np.deg2rad(10.0) * lift * (1 - share),
    )


def _window(gait: Gait, prints: list[float], i: int, step: float) -> tuple[float, float]:
    """How far the hips are when the foot leaves for print i and when it lands there."""
    last = len(prints) - 1
    end = prints[last]
    if i == last and end - prints[i - 1] < 1.5 * step:  # the last one only closes up to the other
        return end - 0.5 * step, end
    return max(prints[i] - gait.leaves * step, 0.0), prints[i] - gait.lands * step


def _planted(gait: Gait, at: float, s: float, step: float) -> tuple[float, float, float]:
    """A foot on the floor rolls from heel to ball as the hips pass over it: forward, up, pitch of its ankle."""
    passed = (s - at) / step
    strike = min(max((-0.22 - passed) / (gait.lands - 0.22), 0.0), 1.0)
    push = min(max((passed - 0.18) / (2 - gait.leaves - 0.18), 0.0), 1.0)
    pitch = np.deg2rad(-17.0) * strike + np.deg2rad(gait.push) * push * push
    c, sn = np.cos(pitch), np.sin(pitch)
    if pitch > 0:
        return at + _BALL - _BALL * c + ANKLE_HEIGHT * sn, _BALL * sn + ANKLE_HEIGHT * c, pitch
    return at - _HEEL + _HEEL * c + ANKLE_HEIGHT * sn, -_HEEL * sn + ANKLE_HEIGHT * c, pitch
