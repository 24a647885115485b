"""What frames show of people in every exercise: which bands their measures lie in, for several frames at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import NamedTuple

import numpy as np

from pipeline.core.masks import any_of
from pipeline.core.types import F32, F64, I64, Bool
from stages.analyze.moves import RepTable, blank_table
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
    dt_s, steady = np.empty((frames, n, 1), np.float32), np.empty_like(shown.features)
    for frame, now_us in enumerate(shown.times_us):
        table = _with_people(table, plan, shown.track_id, columns, now_us, max_gap_s)
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


def _with_people(
    table: RepTable | None, plan: Plan, track_id: I64, columns: int, now_us: int, max_gap_s: float
) -> RepTable:
    """The table with these people first, then others who were seen lately."""
    n = len(track_id)
    if table is not None and table.hidden_s.shape != table.hold_s.shape:
        table.hidden_s = np.zeros_like(table.hold_s)  # of a state that was saved before there was any
    sizes = plan.gauge_sign.shape[1], columns
    if table is None or table.rows != list(plan.names) or (table.gauge.shape[2], table.features.shape[1]) != sizes:
        table = blank_table(plan.names, *sizes, 0)
    same = table.track_id[:n].tobytes() == track_id.tobytes()
    if same and len(table.track_id) == n:
        return table
    recent = now_us - table.at_us <= max_gap_s * 1e6
    absent = recent & ~np.isin(table.track_id, track_id)
    if same and np.count_nonzero(absent) == len(table.track_id) - n:
        return table
    place = {track: i for i, track in enumerate(table.track_id.tolist())}
    kept = np.nonzero(absent)[0]
    fresh = blank_table(plan.names, *sizes, n + len(kept))
    fresh.track_id[:n], fresh.at_us[:n] = track_id, now_us
    new = [i for i, track in enumerate(track_id.tolist()) if track in place]
    old = [place[track] for track in track_id[new].tolist()]
    target, source = np.array([*new, *range(n, n + len(kept))], np.int64), np.array([*old, *kept], np.int64)
    for each in fields(RepTable):
        if each.name not in ("rows", "looked_us"):
            getattr(fresh, each.name)[target] = getattr(table, each.name)[source]
    return fresh
