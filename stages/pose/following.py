"""Which regions may be looked at in a frame, and which are followed into the next."""

from __future__ import annotations

import numpy as np

from pipeline.core.regions import centre_distance
from pipeline.core.types import F32, I64, Bool
from stages.pose.options import PoseOptions
from stages.pose.people import People, with_last
from stages.pose.state import PoseState
from stages.pose.to_frame import InFrame
from stages.pose.turns import credit_of, waiting_of

MAX_PREDICTED_S = 0.3
"""No region is carried on by its velocity for longer: nobody keeps one for as long when moving fast."""

VELOCITY_S = 0.1
"""Time constant over which velocities are averaged: two frames at 20 fps."""


def candidates(
    state: PoseState, options: PoseOptions, detected: F32, detected_score: F32, now_us: int
) -> tuple[F32, I64]:
    """The (R, 4) regions that are worth a look, and for each the number of the followed region it is, -1 for a new one.

    A detection on a person who is followed is left out; one on a person who was lost says where to look for them.
    """
    region = state.region.copy()
    region[:, :2] += state.velocity * np.float32(_predicted_s(state, now_us))
    lost = state.lost
    # Whoever is seen goes before whoever was lost, and all of them before detections.
    followed = np.argsort(lost, kind="stable")
    if not len(detected):
        return region[followed][: options.max_people], followed[: options.max_people]

    detected = detected[np.argsort(-detected_score, kind="stable")]
    gap = centre_distance(detected, region)
    free: Bool = np.asarray(~((gap < options.merge) & ~lost).any(axis=1))
    back = np.where((gap < options.regain) & lost & free[:, None], gap, np.inf)
    for i in np.flatnonzero(np.isfinite(back).any(axis=0)):
        region[i] = detected[back[:, i].argmin()]
    new = np.flatnonzero(free & ~np.isfinite(back).any(axis=1))

    regions = np.concatenate((region[followed], detected[new]))
    numbers = np.concatenate((followed, np.full(len(new), -1, dtype=np.int64)))
    return regions[: options.max_people], numbers[: options.max_people]


def following(
    state: PoseState,
    looked: tuple[F32, I64],
    found: InFrame,
    people: People,
    options: PoseOptions,
    size: tuple[int, int],
    now_us: int,
) -> PoseState:
    """The state after this frame: who was seen, who was looked for in vain, and whose turn it was not.

    Args:
        state: Before it.
        looked: The regions and their numbers that were looked at.
        found: What was found in them.
        people: Who of that is a person.
        options: Settings.
        size: Width and height of the frame.
        now_us: Event time of the frame.
    """
    regions, numbers = looked
    rows, old = people.rows, numbers[people.rows]
    next_region = found.next_region[rows]

    # Someone who was seen and is hidden now, perhaps behind another person, is looked for a little longer where the
    # last velocity leads.
    unseen = numbers >= 0
    unseen[rows] = False
    missed = np.flatnonzero(unseen)
    if len(missed):
        hidden_s = (now_us - state.seen_us[numbers[missed]]) / 1e6
        in_frame = ((regions[missed, :2] >= 0) & (regions[missed, :2] <= np.array(size))).all(axis=1)
        # For no longer than the person was seen before: what only flickers is nobody.
        seen_s = (state.seen_us - state.since_us)[numbers[missed]] / 1e6
        looked_for = hidden_s <= np.minimum(options.linger_s, seen_s)
        missed = missed[looked_for & in_frame]
    waiting = waiting_of(state, numbers)
    moved = state.region[waiting]
    moved[:, :2] += state.velocity[waiting] * np.float32(_predicted_s(state, now_us))
    kept = np.concatenate((numbers[missed], waiting))
    now = np.full(len(rows), now_us, dtype=np.int64)
    after = PoseState(
        width=size[0],
        height=size[1],
        at_us=now_us,
        region=next_region,
        velocity=_velocity(state, old, next_region, now_us),
        seen_us=now,
        since_us=people.since_us,
        shown=people.shown.astype(np.uint8),
        keypoints=found.keypoints[rows, :, :2],
        credit=credit_of(state, options, now_us) - len(numbers),
        looked_us=now,
        score=found.score[rows],
        models=state.models,
    )
    if len(kept):
        after.region = np.concatenate((next_region, regions[missed], moved))
        looked_us = np.full(len(missed), now_us, dtype=np.int64)
        after.looked_us = np.concatenate((now, looked_us, state.looked_us[waiting]))
        for name in ("velocity", "seen_us", "since_us", "shown", "keypoints", "score"):
            setattr(after, name, np.concatenate((getattr(after, name), getattr(state, name)[kept])))
    return after


def _velocity(state: PoseState, old: I64, next_region: F32, now_us: int) -> F32:
    """(P, 2) velocity of those seen now, of whom `old` are the numbers before: averaged over `VELOCITY_S`."""
    velocity = np.zeros((len(old), 2), dtype=np.float32)
    known = (old >= 0) & (now_us > with_last(state.seen_us, now_us)[old])
    if known.any():
        before = old[known]
        since_s = ((now_us - state.seen_us[before]) / 1e6).astype(np.float32)[:, None]
        ahead_s = ((state.at_us - state.seen_us[before]) / 1e6).astype(np.float32)[:, None]
        last_seen = state.region[before, :2] - state.velocity[before] * ahead_s
        fresh = (next_region[known, :2] - last_seen) / since_s
        velocity[known] = state.velocity[before] + (1 - np.exp(-since_s / np.float32(VELOCITY_S))) * (
            fresh - state.velocity[before]
        )
    return velocity


def _predicted_s(state: PoseState, now_us: int) -> float:
    return min(max((now_us - state.at_us) / 1e6, 0.0), MAX_PREDICTED_S)
