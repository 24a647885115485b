"""Who was found lately: their motion is no news, and one window each is enough to keep sight of them."""

from __future__ import annotations

import numpy as np

from pipeline.core.regions import centre_distance
from pipeline.core.types import F32, I64, Bool
from stages.detect.options import DetectOptions
from stages.detect.state import DetectState
from stages.detect.windows import touched

EXPLAINED = 0.9
"""Motion is that of people found when they cover so much of its box; the rest is a shadow, or a hand held out."""

BETTER = 0.05
"""A window takes a person over when the detector is surer by so much: scores of one person differ by less from look to
look."""

ROOM = 1.25
"""Side of the square that a person's motion stays within until the next look, as a share of the region's: of one who
squats, the shadow and the place that is empty now lie around the region."""

_SAMPLES = 8
_AT = (np.arange(_SAMPLES, dtype=np.float32) + np.float32(0.5)) / _SAMPLES


def squares_of(region: F32) -> F32:
    """(P, 4) xyxy boxes of where people in regions move, whichever way they are turned."""
    half = region[:, 2:3] * np.float32(ROOM / 2)
    return np.concatenate((region[:, :2] - half, region[:, :2] + half), axis=1)


def explained(motion: F32, region: F32) -> Bool:
    """(M,) which of the (M, 4) boxes lie where people in (P, 4) regions are."""
    if not len(motion) or not len(region):
        return np.zeros(len(motion), dtype=np.bool_)
    x = motion[:, 0:1] + (motion[:, 2:3] - motion[:, 0:1]) * _AT
    y = motion[:, 1:2] + (motion[:, 3:4] - motion[:, 1:2]) * _AT
    left, top, right, bottom = squares_of(region).T[:, :, None, None]
    columns, rows = (left <= x) & (x <= right), (top <= y) & (y <= bottom)
    covered = np.logical_or.reduce(rows[:, :, :, None] & columns[:, :, None, :], axis=0)
    result: Bool = np.add.reduce(covered.reshape(len(motion), -1), axis=1) / _SAMPLES**2 >= EXPLAINED
    return result


def remember(
    state: DetectState, options: DetectOptions, squares: F32, looked: I64, found: tuple[F32, F32, I64], now_us: int
) -> None:
    """Take up what was found in this frame.

    Args:
        state: Changed in place.
        options: Settings.
        squares: The windows.
        looked: Numbers of the windows that were looked at.
        found: (N, 4) regions, (N,) scores and (N,) windows of the people found, each once.
        now_us: Event time of the frame.
    """
    _forget(state, now_us - round(options.calm_s * 1e6))
    regions, scores, windows = found
    missing = np.isin(state.home, looked)
    gap = centre_distance(regions, state.region)
    for region, score, window, gaps in zip(regions, scores, windows, gap, strict=True):
        known = int(gaps.argmin()) if len(gaps) else -1
        if known < 0 or gaps[known] >= options.merge:
            _append(state, region, score, int(window), now_us)
            continue
        state.seen_us[known] = now_us
        missing[known] = False
        overdue = now_us - state.home_us[known] > 1.5e6 * options.sweep_s
        # What another window holds may be half of the person: it does not say how large they are.
        if window == state.home[known] or overdue or score > state.home_score[known] + BETTER:
            state.region[known] = region
            state.home[known], state.home_score[known], state.home_us[known] = window, score, now_us
    state.active_us[state.home[state.seen_us == now_us]] = now_us
    # Whoever is not found where they were is looked for all around.
    state.active_us[touched(squares, squares_of(state.region[: len(missing)][missing]))] = now_us


def _forget(state: DetectState, before_us: int) -> None:
    left = state.seen_us >= before_us
    state.region, state.seen_us = state.region[left], state.seen_us[left]
    state.home, state.home_score, state.home_us = state.home[left], state.home_score[left], state.home_us[left]


def _append(state: DetectState, region: F32, score: float, window: int, now_us: int) -> None:
    state.region = np.concatenate((state.region, region[None]))
    state.seen_us = np.append(state.seen_us, np.int64(now_us))
    state.home = np.append(state.home, np.int64(window))
    state.home_score = np.append(state.home_score, np.float32(score))
    state.home_us = np.append(state.home_us, np.int64(now_us))
