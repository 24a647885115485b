"""What frames show of people in every exercise: which bands their measures lie in, for several frames at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipeline.core.masks import any_of
from pipeline.core.types import F32, F64, I64, Bool
from stages.analyze.moves import RepTable, with_people
from stages.analyze.plan import Plan


class Shown(NamedTuple):
    """T frames of the same N people.

    Attributes:
        times_us: Event times.
        track_id: (N,) int64.
        features: (T, N, F) float32 in the order of `features.COLUMNS`.
        foot: (T, N, 2) float32, middle of the ankles, pixels.
        body_height: (T, N) pixels.
    """

    times_us: Sequence[int]
    track_id: I64
    features: F32
    foot: F32
    body_height: F64


class Look(NamedTuple):
    """One frame of N people beside the R rows of a plan, whose exercises have K phases.

    Attributes:
        now_us: Event time.
        dt_s: (N, 1) float32, since they were looked at before.
        foot, body_height: As in `Shown`.
        seen: (N, R) all measures that there is no verdict without.
        rests: (N, R) they are in the first phase as far as one sees.
        told: (N, R) a measure is seen that tells some phase from the one before.
        inside: (N, K, R) in which phases they are, of those that a measure tells that is seen.
        against: (N, K, R) such measures are in their bands of the phase, but another one that is seen is not.
        leaves: (N, R) the first phase is told, and they are not in it.
        fair: (N, R) nothing that holds throughout is broken.
        gauges: (N, R, C) float32, values of the gauges times their sign; NaN = unknown.
    """

    now_us: int
    dt_s: F32
    foot: F32
    body_height: F64
    seen: Bool
    rests: Bool
    told: Bool
    inside: Bool
    against: Bool
    leaves: Bool
    fair: Bool
    gauges: F32


def look_at(
    table: RepTable | None, plan: Plan, shown: Shown, max_gap_s: float, steady_s: float
) -> tuple[RepTable, list[Look]]:
    """The table with these people first, in their order, and a look at each frame.

    Measures are smoothed with the time constant `steady_s`, so that noise neither ends a phase nor makes one.
    """
    frames, n, columns = shown.features.shape
    sizes = plan.gauge_sign.shape[1], columns
    dt_s, steady = np.empty((frames, n, 1), np.float32), np.empty_like(shown.features)
    for frame, now_us in enumerate(shown.times_us):
        table = with_people(table, plan.names, sizes, shown.track_id, now_us, max_gap_s)
        table.looked_us = now_us
        dt_s[frame, :, 0] = (now_us - table.at_us[:n]) * 1e-6
        table.at_us[:n] = now_us
        before = table.features[:n]
        before[:] = steady[frame] = _steadied(before, shown.features[frame], dt_s[frame], steady_s)
    assert table is not None, "there is a frame"
    return table, _looks(plan, shown, steady.reshape(frames * n, columns), dt_s)


def _steadied(before: F32, features: F32, dt_s: F32, steady_s: float) -> F32:
    """(N, F) exponential moving average of the measures, which begins with the first one that is known."""
    gain = -np.expm1(-dt_s / np.float32(steady_s))
    steady: F32 = before + gain * (features - before)
    begins = np.isnan(before)
    if any_of(begins):
        steady[begins] = features[begins]
    return steady


def _looks(plan: Plan, shown: Shown, features: F32, dt_s: F32) -> list[Look]:
    """By the smoothed measures, (T N, F)."""
    outside, inside = _judged(plan, features)
    # Sums of ones: exact in whatever order they are added.
    known = (~np.isnan(features)).astype(np.float32) @ plan.asked
    seen = known[:, : len(plan.names)] == plan.needed
    fair, inside = inside[:, -1], inside[:, :-1]
    rests = seen & inside[:, 0]
    telling = known[:, len(plan.names) :].reshape(inside.shape) > 0
    inside = inside & telling
    # NaN is never outside: what is needed is asked for by itself.
    against = telling & ~inside & ~np.logical_or.reduce(outside[:, :, :-1] & plan.decides, axis=1)
    leaves = telling[:, 0] > inside[:, 0]
    gauges = features.take(plan.gauge_column, axis=1).reshape(len(features), *plan.gauge_sign.shape)
    gauges *= plan.gauge_sign
    told = np.logical_or.reduce(telling, axis=1)
    rows = (seen, rests, told, inside, against, leaves, fair, gauges)
    of_frames = (array.reshape(*shown.features.shape[:2], *array.shape[1:]) for array in rows)
    return list(map(Look, shown.times_us, dt_s, shown.foot, shown.body_height, *of_frames))


def _judged(plan: Plan, features: F32) -> tuple[Bool, Bool]:
    """(M, J, K + 1, R) outside which bands of each pose they are, and (M, K + 1, R) inside all of which poses."""
    values = features.take(plan.column, axis=1).reshape(len(features), *plan.low.shape)
    outside = values < plan.low
    outside |= values > plan.high
    return outside, ~np.logical_or.reduce(outside, axis=1)
