"""Writes a person's script, one action after another, and notes what is true of it."""

from __future__ import annotations

from typing import Literal

import numpy as np

from pipeline.core.types import F64
from pipeline.video.simulate import keys
from pipeline.video.simulate.body import Body
from pipeline.video.simulate.gait import Walk
from pipeline.video.simulate.posture import INDEX, SIDES, mirrored, placed, posture
from pipeline.video.simulate.script import Drop, Movement, Script, Section, Sway, minimum_jerk
from pipeline.video.simulate.truth import Fall, Repetition

Place = tuple[float, float]
FallDirection = Literal["forward", "backward", "left", "right"]

_TIPPING = {"forward": keys.TIPPING_FORWARD, "backward": keys.TIPPING_BACKWARD, "right": keys.TIPPING_RIGHT}
_DOWN = {"forward": keys.ON_FRONT, "backward": keys.ON_BACK, "right": keys.ON_RIGHT_SIDE}
_TIPPING["left"], _DOWN["left"] = mirrored(keys.TIPPING_RIGHT), mirrored(keys.ON_RIGHT_SIDE)
# Where the knees come to the floor and which way they face, of one who gets up: forward of and left of where he
# stood (body heights), and the turn of his heading (degrees); after a fall backward he rolls over his right side.
_KNEES: dict[str, tuple[float, float, float]] = {
    "forward": (0.32, 0.0, 0.0),
    "backward": (-0.40, -0.06, -180.0),
    "right": (0.05, -0.36, -90.0),
    "left": (0.05, 0.36, 90.0),
}


