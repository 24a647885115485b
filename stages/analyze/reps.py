"""Repetitions: where every person stands in every exercise, moved on by one frame at a time, as arrays.

A person gets ready by holding an exercise's first phase, moves on when they leave it, reaches the other phases in their
order, and has done a repetition when back in the first. What is out of sight for a moment decides nothing as long as a
measure that tells the phases apart is seen. One movement is one exercise: of those that are done at the same time the
one with the most bands claims it, and waits for nobody but one with more bands that may be done too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pipeline.core.masks import any_of
from pipeline.core.types import F64, I64, Bool
from stages.analyze.looks import Look
from stages.analyze.moves import RepTable
from stages.analyze.plan import Plan

NOT_READY, AT_REST, MOVING, DONE = range(4)


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


def count_reps(table: RepTable, plan: Plan, look: Look, posture: I64, max_gap_s: float) -> list[Rep]:
    """Take one frame: what the N people have completed, who are the first of the table.

    Args:
        posture: (N,) index of the posture that holds.
    """
    n = len(posture)
    _lose_sight(table, plan, look, max_gap_s)
    _get_ready(table, plan, look)
    # From here on with those of whom a telling measure is seen.
    phase, rests = table.phase[:n], look.inside[:, 0]
    resting = phase == AT_REST
    starts = resting & look.leaves
    if any_of(starts):
        _start(table, starts)
    resting &= rests
    moving = (phase == MOVING) & look.told
    _gauge(table, plan, look, moving, resting)
    if any_of(resting):
        _stay(table, look, resting)
    if any_of(moving):
        _go_on(table, plan, look, look.fair > plan.barred.take(posture, axis=0), moving)
    return list(_claims(table, plan, rests)) if any_of(phase == DONE) else []


def _lose_sight(table: RepTable, plan: Plan, look: Look, max_gap_s: float) -> None:
    """Nothing is known of who was out of sight for longer than the slack."""
    n = len(look.seen)
    unseen_s = table.unseen_s[:n]
    unseen_s += look.dt_s
    unseen_s *= ~look.seen
    lost = unseen_s > plan.unseen_s
    lost |= look.dt_s > max_gap_s
    if any_of(lost):
        _forget(table, lost & (table.phase[:n] != DONE))


def _get_ready(table: RepTable, plan: Plan, look: Look) -> None:
    n = len(look.seen)
    since, phase = table.rest_us[:n], table.phase[:n]
    idle = phase == NOT_READY
    holds = idle & look.rests
    stopped = (idle & (look.seen > look.rests)) & (since != 0)
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


def _gauge(table: RepTable, plan: Plan, look: Look, moving: Bool, resting: Bool) -> None:
    """Follow the greatest values, each in its phase."""
    n, phases, rows = look.inside.shape
    scopes = np.empty((n, phases + 2, rows), np.bool_)
    np.logical_and(look.inside, moving[:, None], out=scopes[:, :phases])
    scopes[:, 0] = resting
    scopes[:, phases] = moving
    np.logical_or(moving, resting, out=scopes[:, phases + 1])
    gauge = table.gauge[:n]
    taken = scopes.reshape(n, -1).take(plan.gauge_scope, axis=1).reshape(gauge.shape)
    np.fmax(gauge, look.gauges, out=gauge, where=taken)


def _go_on(table: RepTable, plan: Plan, look: Look, fair: Bool, moving: Bool) -> None:
    inside, against, dt_s = look.inside, look.against, look.dt_s
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
    held_s = table.hold_s[:n] + dt_s * (is_in & look.seen)
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
