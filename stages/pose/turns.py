"""Who is looked at in a frame when there are more people than looks, and what is given out for the others."""

from __future__ import annotations

import numpy as np

from pipeline.core.types import F32, I64
from stages.pose.options import PoseOptions
from stages.pose.state import PoseState

SAVED_S = 0.25
"""Looks of so many seconds can be saved up: enough for a group that enters at once, and too few to delay a frame."""

MAX_MOVED_S = 0.3
"""No skeleton is moved on by its velocity for longer: a step takes 0.5 s, and limbs turn round within it."""


def credit_of(state: PoseState, options: PoseOptions, now_us: int) -> float:
    """Looks that may be spent at this time."""
    most = max(1.0, options.looks_per_s * SAVED_S)
    if state.at_us == 0:
        return most
    earned = options.looks_per_s * max(now_us - state.at_us, 0) / 1e6
    return min(state.credit + earned, max(most, earned))


def in_turn(state: PoseState, options: PoseOptions, numbers: I64, now_us: int) -> I64:
    """Indices of the candidates with these numbers that are looked at now, in their order."""
    if not options.looks_per_s:
        return np.arange(len(numbers))
    looks = int(max(credit_of(state, options, now_us), 0.0) + 1e-6)
    last_us = np.append(state.looked_us, 0)[numbers]
    return np.sort(np.argsort(last_us, kind="stable")[:looks])


def waiting_of(state: PoseState, numbers: I64) -> I64:
    """Numbers of those who are followed and were not looked at."""
    waiting = np.ones(len(state.region), dtype=np.bool_)
    waiting[numbers[numbers >= 0]] = False
    return np.flatnonzero(waiting)


def moved_on(state: PoseState, numbers: I64, now_us: int) -> tuple[I64, F32]:
    """Of those not looked at the shown ones' (P,) numbers, and their (P, K, 2) last keypoints where they may be now."""
    waiting = waiting_of(state, numbers)
    if not len(waiting):
        return waiting, state.keypoints[:0]
    waiting = waiting[(state.shown[waiting] > 0) & ~state.lost[waiting]]
    seconds = np.clip((now_us - state.seen_us[waiting]) / 1e6, 0.0, MAX_MOVED_S).astype(np.float32)
    return waiting, state.keypoints[waiting] + (state.velocity[waiting] * seconds[:, None])[:, None]
