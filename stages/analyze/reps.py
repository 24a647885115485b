"""Repetitions of an exercise: a small state machine a person and exercise."""

from __future__ import annotations

from enum import IntEnum
from math import hypot
from typing import NamedTuple

from stages.analyze.body import Extent
from stages.analyze.exercises import JOINTS, Band, Exercise
from stages.analyze.state import CountedReps


class Phase(IntEnum):
    """Where a repetition stands."""

    NOT_READY = 0
    AT_REST = 1
    MOVING = 2


class Look(NamedTuple):
    """What one frame shows of a person.

    Attributes:
        flexion: By joint, degrees.
        foot_x, foot_y: Middle of the ankles, pixels.
        low: Height of the hips, leg lengths.
        tilt: Trunk against the vertical, degrees.
        body_height: Pixels.
        posture: Its name.
        now_us, dt_s: Event time, and seconds since the person's last frame.
    """

    flexion: dict[str, float]
    foot_x: float
    foot_y: float
    low: float
    tilt: float
    body_height: float
    posture: str
    now_us: int
    dt_s: float


class Rep(NamedTuple):
    """A repetition that was just completed."""

    started_us: int
    seconds: float
    evidence: dict[str, float]


def flexion_of(extent: Extent) -> dict[str, float]:
    """Flexion by joint, degrees."""
    return {"elbow": extent.elbow, "shoulder": extent.shoulder, "hip": extent.hip, "knee": extent.knee}


def count_rep(reps: CountedReps, exercise: Exercise, look: Look) -> Rep | None:
    """Take one frame; a repetition is counted at the return to rest."""
    flexion = look.flexion
    for band in exercise.rest + exercise.effort:
        if flexion[band.joint] != flexion[band.joint]:
            reps.unseen_s += look.dt_s
            if reps.unseen_s > exercise.slack_s:
                reps.phase, reps.rest_us = Phase.NOT_READY, None
            return None
    reps.unseen_s = 0.0
    rests = _within(exercise.rest, flexion)
    if reps.phase == Phase.NOT_READY:
        if not rests:
            reps.rest_us = None
        elif reps.rest_us is None:
            reps.rest_us = look.now_us
        elif look.now_us - reps.rest_us >= exercise.ready_s * 1e6:
            _rest(reps, look)
        return None
    if reps.phase == Phase.AT_REST:
        if rests:
            _rest(reps, look)
            return None
        reps.phase = Phase.MOVING
        reps.effort_s = reps.bad_s = reps.elbow = reps.shoulder = reps.hip = reps.knee = reps.tilt = 0.0
        reps.low = 1.0
    return _go_on(reps, exercise, look, rests)


def _go_on(reps: CountedReps, exercise: Exercise, look: Look, rests: bool) -> Rep | None:
    for joint in JOINTS:
        if look.flexion[joint] > getattr(reps, joint):
            setattr(reps, joint, look.flexion[joint])
    reps.low = min(reps.low, look.low)
    reps.tilt = max(reps.tilt, look.tilt)
    if _within(exercise.effort, look.flexion):
        reps.effort_s += look.dt_s
    if look.tilt > exercise.max_tilt or look.posture in exercise.not_in:
        reps.bad_s += look.dt_s
    started_us = look.now_us if reps.rest_us is None else reps.rest_us
    seconds = (look.now_us - started_us) / 1e6
    if seconds > exercise.max_s or reps.bad_s > exercise.slack_s or reps.effort_s > exercise.max_effort_s:
        reps.phase, reps.rest_us = Phase.NOT_READY, None
        return None
    if not rests:
        return None
    moved = hypot(look.foot_x - reps.foot_x, look.foot_y - reps.foot_y) > exercise.max_travel * look.body_height
    _rest(reps, look)
    if reps.effort_s < exercise.min_effort_s or seconds < exercise.min_s or moved:
        return None
    reps.count += 1
    evidence = {f"{band.joint}_flexion": getattr(reps, band.joint) for band in exercise.effort}
    return Rep(started_us, seconds, evidence | {"seconds": seconds, "depth": 1.0 - reps.low, "trunk_tilt": reps.tilt})


def _within(bands: tuple[Band, ...], flexion: dict[str, float]) -> bool:
    for band in bands:  # noqa: SIM110  a generator takes twice as long, for each person, exercise and frame
        if not band.low <= flexion[band.joint] <= band.high:
            return False
    return True


def _rest(reps: CountedReps, look: Look) -> None:
    reps.phase, reps.rest_us = Phase.AT_REST, look.now_us
    reps.foot_x, reps.foot_y = look.foot_x, look.foot_y
