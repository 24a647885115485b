"""How alike left and right move: the symmetry index of their ranges of flexion over the last seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.core.types import F32, F64, I64
from pipeline.core.vocabulary import FLEXIONS

WINDOW_S = 2.0
"""A window holds the last 2 to 4 seconds: at least one stride (1.1 s) and one repetition at a usual tempo."""

LEAST_RANGE = 20.0
"""Mean range of both sides from which they are compared, degrees; noise on a straight limb has some 10."""

# Without axes: numpy takes these in half the time of numbers.
_PERCENT, _LEAST_TOTAL = np.array(200, np.float32), np.array(2 * LEAST_RANGE, np.float32)
_WINDOW_US = round(WINDOW_S * 1e6)
_A = len(FLEXIONS)


@dataclass(slots=True)
class Swings:
    """Greatest and least flexions of the P people of the last frame, in two windows that follow each other.

    Attributes:
        track_id: (P,) int64.
        since_us: (P,) int64, when the newer window began.
        newer, older: (P, 2 A) float32, greatest flexions, then greatest negative flexions, degrees; NaN = none.
    """

    track_id: I64
    since_us: I64
    newer: F32
    older: F32


def symmetry(swings: Swings | None, track_id: I64, flexions: F64, times_us: Sequence[int]) -> tuple[Swings, F32]:
    """The windows after these frames of the same people, and the people's symmetry index in each.

    100 (right - left) / mean of the ranges of both (Robinson et al., 1987): 0 = alike, 200 = only the right side moves,
    -200 = only the left; NaN = too little motion to tell. Who is out of sight for a frame begins anew.

    Args:
        swings: The windows before, None before the first frame.
        track_id: (N,) whose.
        flexions: (T, N, A) degrees, `vocabulary.FLEXIONS`, left before right.
        times_us: Event time of each frame.

    Returns:
        The windows, and (T, N, A / 2) percent in [-200, 200], in the order of the joints of FLEXIONS.
    """
    swings = _of(swings, track_id, times_us[0])
    greatest = np.empty((*flexions.shape[:2], 2 * _A), np.float32)
    greatest[:, :, :_A] = flexions
    np.negative(greatest[:, :, :_A], out=greatest[:, :, _A:])
    begin = 0
    while begin < len(times_us):
        due_us = _turned(swings, times_us[begin])
        end = begin + 1
        while end < len(times_us) and times_us[end] < due_us:
            end += 1
        block = greatest[begin:end]
        np.fmax(swings.newer, block[0], out=block[0])
        np.fmax.accumulate(block, axis=0, out=block)
        swings.newer = block[-1].copy()
        np.fmax(block, swings.older, out=block)
        begin = end
    ranges = greatest[:, :, :_A] + greatest[:, :, _A:]
    left, right = ranges[:, :, 0::2], ranges[:, :, 1::2]
    total = left + right
    total[total < _LEAST_TOTAL] = np.nan
    index = right - left
    index *= _PERCENT
    index /= total
    return swings, index


def _turned(swings: Swings, now_us: int) -> int:
    """Begin new windows where these are over; when the next one will be."""
    if min(swings.since_us.tolist(), default=now_us) <= now_us - _WINDOW_US:
        over = swings.since_us <= now_us - _WINDOW_US
        gone = swings.since_us <= now_us - 2 * _WINDOW_US
        swings.older[over] = swings.newer[over]
        swings.older[gone] = np.nan
        swings.newer[over] = np.nan
        swings.since_us = np.where(over, now_us, swings.since_us)
    return min(swings.since_us.tolist(), default=now_us) + _WINDOW_US


def _of(swings: Swings | None, track_id: I64, now_us: int) -> Swings:
    """The windows of these people, in this order."""
    if swings is not None and swings.track_id.tobytes() == track_id.tobytes():
        return swings
    n = len(track_id)
    blank = np.full((n, 2 * _A), np.nan, np.float32)
    found = Swings(track_id, np.full(n, now_us, np.int64), blank, blank.copy())
    if swings is not None and n and len(swings.track_id):
        same = track_id[:, None] == swings.track_id[None, :]
        here, there = np.nonzero(same)
        for name in ("since_us", "newer", "older"):
            getattr(found, name)[here] = getattr(swings, name)[there]
    return found
