"""Movements near the floor or on a bed that may look like falls, and the slow slide that is one."""

from __future__ import annotations

import numpy as np

from pipeline.core.types import F64
from pipeline.video.simulate import keys
from pipeline.video.simulate.arms import reaching
from pipeline.video.simulate.choreography import Choreographer
from pipeline.video.simulate.posture import INDEX, SIDES


def bend(person: Choreographer, seconds: float) -> None:
    """Pick something up from the floor with one hand and stand up with it."""
    side = SIDES[int(person.random.integers(2))]
    out = 1.0 if side == "left" else -1.0
    low = reaching(keys.STOOP, person.lengths, side, (0.19, 0.05 * out, 0.06), np.array([-0.5, 0.8 * out, 0.2]))
    person.take(low, 0.45 * seconds, "bend")
    person.hold(float(person.random.uniform(0.2, 0.8)), "bend")
    person.take(keys.STAND, 0.45 * seconds, "stand")


def tie_shoes(person: Choreographer, seconds: float) -> None:
    """Down to a shoe, on one knee or stooping, fiddle with both hands for `seconds`, and up again."""
    kneels = bool(person.random.random() < 0.5)
    down_s = float(person.random.uniform(0.9, 1.6))
    if kneels:
        person.shift(-0.19, 0.0)
    base, shoe = (keys.TO_THE_SHOE, (0.27, 0.065)) if kneels else (keys.STOOP, (0.05, 0.062))
    ends = [_hands_at(person, base, shoe, apart) for apart in (0.018, 0.045)]
    if kneels:
        person.take(keys.HALF_KNEEL, 0.6 * down_s, "tie-shoes")
    person.take(ends[0], 0.6 * down_s, "tie-shoes")
    person.move("tie-shoes", *((0.45, person.at(ends[1 - i % 2])) for i in range(max(2, round(seconds / 0.45)))))
    if kneels:
        person.take(keys.HALF_KNEEL, 0.7, "tie-shoes")
        person.shift(0.19, 0.0)
    person.take(keys.STAND, 1.1, "stand")


def kneel(person: Choreographer, seconds: float) -> None:
    """Onto one knee and the other, stay upright, and up again."""
    person.shift(-0.19, 0.0)
    person.take(keys.HALF_KNEEL, float(person.random.uniform(0.8, 1.3)), "kneel")
    half, both = person.at(keys.HALF_KNEEL), person.at(keys.KNEEL)
    between = (half + both) / 2
    between[INDEX["left_foot_z"]] += 0.09 * person.height_m  # the toes turn under: the foot leaves the floor for that
    person.move("kneel", (0.5, between), (0.4, both))
    person.hold(seconds, "kneel")
    person.move("get_up", (0.5, between), (0.5, half))
    person.shift(0.19, 0.0)
    person.take(keys.STAND, 1.0, "stand")


def lie_on_bed(person: Choreographer, bed_m: float, seconds: float) -> None:
    """From standing before the bed: sit down, swing the legs up, lie for `seconds`, and the same way back."""
    pace = float(person.random.uniform(0.8, 1.2))
    swinging, lying = keys.lie_on(bed_m / person.height_m)
    person.sit_down(bed_m, 1.7 * pace)
    person.hold(0.8, "sit")
    person.move("lie", (1.2 * pace, person.at(swinging)), (1.1 * pace, person.at(lying)))
    person.hold(seconds, "lie")
    seat = keys.sit(bed_m / person.height_m)
    person.move("sit", (1.2 * pace, person.at(swinging)), (1.1 * pace, person.at(seat)))
    person.hold(1.0, "sit")
    person.stand_up(bed_m, 1.8 * pace)


def slide_down(person: Choreographer, seconds: float, stays_s: float) -> None:
    """With the back against a wall slide to the floor in `seconds`, sit there, and get up."""
    person.step_into(keys.AGAINST_WALL, 0.9, "stand")
    person.hold(float(person.random.uniform(0.5, 1.5)), "stand")
    person.slide(np.stack([person.at(keys.HALF_DOWN_WALL), person.at(keys.DOWN_WALL)]), seconds)
    person.hold(stays_s, "down")
    person.move("get_up", (1.2, person.at(keys.HALF_DOWN_WALL)), (1.0, person.at(keys.AGAINST_WALL)))
    person.stands_again()
    person.step_into(keys.STAND, 0.9, "stand")


def _hands_at(person: Choreographer, base: F64, shoe: tuple[float, float], apart: float) -> F64:
    held = base
    for side, out in zip(SIDES, (1.0, -1.0), strict=True):
        place = (shoe[0], shoe[1] + out * apart, 0.075)
        held = reaching(held, person.lengths, side, place, np.array([-0.4, 0.9 * out, 0.2]))
    return held
