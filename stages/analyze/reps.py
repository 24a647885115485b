"""Repetitions: where every person stands in every exercise, moved on by one frame at a time, as arrays.

A person gets ready by holding an exercise's first phase, moves on when they leave it, reaches the other phases in their
order, and has done a repetition when back in the first. What is out of sight for a moment decides nothing as long as a
measure that tells the phases apart is seen. One movement is one exercise: of those that are done at the same time the
one with the most bands claims it, and waits for nobody but one with more bands that may be done too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import NamedTuple

import numpy as np

from pipeline.core.masks import any_of
from pipeline.core.types import F32, F64, I64, Bool
from stages.analyze.moves import RepTable, blank_table
from stages.analyze.plan import Plan

NOT_READY, AT_REST, MOVING, DONE = range(4)


class Look(NamedTuple):
    """What one frame shows of N people.

    Attributes:
        track_id: (N,) int64.
        features: (N, F) float32 in the order of `features.COLUMNS`.
        foot: (N, 2) float32, middle of the ankles, pixels.
        body_height: (N,) pixels.
        posture: (N,) index of the posture that holds.
        now_us: Event time.
    """

    track_id: I64
    features: F32
    foot: F32
    body_height: F64
    posture: I64
    now_us: int


class Rep(NamedTuple):
    """A repetition that was just completed.

    Attributes:
        person: Index of the person in the frame.
        row: Of the plan.
        started_us, ended_us: Event time.
        gauges: (C,) values of the row's gauges; NaN = not seen.
    """

    person: int
    row: int
    started_us: int
    ended_us: int
    gauges: list[float]


def count_reps(
    table: RepTable | None, plan: Plan, look: Look, max_gap_s: float, steady_s: float
) -> tuple[RepTable, list[Rep]]:
    """Take one frame: the table with its people first, in their order, and what they have completed.

    Measures are smoothed with the time constant `steady_s`, so that noise neither ends a phase nor makes one.
    """
    table = _with_people(table, plan, look, max_gap_s)
    table.looked_us = look.now_us
    n = len(look.track_id)
    dt_s = ((look.now_us - table.at_us[:n]) * 1e-6).astype(np.float32)[:, None]
    table.at_us[:n] = look.now_us
    look = look._replace(features=_steadied(table, look.features, dt_s, steady_s))
    inside, outside, fair = _judge(plan, look)
    known = (~np.isnan(look.features)).astype(np.float32) @ plan.asked
    seen = known[:, : len(plan.names)] == plan.needed
    told = known[:, len(plan.names) :].reshape(inside.shape) > 0
    _lose_sight(table, plan, seen, dt_s, max_gap_s)
    _get_ready(table, plan, look, seen, seen & inside[:, 0])
    # From here on with those of whom a telling measure is seen.
    inside &= told
    rests = inside[:, 0]
    phase = table.phase[:n]
    resting = phase == AT_REST
    starts = resting & (told[:, 0] > rests)
    if any_of(starts):
        _start(table, starts)
    resting &= rests
    moving = (phase == MOVING) & np.logical_or.reduce(told, axis=1)
    _gauge(table, plan, look, inside, moving, resting)
    if any_of(resting):
        _stay(table, look, resting)
    if any_of(moving):
        against = told & _speaks_against(plan, inside, outside)
        _go_on(table, plan, look, inside, against, seen, fair, moving, dt_s)
    return table, list(_claims(table, plan, rests)) if any_of(phase == DONE) else []


def _steadied(table: RepTable, features: F32, dt_s: F32, steady_s: float) -> F32:
    """(N, F) exponential moving average of the measures, which begins with the first one that is known."""
    before = table.features[: len(features)]
    gain = -np.expm1(-dt_s / np.float32(steady_s))
    steady: F32 = before + gain * (features - before)
    begins = np.isnan(before)
    if any_of(begins):
        steady[begins] = features[begins]
    before[:] = steady
    return steady


def _judge(plan: Plan, look: Look) -> tuple[Bool, Bool, Bool]:
    """In which phases they are, as far as one sees; outside which bands of each phase; and whether nothing is barred.

    (N, K, R), (N, J, K, R) and (N, R).
    """
    n = len(look.track_id)
    values = look.features.take(plan.column, axis=1).reshape(n, *plan.low.shape)
    # NaN is never outside: what is needed is asked for by itself.
    outside = values < plan.low
    outside |= values > plan.high
    inside = ~np.logical_or.reduce(outside, axis=1)
    return inside[:, :-1], outside[:, :, :-1], inside[:, -1] > plan.barred.take(look.posture, axis=0)


def _speaks_against(plan: Plan, inside: Bool, outside: Bool) -> Bool:
    """(N, K, R) whether the measures that tell the phase are in their bands, but another one that is seen is not."""
    result: Bool = ~(np.logical_or.reduce(outside & plan.decides, axis=1) | inside)
    return result


def _lose_sight(table: RepTable, plan: Plan, seen: Bool, dt_s: F32, max_gap_s: float) -> None:
    """Nothing is known of who was out of sight for longer than the slack."""
    n = len(seen)
    unseen_s = table.unseen_s[:n]
    unseen_s += dt_s
    unseen_s *= ~seen
    lost = unseen_s > plan.unseen_s
    lost |= dt_s > max_gap_s
    if any_of(lost):
        _forget(table, lost & (table.phase[:n] != DONE))


def _get_ready(table: RepTable, plan: Plan, look: Look, seen: Bool, rests: Bool) -> None:
    n = len(seen)
    since, phase = table.rest_us[:n], table.phase[:n]
    idle = phase == NOT_READY
    holds = idle & rests
    stopped = (idle & (seen > rests)) & (since != 0)
    if any_of(stopped):
        since[stopped] = 0
    if any_of(holds):
        since[holds & (since == 0)] = look.now_us
        phase[holds & (look.now_us - since >= plan.min_s[: len(plan.names)] * 1e6)] = AT_REST


def _start(table: RepTable, starts: Bool) -> None:
    n = len(starts)
    table.phase[:n][starts] = MOVING
    for array in (table.reached, table.hold_s, table.hidden_s, table.bad_s):
        array[:n][starts] = 0


def _stay(table: RepTable, look: Look, resting: Bool) -> None:
    n = len(resting)
    np.copyto(table.rest_us[:n], look.now_us, where=resting)
    np.copyto(table.foot[:n], look.foot[:, None], where=resting[:, :, None])


def _gauge(table: RepTable, plan: Plan, look: Look, inside: Bool, moving: Bool, resting: Bool) -> None:
    """Follow the greatest values, each in its phase."""
    n, phases, rows = inside.shape
    scopes = np.empty((n, phases + 2, rows), np.bool_)
    np.logical_and(inside, moving[:, None], out=scopes[:, :phases])
    scopes[:, 0] = resting
    scopes[:, phases] = moving
    np.logical_or(moving, resting, out=scopes[:, phases + 1])
    gauge = table.gauge[:n]
    taken = scopes.reshape(n, -1).take(plan.gauge_scope, axis=1).reshape(gauge.shape)
    values = look.features.take(plan.gauge_column, axis=1).reshape(gauge.shape)
    values *= plan.gauge_sign
    np.fmax(gauge, values, out=gauge, where=taken)


def _go_on(
    table: RepTable,
    plan: Plan,
    look: Look,
    inside: Bool,
    against: Bool,
    seen: Bool,
    fair: Bool,
    moving: Bool,
    dt_s: F32,
) -> None:
    n, phases, rows = inside.shape
    row = np.arange(rows)
    at = table.reached[:n]
    wanted = np.minimum(at + 1, plan.last)
    if phases == 2:
        is_in, is_out, min_s, max_s = inside[:, 1], against[:, 1], plan.min_s[rows:], plan.max_s[rows:]
    else:
        place = wanted * np.int64(rows) + row
        of_each = place + np.arange(n)[:, None] * (phases * rows)
        is_in, is_out = inside.ravel().take(of_each), against.ravel().take(of_each)
        min_s, max_s = plan.min_s.take(place), plan.max_s.take(place)
    held_s = table.hold_s[:n] + dt_s * (is_in & seen)
    # The first phase is never wanted: what is counted here is the last phase, or one on the way to it.
    hidden_s = table.hidden_s[:n] + dt_s * np.subtract(is_in, is_out, dtype=np.float32)
    bad_s = table.bad_s[:n] + dt_s * ~fair
    seconds = (look.now_us - table.rest_us[:n]).astype(np.float64) * 1e-6
    over = bad_s > plan.slack_s
    over |= seconds > plan.rep_max_s
    over |= held_s > max_s
    over &= moving
    got = held_s >= min_s
    got &= moving
    if phases > 2:
        # The time in the last phase goes on to be counted, for its longest.
        passed = got & (at < wanted) & (wanted < plan.last)
        held_s[passed] = 0
        hidden_s[passed] = 0
    np.copyto(at, wanted, where=got)
    np.copyto(table.hold_s[:n], held_s, where=moving)
    np.copyto(table.hidden_s[:n], hidden_s, where=moving)
    np.copyto(table.bad_s[:n], bad_s, where=moving)
    back = moving & inside[:, 0]
    if any_of(over):
        back &= ~over
        _forget(table, over)
    if any_of(back):
        _come_back(table, plan, look, back, seconds)


def _come_back(table: RepTable, plan: Plan, look: Look, back: Bool, seconds: F64) -> None:
    """What is back in the first phase is done, or was a half repetition."""
    people, rows = np.nonzero(back)
    # A foot that was not seen, NaN, has not moved.
    away = look.foot[people] - table.foot[people, rows]
    moved = np.hypot(away[:, 0], away[:, 1]) > plan.max_travel[rows] * look.body_height[people]
    reached, last = table.reached[people, rows], plan.last[rows]
    # A last phase that was hidden in part counts when it held for longer than something spoke against it.
    hidden = table.hidden_s[people, rows] >= plan.min_s[last * len(plan.names) + rows]
    done = ((reached == last) | ((reached + 1 == last) & hidden)) & ~moved
    done &= seconds[people, rows] >= plan.rep_min_s[rows]
    table.phase[people, rows] = np.where(done, DONE, AT_REST)
    table.foot[people, rows] = look.foot[people]
    table.done_us[people[done], rows[done]] = look.now_us
    people, rows = people[~done], rows[~done]
    table.gauge[people, rows] = np.nan
    table.rest_us[people, rows] = look.now_us


def _claims(table: RepTable, plan: Plan, rests: Bool) -> Iterator[Rep]:
    """Of what each person has done, that which counts."""
    for person in np.nonzero(np.logical_or.reduce(table.phase[: len(rests)] == DONE, axis=1))[0].tolist():
        phase, since = table.phase[person], table.rest_us[person]
        done = np.nonzero(phase == DONE)[0]
        # What was seen goes before what was hidden in part, then the one with the most bands.
        order = np.lexsort((plan.rank[done], table.reached[person, done] < plan.last[done]))
        for row in done[order].tolist():
            if phase[row] != DONE:
                continue
            started_us, ended_us = int(since[row]), int(table.done_us[person, row])
            same = since < (started_us + ended_us) // 2
            rivals = (phase == MOVING) & (table.reached[person] == plan.last) & plan.beats[:, row] & same
            if any_of(rivals) and rests[person, row]:
                continue
            values = table.gauge[person, row] * plan.gauge_sign[row]
            yield Rep(person, row, started_us, ended_us, values.tolist())
            # What else was done or begun in the same time is the same movement.
            void, back = same & (phase == MOVING), same & (phase == DONE)
            table.gauge[person, void | back] = np.nan
            phase[void], since[void] = NOT_READY, 0
            phase[back], since[back] = AT_REST, ended_us


def _forget(table: RepTable, lost: Bool) -> None:
    n = len(lost)
    table.phase[:n][lost] = NOT_READY
    table.rest_us[:n][lost] = 0
    table.gauge[:n][lost] = np.nan


def _with_people(table: RepTable | None, plan: Plan, look: Look, max_gap_s: float) -> RepTable:
    """The table with the people of the frame first, then others who were seen lately."""
    n = len(look.track_id)
    if table is not None and table.hidden_s.shape != table.hold_s.shape:
        table.hidden_s = np.zeros_like(table.hold_s)  # of a state that was saved before there was any
    sizes = plan.gauge_sign.shape[1], look.features.shape[1]
    if table is None or table.rows != list(plan.names) or (table.gauge.shape[2], table.features.shape[1]) != sizes:
        table = blank_table(plan.names, *sizes, 0)
    same = table.track_id[:n].tobytes() == look.track_id.tobytes()
    if same and len(table.track_id) == n:
        return table
    recent = look.now_us - table.at_us <= max_gap_s * 1e6
    absent = recent & ~np.isin(table.track_id, look.track_id)
    if same and np.count_nonzero(absent) == len(table.track_id) - n:
        return table
    place = {track: i for i, track in enumerate(table.track_id.tolist())}
    kept = np.nonzero(absent)[0]
    fresh = blank_table(plan.names, *sizes, n + len(kept))
    fresh.track_id[:n], fresh.at_us[:n] = look.track_id, look.now_us
    new = [i for i, track in enumerate(look.track_id.tolist()) if track in place]
    old = [place[track] for track in look.track_id[new].tolist()]
    target, source = np.array([*new, *range(n, n + len(kept))], np.int64), np.array([*old, *kept], np.int64)
    for each in fields(RepTable):
        if each.name not in ("rows", "looked_us"):
            getattr(fresh, each.name)[target] = getattr(table, each.name)[source]
    return fresh
