"""Which regions are looked at in a frame, and which are followed into the next."""

from __future__ import annotations

import numpy as np

from pipeline.core.regions import centre_distance
from pipeline.core.types import F32, I64, Bool
from stages.pose.options import PoseOptions
from stages.pose.people import People
from stages.pose.state import PoseState
from stages.pose.to_frame import InFrame

MAX_PREDICTED_S = 0.3
"""No region is carried on by its velocity for longer: nobody keeps one for as long when moving fast."""

VELOCITY_S = 0.1
"""Time constant over which velocities are averaged: two frames at 20 fps."""


def candidates(
    state: PoseState, options: PoseOptions, detected: F32, detected_score: F32, now_us: int
) -> tuple[F32, I64]:
    """The (R, 4) regions to look at, and for each the number of the followed region it is, -1 for a new one.

    A detection on a person who is followed is left out; one on a person who was lost says where to look for them.
    """
    region = state.region.copy()
    dt_s = np.clip((now_us - state.at_us) / 1e6, 0.0, MAX_PREDICTED_S)
    region[:, :2] += state.velocity * np.float32(dt_s)
    lost = state.seen_us < state.at_us

    detected = detected[np.argsort(-detected_score, kind="stable")]
    gap = centre_distance(detected, region)
    free: Bool = np.asarray(~((gap < options.merge) & ~lost).any(axis=1))
    back = np.where((gap < options.regain) & lost & free[:, None], gap, np.inf)
    for i in np.flatnonzero(np.isfinite(back).any(axis=0)):
        region[i] = detected[back[:, i].argmin()]
    new = np.flatnonzero(free & ~np.isfinite(back).any(axis=1))

    # Whoever is seen goes before whoever was lost, and all of them before detections.
    followed = np.argsort(lost, kind="stable")
    regions = np.concatenate((region[followed], detected[new]))
    numbers = np.concatenate((followed, np.full(len(new), -1, dtype=np.int64)))
    return regions[: options.max_people], numbers[: options.max_people]


def following(
    state: PoseState,
    options: PoseOptions,
    looked: tuple[F32, I64],
    found: InFrame,
    people: People,
    size: tuple[int, int],
    now_us: int,
) -> PoseState:
    """The state after this frame.

    Args:
        state: Before it.
        options: Settings.
        looked: The regions and their numbers, as `candidates` gave them.
        found: What was found in them.
        people: Who of that is a person.
        size: Width and height of the frame.
        now_us: Event time of the frame.
    """
    regions, numbers = looked
    rows, old = people.rows, numbers[people.rows]
    next_region = found.next_region[rows]
    velocity = np.zeros((len(rows), 2), dtype=np.float32)
    dt_s = (now_us - state.at_us) / 1e6
    known = (old >= 0) & (dt_s > 0)
    if known.any():
        fresh = (next_region[known, :2] - state.region[old[known], :2]) / np.float32(dt_s)
        share = np.float32(1.0 - np.exp(-dt_s / VELOCITY_S))
        before = state.velocity[old[known]]
        velocity[known] = before + share * (fresh - before)

    # Someone who was seen and is hidden now, perhaps behind another person, is looked for a little longer where the
    # last velocity leads.
    missed = np.setdiff1d(np.flatnonzero(numbers >= 0), rows)
    hidden_s = (now_us - state.seen_us[numbers[missed]]) / 1e6
    in_frame = ((regions[missed, :2] >= 0) & (regions[missed, :2] <= np.array(size))).all(axis=1)
    # For no longer than the person was seen before: what only flickers is nobody.
    seen_s = (state.seen_us - state.since_us)[numbers[missed]] / 1e6
    looked_for = hidden_s <= np.minimum(options.linger_s, seen_s)
    missed = missed[looked_for & in_frame]
    lost = numbers[missed]
    return PoseState(
        width=size[0],
        height=size[1],
        at_us=now_us,
        region=np.concatenate((next_region, regions[missed])),
        velocity=np.concatenate((velocity, state.velocity[lost])),
        seen_us=np.concatenate((np.full(len(rows), now_us, dtype=np.int64), state.seen_us[lost])),
        since_us=np.concatenate((people.since_us, state.since_us[lost])),
        shown=np.concatenate((people.shown.astype(np.uint8), state.shown[lost])),
        keypoints=np.concatenate((found.keypoints[rows, :, :2], state.keypoints[lost])),
    )
