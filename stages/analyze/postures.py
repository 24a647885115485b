"""Postures: which one a body's shape is, and which one holds."""

from __future__ import annotations

from pipeline.core.vocabulary import POSTURES
from stages.analyze.movement import Shape
from stages.analyze.options import AnalyzeOptions
from stages.analyze.state import AnalyzedPerson

UNKNOWN, STAND, WALK, SIT, CROUCH, BEND, KNEEL, LIE, RUN = range(len(POSTURES))

_SLACK = 0.10  # a posture that holds may leave its bounds by this share before another is seen
_FLOOR_HIP = 0.15  # hips lower than this above the ankles are on the floor: sitting with stretched legs, not kneeling


def is_lying(shape: Shape, options: AnalyzeOptions, slack: float = 0.0) -> bool:
    """Trunk flat, hips and shoulders low, and the feet not under the trunk: a crouch. Where the picture does not tell
    where the feet are, the shoulders must be lower than a crouch has them.
    """
    if shape.offset < options.lie_offset * (1.0 - slack):
        return False
    shoulder = options.lie_shoulder * (1.0 if shape.offset == shape.offset else 0.5)
    return (
        shape.tilt >= options.lie_tilt * (1.0 - slack)
        and shape.hip <= options.lie_hip * (1.0 + slack)
        and shape.shoulder <= shoulder * (1.0 + slack)
    )


def posture_of(shape: Shape, kept: tuple[int, int], options: AnalyzeOptions) -> int:
    """Index of the posture that one frame shows.

    Args:
        kept: The posture that holds and the one that was shown last, which keep some slack: else who is at the border
            of two postures while changing to them would be told to be in neither. Walking and running keep it only when
            they hold: getting up from a chair is as fast for a moment.
    """
    if shape.tilt != shape.tilt or shape.hip != shape.hip:
        return UNKNOWN
    if is_lying(shape, options, _SLACK if LIE in kept else 0.0):
        return LIE
    slack = _SLACK if SIT in kept or CROUCH in kept or KNEEL in kept else 0.0
    if shape.hip < options.low_hip * (1.0 + slack) or shape.knee > options.low_knee * (1.0 - slack):
        kneels = shape.knee_rise <= options.kneel_knee * (1.0 + _SLACK if KNEEL in kept else 1.0)
        if kneels and shape.hip >= _FLOOR_HIP:
            return KNEEL
        sits = shape.offset >= options.sit_offset * (1.0 - _SLACK if SIT in kept else 1.0)
        return SIT if sits else CROUCH
    if shape.tilt >= options.bend_tilt * (1.0 - _SLACK if BEND in kept else 1.0):
        return BEND
    if shape.travel >= options.run_speed * (1.0 - _SLACK if kept[0] == RUN else 1.0):
        return RUN
    if shape.travel >= options.walk_speed * (0.5 if kept[0] == WALK else 1.0):
        return WALK
    return STAND


def hold_posture(person: AnalyzedPerson, shown: int, now_us: int, options: AnalyzeOptions) -> bool:
    """Take the posture of a frame. True when another one than last told holds now (never for unknown)."""
    if shown == person.posture or shown != person.next_posture:
        person.next_posture, person.next_us = shown, now_us
    elif now_us - person.next_us >= options.posture_hold_s * 1e6:
        person.posture, person.posture_us = shown, person.next_us
        if shown not in (UNKNOWN, person.told):
            person.told = shown
            return True
    return False