class Choreographer:
    """One person's actions, each beginning where the last one ended.

    Attributes:
        now_s: When the next action begins.
        place: Where the person stands: the point of the floor between the feet, metres.
        heading: Where it faces, radians.
    """

    def __init__(self, body: Body, random: np.random.Generator, place: Place, heading: float) -> None:
        self.now_s = 0.0
        self.place = place
        self.heading = heading
        self._scale = body.height_m
        self._random = random
        self._sway = Sway(random)
        self._posture = self._at(keys.STAND)
        self._sections: list[Section] = []
        self._repetitions: list[Repetition] = []
        self._falls: list[Fall] = []
        self._down = "right"

    def script(self) -> Script:
        """All actions so far."""
        if not self._sections:
            self.hold(1.0, "stand")
        return Script(self._sections, self._repetitions, self._falls, self._sway)

    def hold(self, seconds: float, activity: str) -> None:
        """Stay as one is."""
        self._move(activity, (seconds, self._posture))

    def take(self, key: F64, seconds: float, activity: str) -> None:
        """Go over to a key posture."""
        self._move(activity, (seconds, self._at(key)))

    def walk_to(self, place: Place, speed_m_s: float) -> None:
        """Turn to `place` and walk there."""
        dx, dy = place[0] - self.place[0], place[1] - self.place[1]
        length = float(np.hypot(dx, dy))
        if not np.allclose(self._posture, self._at(keys.STAND)):
            self.step_into(keys.STAND, 0.7, "stand")
        self.turn_to(float(np.arctan2(dy, dx)))
        walk = Walk(
            start_s=self.now_s,
            height_m=self._scale,
            begin=self.place,
            heading=self.heading,
            length_m=length,
            speed_m_s=min(speed_m_s, length / 0.8),
            standing=keys.STAND,
            lead=int(self._random.integers(2)),
        )
        self._sections.append(walk)
        self.now_s = walk.end_s
        c, s = np.cos(self.heading), np.sin(self.heading)
        self.place = (self.place[0] + length * c, self.place[1] + length * s)
        self._posture = walk.posture(walk.end_s)

    def turn_to(self, heading: float) -> None:
        """Turn on the spot, a quarter at a time, one foot after the other."""
        turn = (heading - self.heading + np.pi) % (2 * np.pi) - np.pi
        parts = int(np.ceil(abs(turn) / np.deg2rad(75)))
        for _ in range(parts if abs(turn) > np.deg2rad(2) else 0):
            self.heading += turn / parts
            self.step_into(keys.STAND, 0.45 + 0.35 * abs(turn) / parts, "turn", first="left" if turn > 0 else "right")

    def step_into(self, key: F64, seconds: float, activity: str, *, first: str = "left") -> None:
        """Go over to a key posture, lifting one foot after the other into its new place."""
        begin, end = self._posture, self._at(key)
        times = np.linspace(0.0, 1.0, 9)
        states = []
        for share in times:
            state = begin + (end - begin) * minimum_jerk(share)
            for side in SIDES:
                since = share / 0.55 if side == first else (share - 0.45) / 0.55
                eased = minimum_jerk(since)
                for name in ("foot_x", "foot_y", "foot_z", "foot_yaw", "foot_pitch"):
                    i = INDEX[f"{side}_{name}"]
                    state[i] = begin[i] + (end[i] - begin[i]) * eased
                state[INDEX[f"{side}_foot_z"]] += 0.028 * self._scale * np.sin(np.pi * min(max(since, 0.0), 1.0)) ** 2
            states.append((seconds / 8, state))
        self._move(activity, *states[1:])

    def squat(self, down_s: float, hold_s: float, up_s: float, bottom: F64, *, counted: bool) -> None:
        """One squat from standing to standing; not counted where it is only a try of the stance."""
        start = self.now_s
        low = self._at(bottom)
        begin = self._posture
        self._move("squat" if counted else "stand", (down_s, low))
        if hold_s > 0:
            self.hold(hold_s, "squat" if counted else "stand")
        self._move("squat" if counted else "stand", (up_s, begin))
        if counted:
            self._repetitions.append(Repetition("squat", start, self.now_s))

    def sit_down(self, seat_m: float, seconds: float) -> None:
        """Sit down on what stands behind."""
        seat = seat_m / self._scale
        self._move("sit", (0.5 * seconds, self._at(keys.lean_to_sit(seat))), (0.5 * seconds, self._at(keys.sit(seat))))

    def stand_up(self, seat_m: float, seconds: float) -> None:
        """Stand up from a seat."""
        key = keys.lean_to_sit(seat_m / self._scale)
        self._move("stand", (0.5 * seconds, self._at(key)), (0.5 * seconds, self._at(keys.STAND)))

    def fall(self, direction: FallDirection, seconds: float) -> None:
        """Fall from standing to the floor in `seconds`, then come to rest."""
        start, impact = self.now_s, self.now_s + seconds
        down = self._at(_DOWN[direction])
        between = self._at(_TIPPING[direction])
        drop = Drop("fall", start, impact, np.array([0.0, 0.42, 1.0]), np.stack([self._posture, between, down]))
        self._sections.append(drop)
        self._falls.append(Fall(direction, start, impact, None))
        self.now_s, self._posture, self._down = impact, down, direction
        # Limbs go on for a moment and come to rest.
        settled = posture(_DOWN[direction])
        for side in SIDES:
            settled[INDEX[f"{side}_arm_flex"]] -= np.deg2rad(self._random.uniform(2, 12))
            settled[INDEX[f"{side}_elbow"]] += np.deg2rad(self._random.uniform(2, 14))
        settled[INDEX["neck_pitch"]] += np.deg2rad(self._random.uniform(-2, 6))
        self._move("lie", (0.5, self._at(settled)))

    def get_up(self, seconds: float) -> None:
        """From the floor over hands and knees and one knee to standing."""
        forward, left, turn = _KNEES[self._down]
        self._shift(forward, left)
        self.heading += np.deg2rad(turn)
        kneeling = self._at(keys.HANDS_AND_KNEES)
        # On the way to the knees the toes turn under: the feet leave the floor for that.
        rolling = (self._posture + kneeling) / 2
        for side in SIDES:
            rolling[INDEX[f"{side}_foot_z"]] += 0.055 * self._scale
        self._move("get_up", (0.20 * seconds, rolling), (0.20 * seconds, kneeling), (0.06 * seconds, kneeling))
        through, half = self._at(keys.STEP_THROUGH), self._at(keys.HALF_KNEEL)
        self._move("get_up", (0.14 * seconds, through), (0.14 * seconds, half))
        self._shift(0.19, 0.0)
        self._move("get_up", (0.26 * seconds, self._at(keys.STAND)))
        last = self._falls[-1]
        self._falls[-1] = Fall(last.direction, last.start_s, last.impact_s, self.now_s)

    def _shift(self, forward: float, left: float) -> None:
        c, s = np.cos(self.heading), np.sin(self.heading)
        x, y = forward * self._scale, left * self._scale
        self.place = (self.place[0] + c * x - s * y, self.place[1] + s * x + c * y)

    def _at(self, key: F64) -> F64:
        return placed(key, self._scale, self.place, self.heading)

    def _move(self, activity: str, *steps: tuple[float, F64]) -> None:
        """Append a movement through (seconds, posture) steps."""
        times = self.now_s + np.cumsum([0.0, *(seconds for seconds, _ in steps)])
        stack = np.stack([self._posture, *(state for _, state in steps)])
        self._sections.append(Movement(activity, times, stack))
        self.now_s = float(times[-1])
        self._posture = stack[-1]
