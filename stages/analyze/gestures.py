"""Gestures of all people of a frame: waving, both hands up, pointing.

A wave is found by its turns: where a raised hand goes sideways, back, and so on, each time far enough and neither too
slowly nor too fast. A turn is known once the hand has come back by a swing, so jitter makes none. Of the picture alone
it takes what goes sideways; hands that wave along the view are not seen to wave.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipeline.core.masks import any_of
from pipeline.core.types import F64, I64, Bool
from pipeline.core.vocabulary import ANGLES
from stages.analyze.feet import ELBOWS, SHOULDERS, WRISTS, People
from stages.analyze.gesture_options import GestureOptions
from stages.analyze.postures import LIE
from stages.analyze.told import Told
from stages.analyze.watched import GESTURES, Watched

WAVE, HANDS_UP, POINT = range(len(GESTURES))
KIND = "gesture"
OVER = "end"

_ARM_OF_HEIGHT = 0.37  # shoulder to wrist over nose to ankle along the bones: 0.332 / 0.90 of the stature
_ARM_UP_S, _ARM_DOWN_S = 0.2, 10.0  # an arm that points at the camera looks short, none looks long
_LONGEST_S = 1.0  # more since the last frame counts as this
_SHORTENED = 0.7  # shares of a learned arm: less on the picture, and its angles are not those of the arm
_SLACK_DEG = 15.0  # so much more may the elbow of an arm read that points already
_ELBOW, _SHOULDER = (
    slice(i, i + 2)
    for i in (
        next(i for i, angle in enumerate(ANGLES) if angle.name == f"left_{name}") for name in ("elbow", "shoulder")
    )
)


class _Arms(NamedTuple):
    """Both arms of the N people of a frame, left first.

    Attributes:
        hand: (N, 2, 2) wrist from its shoulder, pixels; NaN = not seen.
        length: (N, 1) pixels; NaN = unknown.
        raised: (N, 2) the hand is raised.
        up: (N,) both hands are above the head.
        away: (N, 2) the arm is away from the trunk.
        out: (N, 2) it is, and not up.
    """

    hand: F64
    length: F64
    raised: Bool
    up: Bool
    away: Bool
    out: Bool


def follow_gestures(watched: Watched, people: People, before_us: I64, told: Told, options: GestureOptions) -> None:
    """Take the arms of a frame; its people are the first rows of `watched`, in view before at `before_us` (N,)."""
    n = len(before_us)
    if n == 0:
        return
    if _at_rest(watched, people, options):
        return
    arms = _arms_of(watched, people, before_us, options)
    now_us = people.now_us
    waves = _follow_waves(watched, arms, now_us, before_us, options)
    points = _follow_points(watched, people, arms, now_us, options)
    shows = np.stack((waves.any(axis=1), arms.up, points), axis=1)
    since, last, was_told = watched.since_us[:n], watched.last_us[:n], watched.told[:n]
    if not (any_of(shows) or np.count_nonzero(since)):
        return
    begin = np.full(shows.shape, now_us)
    begin[:, WAVE] = np.where(waves, watched.wave_us[:n], now_us).min(axis=1)
    until = np.full(shows.shape, now_us)
    until[:, WAVE] = np.where(waves, watched.far_us[:n], 0).max(axis=1)
    new = shows & (since == 0)
    since[new] = begin[new]
    last[shows] = until[shows]
    needed = np.array([0, options.up_s * 1e6, options.point_s * 1e6])
    due = shows & (was_told == 0) & (now_us - since >= needed)
    over = (since != 0) & ~shows & (now_us - last > _slack_us(options))
    if any_of(over):
        for i, gesture in np.argwhere(over).tolist():
            _end(watched, i, gesture, told)
    if any_of(due):
        for i, gesture in np.argwhere(due).tolist():
            was_told[i, gesture] = 1
            evidence = _evidence(watched, people, arms, waves, i, gesture)
            at_us = int(since[i, gesture])
            told.event(KIND, GESTURES[gesture], int(watched.track_id[i]), at_us, evidence=evidence)


def arms_hang(points: F64, angles: F64, options: GestureOptions) -> Bool:
    """(R,) whether no hand is above its elbow and no arm away from the trunk, of (P, R, 2) points and (R, A) angles."""
    y = points[:, :, 1]
    lifted = np.logical_or.reduce(y[WRISTS] < y[ELBOWS], axis=0)
    hang: Bool = ~(lifted | np.logical_or.reduce(angles[:, _SHOULDER] <= 180.0 - options.away, axis=1))
    return hang


def end_gestures(watched: Watched, row: int, told: Told) -> None:
    """End the gestures of somebody who has left."""
    for gesture in range(len(GESTURES)):
        _end(watched, row, gesture, told)


def _end(watched: Watched, row: int, gesture: int, told: Told) -> None:
    since_us, last_us = int(watched.since_us[row, gesture]), int(watched.last_us[row, gesture])
    if watched.told[row, gesture]:
        label = f"{GESTURES[gesture]}:{OVER}"
        told.event(KIND, label, int(watched.track_id[row]), since_us, last_us, (last_us - since_us) / 1e6)
    watched.since_us[row, gesture] = watched.last_us[row, gesture] = watched.told[row, gesture] = 0


def _at_rest(watched: Watched, people: People, options: GestureOptions) -> bool:
    """Whether no hand is raised, no arm away from the trunk alone, and none was: most frames, told cheaply."""
    if np.count_nonzero(watched.since_us) or np.count_nonzero(watched.turn_us):
        return False
    if people.arms_hang:
        return True
    y = people.points[:, :, 1]
    away = people.angles[:, _SHOULDER] <= 180.0 - options.away
    if any_of(people.height != people.height):
        return False  # the length of these arms is learned
    if any_of(_raised(y, options.raised * (people.height * _ARM_OF_HEIGHT))):
        return False
    alone = away & ~away[:, ::-1]
    if any_of(alone):
        alone &= people.angles[:, _ELBOW] < options.straight
    return not any_of(alone)


def _raised(y: F64, least: F64) -> Bool:
    """(2, N) whose hand is raised, by the (P, N) y of the points: `least` (N,) above the elbow, and near the shoulder
    or above it.
    """
    wrist = y[WRISTS]
    raised: Bool = y[ELBOWS] - wrist >= least
    raised &= wrist - y[SHOULDERS] <= least
    return raised


def _arms_of(watched: Watched, people: People, before_us: I64, options: GestureOptions) -> _Arms:
    points = people.points
    wrist = points[WRISTS]
    hand = wrist - points[SHOULDERS]
    length = people.height * _ARM_OF_HEIGHT
    if any_of(length != length):
        length = np.where(length == length, length, _learned(watched, people, before_us))
    raised = _raised(points[:, :, 1], options.raised * length)
    shoulder_flexion = people.angles[:, _SHOULDER]
    away = shoulder_flexion <= 180.0 - options.away
    out = away & (shoulder_flexion >= 180.0 - options.away_most)
    up = np.zeros(len(length), np.bool_)
    if any_of(raised):
        above = wrist[:, :, 1] < people.head - options.above_head * length
        up = above[0] & above[1] & (people.posture != LIE)
    return _Arms(hand.transpose(1, 0, 2), length[:, None], raised.T, up, away, out)


def _learned(watched: Watched, people: People, before_us: I64) -> F64:
    """(N,) length of an arm as the picture shows it: quick to grow, slow to shrink."""
    n = len(people.height)
    points = people.points
    bones = points[SHOULDERS] - points[ELBOWS], points[ELBOWS] - points[WRISTS]
    lengths = sum(np.sqrt(np.einsum("sni,sni->sn", bone, bone)) for bone in bones)
    shown = np.fmax(lengths[0], lengths[1])
    known: F64 = watched.arm[:n].astype(np.float64)
    dt_s = np.minimum((people.now_us - before_us) * 1e-6, _LONGEST_S)
    gain = 1.0 - np.exp(-dt_s / np.where(shown > known, _ARM_UP_S, _ARM_DOWN_S))
    moved = known + gain * (shown - known)
    learned = np.where(known != known, shown, np.where(shown != shown, known, moved))
    watched.arm[:n] = learned
    return learned


def _follow_waves(watched: Watched, arms: _Arms, now_us: int, before_us: I64, options: GestureOptions) -> Bool:
    """(N, 2) which hands wave."""
    n = len(before_us)
    way, swings, wave_us = watched.way[:n], watched.swings[:n], watched.wave_us[:n]
    turn, turn_us, far, far_us = watched.turn[:n], watched.turn_us[:n], watched.far[:n], watched.far_us[:n]
    raised_us = watched.raised_us[:n]
    raised_us[arms.raised] = now_us
    lowered = (turn_us != 0) & (now_us - raised_us > _slack_us(options))
    if any_of(lowered):
        way[lowered] = swings[lowered] = turn_us[lowered] = 0
    new = arms.raised & (turn_us == 0)
    if any_of(new):
        turn[new] = far[new] = arms.hand[new]
        turn_us[new] = far_us[new] = now_us
    moving: Bool = arms.raised & (turn_us != 0)
    if not any_of(moving):
        return moving
    least = options.swing * arms.length
    starts = moving & (way == 0)
    if any_of(starts):
        _start_wave(watched, arms.hand, starts, least, now_us)
    ahead = (arms.hand[:, :, 0] - far[:, :, 0]) * way
    back = moving & (ahead <= -least)
    if any_of(back):
        # The hand has come back: where it was farthest it turned, and the way to there from the turn before is a swing.
        slowest_us, fastest_us = 0.5e6 / options.slowest_hz, 0.5e6 / options.fastest_hz
        frame_us = (now_us - before_us)[:, None]
        span = np.abs(far - turn)
        took_us = far_us - turn_us
        # A turn lies up to half a frame beside the one that was seen, at both ends of a swing.
        good = (took_us <= slowest_us + frame_us) & (took_us >= fastest_us - frame_us)
        good &= span[:, :, 1] <= span[:, :, 0]
        first = back & good & (swings == 0)
        wave_us[first] = turn_us[first]
        swings[back & good] = np.minimum(swings[back & good], 254) + 1
        swings[back & ~good] = 0
        turn[back], turn_us[back] = far[back], far_us[back]
        way[back] = -way[back]
    on = back | (moving & (ahead > 0))
    far[on], far_us[on] = arms.hand[on], now_us
    stalled = (swings != 0) & (now_us - far_us > 0.5e6 / options.slowest_hz + _slack_us(options))
    if any_of(stalled):
        swings[stalled] = 0
    # The swing under way is one more: it is as long as a swing, or the turn before it would not be known.
    waves: Bool = (swings >= options.swings - 1) & (turn_us != 0)
    return waves


def _start_wave(watched: Watched, hand: F64, starts: Bool, least: F64, now_us: int) -> None:
    """Hands whose way is not known yet: `turn` is where they were leftmost, `far` rightmost, until these are a swing
    apart.

    A hand may be raised in the middle of its swing, so neither needs to be where it was raised.
    """
    n = len(hand)
    way, turn, turn_us, far, far_us = (
        table[:n] for table in (watched.way, watched.turn, watched.turn_us, watched.far, watched.far_us)
    )
    left = starts & (hand[:, :, 0] < turn[:, :, 0])
    turn[left], turn_us[left] = hand[left], now_us
    right = starts & (hand[:, :, 0] > far[:, :, 0])
    far[right], far_us[right] = hand[right], now_us
    apart = starts & (far[:, :, 0] - turn[:, :, 0] >= least)
    if not any_of(apart):
        return
    way[apart] = 1
    to_left = apart & (turn_us > far_us)
    way[to_left] = -1
    turn[to_left], far[to_left] = far[to_left], turn[to_left]
    turn_us[to_left], far_us[to_left] = far_us[to_left], turn_us[to_left]


def _follow_points(watched: Watched, people: People, arms: _Arms, now_us: int, options: GestureOptions) -> Bool:
    """(N,) whose arm points: one arm straight and away from the trunk, the other down (or not seen)."""
    n = len(people.posture)
    holds = watched.since_us[:n, POINT] != 0
    straight = people.angles[:, _ELBOW] < (options.straight + _SLACK_DEG * holds)[:, None]
    points = arms.out & straight & ~arms.away[:, ::-1]
    if not people.metric and any_of(points):
        shown = np.sqrt(np.einsum("nsi,nsi->ns", arms.hand, arms.hand))
        points &= shown >= _SHORTENED * arms.length
    if not any_of(points):
        return np.zeros(n, np.bool_)
    points &= (people.posture != LIE)[:, None]
    anchor, since, was_told = watched.anchor[:n], watched.since_us[:n, POINT], watched.told[:n, POINT]
    away = arms.hand - anchor
    moved = np.sqrt(np.einsum("nsi,nsi->ns", away, away)) > options.still * arms.length
    anew = points & (~holds[:, None] | (moved & (was_told == 0)[:, None]))
    if any_of(anew):
        anchor[anew] = arms.hand[anew]
        since[anew.any(axis=1)] = now_us
    result: Bool = points.any(axis=1)
    return result


def _evidence(watched: Watched, people: People, arms: _Arms, waves: Bool, row: int, gesture: int) -> dict[str, float]:
    if gesture == POINT:
        side = int(np.argmax(arms.out[row]))
        x, y = arms.hand[row, side].tolist()
        away = 180.0 - float(people.angles[row][_SHOULDER][side])
        direction = float(np.degrees(np.arctan2(-y, x)))
        return {
            "direction": direction,
            "elbow": float(people.angles[row][_ELBOW][side]),
            "away": away,
            "right_arm": float(side),
        }
    if gesture == HANDS_UP:
        return {}
    side = int(np.argmax(waves[row]))
    swings = float(watched.swings[row, side])
    seconds = float(watched.turn_us[row, side] - watched.wave_us[row, side]) / 1e6
    hands = float(np.count_nonzero(waves[row]))
    return {"hz": 0.5 * swings / seconds, "swings": swings + 1.0, "hands": hands, "right_arm": float(side)}


def _slack_us(options: GestureOptions) -> float:
    return options.slack_s * 1e6
