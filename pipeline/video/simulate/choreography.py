"""Writes a person's script, one action after another, and notes what is true of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from pipeline.core.types import F64
from pipeline.video.simulate import keys
from pipeline.video.simulate.body import Body
from pipeline.video.simulate.exercises import Exercise, posture_at
from pipeline.video.simulate.gait import WALKING, Gait, Walk
from pipeline.video.simulate.posture import INDEX, SIDES, mirrored, placed, posture
from pipeline.video.simulate.script import Drop, Movement, Script, Section, Sway, minimum_jerk
from pipeline.video.simulate.truth import Fall, Repetition

Place = tuple[float, float]
FallDirection = Literal["forward", "backward", "left", "right"]

HALF = 0.6
"""A repetition that goes less far is a half one: halves are drawn from 0.35 to 0.5 of the depth, others from 0.83."""

_KEYS = 13
"""Postures along each way of a repetition; hands and feet that are planted stay so within a millimetre or two."""

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
        height_m: Body height.
        lengths: (11,) as `Body.lengths`, in body heights.
        posture: (P,) as it is now, in the room.
        random: Random numbers of this person.
    """

    def __init__(self, body: Body, random: np.random.Generator, place: Place, heading: float) -> None:
        self.now_s = 0.0
        self.place = place
        self.heading = heading
        self.height_m = body.height_m
        self.lengths = body.lengths / body.height_m
        self.random = random
        self._sway = Sway(random)
        self.posture = self.at(keys.STAND)
        self._sections: list[Section] = []
        self._repetitions: list[Repetition] = []
        self._halves: list[Repetition] = []
        self._falls: list[Fall] = []
        self._down = "right"

    def script(self) -> Script:
        """All actions so far."""
        if not self._sections:
            self.hold(1.0, "stand")
        return Script(self._sections, self._repetitions, self._falls, self._sway, self._halves)

    def hold(self, seconds: float, activity: str, phase: str = "") -> None:
        """Stay as one is."""
        self.move(activity, (seconds, self.posture), phase=phase)

    def take(self, key: F64, seconds: float, activity: str) -> None:
        """Go over to a key posture."""
        self.move(activity, (seconds, self.at(key)))

    def walk_to(self, place: Place, speed_m_s: float, gait: Gait = WALKING) -> None:
        """Turn to `place` and walk or run there."""
        dx, dy = place[0] - self.place[0], place[1] - self.place[1]
        length = float(np.hypot(dx, dy))
        if not np.allclose(self.posture, self.at(keys.STAND)):
            self.step_into(keys.STAND, 0.7, "stand")
        self.turn_to(float(np.arctan2(dy, dx)))
        walk = Walk(
            start_s=self.now_s,
            height_m=self.height_m,
            begin=self.place,
            heading=self.heading,
            length_m=length,
            speed_m_s=min(speed_m_s, length / 0.8),
            standing=keys.STAND,
            lead=int(self.random.integers(2)),
            gait=gait,
        )
        self._sections.append(walk)
        self.now_s = walk.end_s
        c, s = np.cos(self.heading), np.sin(self.heading)
        self.place = (self.place[0] + length * c, self.place[1] + length * s)
        self.posture = walk.posture(walk.end_s)

    def turn_to(self, heading: float) -> None:
        """Turn on the spot, a quarter at a time, one foot after the other."""
        turn = (heading - self.heading + np.pi) % (2 * np.pi) - np.pi
        parts = int(np.ceil(abs(turn) / np.deg2rad(75)))
        for _ in range(parts if abs(turn) > np.deg2rad(2) else 0):
            self.heading += turn / parts
            self.step_into(keys.STAND, 0.45 + 0.35 * abs(turn) / parts, "turn", first="left" if turn > 0 else "right")

    def step_into(self, key: F64, seconds: float, activity: str, *, first: str = "left") -> None:
        """Go over to a key posture, lifting one foot after the other into its new place."""
        begin, end = self.posture, self.at(key)
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
                state[INDEX[f"{side}_foot_z"]] += 0.028 * self.height_m * np.sin(np.pi * min(max(since, 0.0), 1.0)) ** 2
            states.append((seconds / 8, state))
        self.move(activity, *states[1:])

    def squat(self, down_s: float, hold_s: float, up_s: float, bottom: F64, *, depth: float, counted: bool) -> None:
        """One squat from standing to standing; not counted where it is only a try of the stance."""
        start = self.now_s
        low = self.at(bottom)
        begin = self.posture
        activity = "squat" if counted else "stand"
        self.move(activity, (down_s, low), phase="out" if counted else "")
        deepest = self.now_s
        if hold_s > 0:
            self.hold(hold_s, activity, phase="effort" if counted else "")
        self.move(activity, (up_s, begin), phase="back" if counted else "")
        if counted:
            self._note(Repetition("squat", start, self.now_s, deepest, depth, "both"))

    def perform(
        self, exercise: Exercise, times_s: tuple[float, float, float], depth: float, *, side: str, counted: bool
    ) -> None:
        """One repetition in (out, hold, back) seconds from the exercise's first posture and back to it."""
        activity = exercise.name if counted else "ready"
        out_s, hold_s, back_s = times_s
        start = self.now_s
        eased = [minimum_jerk(float(share)) for share in np.linspace(0, 1, _KEYS)]
        path = [self.at(posture_at(exercise, share, depth, self.lengths, side)) for share in eased]
        self.move(activity, *((out_s / (_KEYS - 1), state) for state in path[1:]), phase="out" if counted else "")
        deepest = self.now_s
        if hold_s > 0:
            self.hold(hold_s, activity, phase="effort" if counted else "")
        back = [(back_s / (_KEYS - 1), state) for state in path[-2::-1]]
        self.move(activity, *back, phase="back" if counted else "")
        if counted:
            whose = side if exercise.alternate else "both"
            self._note(Repetition(exercise.name, start, self.now_s, deepest, depth, whose))

    def _note(self, repetition: Repetition) -> None:
        (self._repetitions if repetition.depth > HALF else self._halves).append(repetition)

    def sit_down(self, seat_m: float, seconds: float) -> None:
        """Sit down on what stands behind."""
        seat = seat_m / self.height_m
        self.move("sit", (0.5 * seconds, self.at(keys.lean_to_sit(seat))), (0.5 * seconds, self.at(keys.sit(seat))))

    def stand_up(self, seat_m: float, seconds: float) -> None:
        """Stand up from a seat."""
        key = keys.lean_to_sit(seat_m / self.height_m)
        self.move("stand", (0.5 * seconds, self.at(key)), (0.5 * seconds, self.at(keys.STAND)))

    def fall(self, direction: FallDirection, seconds: float) -> None:
        """Fall from standing to the floor in `seconds`, then come to rest."""
        start, impact = self.now_s, self.now_s + seconds
        down = self.at(_DOWN[direction])
        between = self.at(_TIPPING[direction])
        drop = Drop("fall", start, impact, np.array([0.0, 0.42, 1.0]), np.stack([self.posture, between, down]))
        self._sections.append(drop)
        self._falls.append(Fall(direction, start, impact, None))
        self.now_s, self.posture, self._down = impact, down, direction
        # Limbs go on for a moment and come to rest.
        settled = posture(_DOWN[direction])
        for side in SIDES:
            settled[INDEX[f"{side}_arm_flex"]] -= np.deg2rad(self.random.uniform(2, 12))
            settled[INDEX[f"{side}_elbow"]] += np.deg2rad(self.random.uniform(2, 14))
        settled[INDEX["neck_pitch"]] += np.deg2rad(self.random.uniform(-2, 6))
        self.move("lie", (0.5, self.at(settled)))

    def get_up(self, seconds: float) -> None:
        """From the floor over hands and knees and one knee to standing."""
        forward, left, turn = _KNEES[self._down]
        self.shift(forward, left)
        self.heading += np.deg2rad(turn)
        kneeling = self.at(keys.HANDS_AND_KNEES)
        # On the way to the knees the toes turn under: the feet leave the floor for that.
        rolling = (self.posture + kneeling) / 2
        for side in SIDES:
            rolling[INDEX[f"{side}_foot_z"]] += 0.055 * self.height_m
        self.move("get_up", (0.20 * seconds, rolling), (0.20 * seconds, kneeling), (0.06 * seconds, kneeling))
        self._rise_from_knees(seconds)
        self.stands_again()

    def slide(self, ways: F64, seconds: float) -> None:
        """Down through postures (2, P) in the room within `seconds`: a slow fall, whose impact is the end of it."""
        start = self.now_s
        self.move("slide", (0.55 * seconds, ways[0]), (0.45 * seconds, ways[1]))
        self._falls.append(Fall("down", start, self.now_s, None, "slide"))

    def stands_again(self) -> None:
        """Note that the last fall is over."""
        self._falls[-1] = replace(self._falls[-1], end_s=self.now_s)

    def rise_from_knees(self, seconds: float) -> None:
        """From hands and knees over one knee to standing."""
        self._rise_from_knees(seconds / 0.54)

    def kneel_down(self, seconds: float) -> None:
        """From standing over one knee to hands and knees."""
        self.shift(-0.19, 0.0)
        half, through = self.at(keys.HALF_KNEEL), self.at(keys.STEP_THROUGH)
        self.move("get_down", (0.46 * seconds, half), (0.27 * seconds, through))
        self.move("get_down", (0.27 * seconds, self.at(keys.HANDS_AND_KNEES)))

    def lie_down(self, seconds: float) -> None:
        """From standing over a crouch and the seat onto the back, knees bent; feet stay where they are."""
        crouch, seat = self.at(keys.CROUCH), self.at(keys.ON_SEAT)
        self.move("get_down", (0.35 * seconds, crouch), (0.30 * seconds, seat))
        self.move("get_down", (0.35 * seconds, self.at(keys.ON_BACK_KNEES_BENT)))

    def rise_from_back(self, seconds: float) -> None:
        """From the back, knees bent, over the seat and a crouch to standing."""
        seat, crouch = self.at(keys.ON_SEAT), self.at(keys.CROUCH)
        self.move("get_up", (0.35 * seconds, seat), (0.30 * seconds, crouch), (0.35 * seconds, self.at(keys.STAND)))

    def _rise_from_knees(self, seconds: float) -> None:
        through, half = self.at(keys.STEP_THROUGH), self.at(keys.HALF_KNEEL)
        self.move("get_up", (0.14 * seconds, through), (0.14 * seconds, half))
        self.shift(0.19, 0.0)
        self.move("get_up", (0.26 * seconds, self.at(keys.STAND)))

    def shift(self, forward: float, left: float) -> None:
        """Count one's place from elsewhere: body heights forward and to the left of where it was."""
        c, s = np.cos(self.heading), np.sin(self.heading)
        x, y = forward * self.height_m, left * self.height_m
        self.place = (self.place[0] + c * x - s * y, self.place[1] + s * x + c * y)

    def at(self, key: F64) -> F64:
        """A key posture, here and facing where the person faces."""
        return placed(key, self.height_m, self.place, self.heading)

    def move(self, activity: str, *steps: tuple[float, F64], phase: str = "") -> None:
        """Append a movement through (seconds, posture) steps."""
        times = self.now_s + np.cumsum([0.0, *(seconds for seconds, _ in steps)])
        stack = np.stack([self.posture, *(state for _, state in steps)])
        self._sections.append(Movement(activity, times, stack, phase))
        self.now_s = float(times[-1])
        self.posture = stack[-1]
