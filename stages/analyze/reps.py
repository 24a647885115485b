"""Repetitions of an exercise: a small state machine a person and exercise."""

from __future__ import annotations

from math import hypot
from typing import NamedTuple

from pipeline.core.vocabulary import POSTURES
from stages.analyze.body import Extent
from stages.analyze.exercises import Exercise
from stages.analyze.movement import Shape
from stages.analyze.state import CountedReps

NOT_READY, AT_REST, MOVING = range(3)


class Rep(NamedTuple):
    """A repetition that was just completed."""

    started_us: int
    seconds: float
    evidence: dict[str, float]


def count_rep(
    reps: CountedReps, exercise: Exercise, extent: Extent, shape: Shape, shown: int, now_us: int, dt_s: float
) -> Rep | None:
    """Take one frame; a repetition is counted at the return to rest. `shown` is the frame's posture."""
    if any(getattr(extent, band.joint) != getattr(extent, band.joint) for band in exercise.rest + exercise.effort):
        reps.unseen_s += dt_s
        if reps.unseen_s > exercise.slack_s:
            reps.phase, reps.rest_us = NOT_READY, None
        return None
    reps.unseen_s = 0.0
    rests = all(band.low <= getattr(extent, band.joint) <= band.high for band in exercise.rest)
    if reps.phase == NOT_READY:
        _get_ready(reps, exercise, rests, now_us)
    elif reps.phase == MOVING:
        return _go_on(reps, exercise, extent, shape, POSTURES[shown], rests, now_us, dt_s)
    elif not rests:
        reps.phase = MOVING
        reps.effort_s = reps.bad_s = reps.elbow = reps.shoulder = reps.hip = reps.knee = reps.tilt = 0.0
        reps.low = shape.hip
        return _go_on(reps, exercise, extent, shape, POSTURES[shown], rests, now_us, dt_s)
    if reps.phase == AT_REST:
        reps.rest_us, reps.foot_x, reps.foot_y = now_us, extent.foot_x, extent.foot_y
    return None


def _get_ready(reps: CountedReps, exercise: Exercise, rests: bool, now_us: int) -> None:
    if not rests:
        reps.rest_us = None
    elif reps.rest_us is None:
        reps.rest_us = now_us
    elif now_us - reps.rest_us >= exercise.ready_s * 1e6:
        reps.phase = AT_REST


def _go_on(
    reps: CountedReps,
    exercise: Exercise,
    extent: Extent,
    shape: Shape,
    shown: str,
    rests: bool,
    now_us: int,
    dt_s: float,
) -> Rep | None:
    for joint in ("elbow", "shoulder", "hip", "knee"):
        flexion = getattr(extent, joint)
        if flexion > getattr(reps, joint):
            setattr(reps, joint, flexion)
    if shape.hip < reps.low:
        reps.low = shape.hip
    if shape.tilt > reps.tilt:
        reps.tilt = shape.tilt
    if all(band.low <= getattr(extent, band.joint) <= band.high for band in exercise.effort):
        reps.effort_s += dt_s
    if shape.tilt > exercise.max_tilt or shown in exercise.not_in:
        reps.bad_s += dt_s
    started_us = now_us if reps.rest_us is None else reps.rest_us
    seconds = (now_us - started_us) / 1e6
    if seconds > exercise.max_s or reps.bad_s > exercise.slack_s or reps.effort_s > exercise.max_effort_s:
        reps.phase, reps.rest_us = NOT_READY, None
        return None
    if not rests:
        return None
    reps.phase, reps.rest_us = AT_REST, now_us
    foot_x, foot_y = reps.foot_x, reps.foot_y
    reps.foot_x, reps.foot_y = extent.foot_x, extent.foot_y
    travelled = hypot(extent.foot_x - foot_x, extent.foot_y - foot_y) > exercise.max_travel * shape.body_height
    if reps.effort_s < exercise.min_effort_s or seconds < exercise.min_s or travelled:
        return None
    reps.count += 1
    evidence = {f"{band.joint}_flexion": getattr(reps, band.joint) for band in exercise.effort}
    return Rep(started_us, seconds, evidence | {"seconds": seconds, "depth": 1.0 - reps.low, "trunk_tilt": reps.tilt})
